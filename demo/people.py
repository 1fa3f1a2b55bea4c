"""Who lives in the demo world: made up, the same every time. Read next: world.py."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.api import User
from channels_ace.api import ContactPoint, Recipient, add_contact_points
from notifications.api import CourseMembership, PlatformUser, Preference

PASSWORD = "carillon-demo"  # noqa: S105 - shown on the sign-in page of the demo
COURSE = "course-v1:DemoX+NS101+2026"
LEARNERS = 500
FIRST_PLATFORM_ID = 101

# At least eight, one with a half-hour offset; the one that changes clocks is chosen by date (world.py).
ZONES = (
    "America/Los_Angeles",
    "America/Denver",
    "America/Chicago",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Madrid",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Pacific/Auckland",
)


class Profile(StrEnum):
    """How a participant behaves."""

    PERFECT = "perfect"
    MISSES_3_TO_5 = "misses days 3 to 5"
    SILENT = "silent"
    OPTS_OUT = "opts out on day 2"
    WITHDRAWS = "withdraws on day 6"
    NO_PHONE = "no verified phone"


@dataclass(frozen=True)
class Participant:
    """One of the sixty."""

    number: int
    profile: Profile
    zone: str
    # Days before today on which they enrolled; None: so that clocks change inside their first burst.
    days_ago: int | None

    @property
    def username(self) -> str:
        return "participant" if self.number == 1 else f"participant{self.number:02d}"

    @property
    def phone(self) -> str:
        # 0100 to 0199 are kept for fiction; the doubles know the number ending in 0199 as opted out at the carrier.
        return "+12065550199" if self.number == 40 else f"+1206555{100 + self.number:04d}"


@dataclass(frozen=True)
class Door:
    """A way to sign in."""

    username: str
    name: str
    role: str | Promise
    sees: str | Promise
    icon: str


DOORS = (
    Door("learner", "Lena Okafor", _("Learner"), _("inbox and settings"), "inbox"),
    Door("participant", "Pavel Novak", _("Participant"), _("their study in inbox and settings"), "phone"),
    Door("researcher", "Rosa Lindqvist", _("Researcher"), _("studies, bursts, texts and reasons"), "study"),
    Door("operator", "Omar Haddad", _("Operator"), _("the delivery log and every setting"), "account"),
)


def participants() -> list[Participant]:
    """This function will list the sixty participants, the same each time."""
    profiles = [
        *[Profile.MISSES_3_TO_5] * 14,
        *[Profile.PERFECT] * 18,
        *[Profile.SILENT] * 14,
        *[Profile.OPTS_OUT] * 5,
        *[Profile.WITHDRAWS] * 4,
        *[Profile.NO_PHONE] * 5,
    ]
    everyone = [Participant(n, profile, ZONES[n % len(ZONES)], 95 + n % 6) for n, profile in enumerate(profiles, start=1)]
    # Two who live through a change of clocks: one who misses days, one who is silent.
    return [Participant(one.number, one.profile, "", None) if one.number in (2, 33) else one for one in everyone]


def make_staff(now: datetime) -> None:
    """This function will make the researcher and the operator."""
    users = get_user_model()._default_manager
    researcher, _made = users.get_or_create(
        username="researcher", defaults={"first_name": "Rosa", "last_name": "Lindqvist", "password": make_password(PASSWORD)}
    )
    researcher.user_permissions.add(Permission.objects.get(codename="add_study"))
    users.get_or_create(
        username="operator",
        defaults={
            "first_name": "Omar",
            "last_name": "Haddad",
            "password": make_password(PASSWORD),
            "is_staff": True,
            "is_superuser": True,
        },
    )
    for name in ("researcher", "operator"):
        Recipient.objects.get_or_create(user=users.get(username=name), defaults={"time_zone": "Europe/Madrid"})


def make_learners(now: datetime) -> None:
    """This function will make 500 learners of one course, in a handful of statements."""
    users = get_user_model()
    if users._default_manager.filter(username="learner").exists():
        return
    chance = random.Random(500)
    password = make_password(PASSWORD)
    names = ["learner", *(f"learner{number:03d}" for number in range(2, LEARNERS + 1))]
    made = users._default_manager.bulk_create(
        users(
            username=name,
            first_name="Lena" if name == "learner" else "",
            last_name="Okafor" if name == "learner" else "",
            password=password if name == "learner" else make_password(None),
            email=_mailbox(name),
        )
        for name in names
    )
    Recipient.objects.bulk_create(
        Recipient(
            user=user,
            time_zone="Europe/London" if user.username == "learner" else ZONES[n % len(ZONES)],
            language=("en", "es", "en", "ar")[n % 4],
        )
        for n, user in enumerate(made)
    )
    PlatformUser.objects.bulk_create(PlatformUser(platform_id=FIRST_PLATFORM_ID + n, user=user) for n, user in enumerate(made))
    CourseMembership.objects.bulk_create(
        CourseMembership(
            course_key=COURSE,
            user=user,
            role=_role(n),
            mode="verified" if chance.random() < 0.4 else "audit",
            cohort=str(1 + n % 2),
        )
        for n, user in enumerate(made)
    )
    add_contact_points(
        [
            (user.pk, kind, address)
            for n, user in enumerate(made)
            for kind, address in [
                (ContactPoint.Kind.EMAIL, user.email),
                *([(ContactPoint.Kind.DEVICE_TOKEN, _device(n))] if n % 3 == 0 else []),
            ]
        ],
        now=now,
    )
    _choose(made, now)


def _role(number: int) -> str:
    return {1: "instructor", 2: "staff", 3: "moderator", 4: "administrator"}.get(number % 100, "learner")


def _mailbox(name: str) -> str:
    # The doubles answer a mailbox that begins with "bounce" with 550.
    return "bounce-407@example.org" if name == "learner407" else f"{name}@example.org"


def _device(number: int) -> str:
    return f"dead-device-{number:05d}" if number in (9, 300) else f"device-{number:05d}"


def _choose(people: Iterable[User], now: datetime) -> None:
    """This function will let some people differ from the defaults."""
    chosen = [
        Preference(user=user, scope="discussion", channel="email", is_on=False, changed_at=now)
        for n, user in enumerate(people)
        if n % 7 == 3
    ]
    Preference.objects.bulk_create(chosen)
