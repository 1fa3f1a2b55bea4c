"""People for tests, each made by the same functions that the product uses."""

from datetime import UTC, datetime
from itertools import count

from accounts.models import User
from channels_ace.api import ContactPoint, Recipient, add_contact_point
from notifications.api import CourseMembership, PlatformUser

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
COURSE = "course-v1:DemoX+NS101+2026"

_numbers = count(1)


def make_user(
    username: str | None = None,
    *,
    time_zone: str = "UTC",
    language: str = "",
    email: str | None = None,
    phone: str | None = None,
    device: str | None = None,
    platform_id: int | None = None,
) -> User:
    """This function will make a person with the verified addresses that are given, and no others."""
    user = User.objects.create_user(username=username or f"person{next(_numbers)}", email=email or "")
    Recipient.objects.create(user=user, time_zone=time_zone, language=language)
    for kind, address in (("email", email), ("phone", phone), ("device_token", device)):
        if address is not None:
            make_contact(user, kind, address)
    if platform_id is not None:
        PlatformUser.objects.create(platform_id=platform_id, user=user)
    return user


def make_contact(user: User, kind: str, address: str = "", *, verified: bool = True) -> ContactPoint:
    """This function will give a person an address of a kind: the one named, or one that nobody else has."""
    number = next(_numbers)
    made_up = {"email": f"person{number}@example.org", "phone": f"+1206{5_550_000 + number}"}
    address = address or made_up.get(kind, f"device-{number:08d}")
    return add_contact_point(user_id=user.pk, kind=kind, address=address, now=NOW, verified=verified)


def make_member(
    user: User | None = None,
    course: str = COURSE,
    *,
    role: str = "learner",
    mode: str = "audit",
    cohort: str = "",
    team: str = "",
    is_active: bool = True,
) -> User:
    """This function will put a person (a new one, if none is given) into a course, and give the person back."""
    user = user or make_user()
    CourseMembership.objects.create(course_key=course, user=user, role=role, mode=mode, cohort=cohort, team=team, is_active=is_active)
    return user
