"""Reads access.txt, and makes callers and objects for it. Read next: test_access.py."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client
from django.test.client import ClientHandler
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import SignedInBrowser, User
from accounts.service_tokens import make_service_token
from accounts.signed_in_apps import sign_in
from channels_ace.api import find
from notifications.api import known_scopes, notify
from notifications.calendar_feed import make_link
from notifications.date_import import Row as DateRow
from notifications.date_import import import_dates
from notifications.models import ServiceMessage, WebhookPost
from notifications.reach import addresses, key_of
from notifications.resting import mute
from notifications.service_messages import plan_due
from notifications.unsubscribe import token_of
from notifications.webhooks import make_webhook
from scheduling.timeline import sessions_of
from studies.api import Study, StudyRole, enroll, import_protocol
from tests.factories import COURSE, make_contact, make_member, make_user
from tests.scheduling.worlds import make_study, mpower_document

FILE = Path(__file__).with_name("access.txt")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SERVICES = ("scoped", "unscoped")
# What belongs to somebody, by its name in an address: each is tried alone as another's, with the rest the caller's own.
OWNED = {
    "item_id",
    "public_id",
    "device_id",
    "point_id",
    "key",
    "app_id",
    "browser_id",
    "message_id",
    "webhook_id",
    "post_id",
    "study_id",
} | {
    "participant_id",
    "enrollment_id",
    "course_key",
    "mute",
}
# A course in which nobody has a place.
STRANGE = "course-v1:Strange+X+1"
_PLACE = re.compile(r"\(\?P<(\w+)>[^()]*\)|<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Row:
    """A line of [routes]."""

    route: str
    method: str
    kind: str
    status: int
    scope: str = ""
    query: str = ""
    body: str = ""


@dataclass(frozen=True)
class Matrix:
    """What access.txt says."""

    callers: list[str]
    # By kind and whose object: the answer to each caller.
    answers: dict[tuple[str, str], dict[str, str]]
    rows: list[Row]
    # By model: what an operator may do beside looking.
    models: dict[str, set[str]]


@dataclass(frozen=True)
class Route:
    """A route by its name, its place, and the names of what stands in it."""

    name: str
    place: str

    @property
    def names(self) -> list[str]:
        return [found[1] or found[2] for found in _PLACE.finditer(self.place)]

    def address(self, names: Mapping[str, str]) -> str:
        """This function will give the address of one object."""
        return "/" + _PLACE.sub(lambda found: quote(names[found[1] or found[2]], safe=":+@"), self.place)


def read_matrix() -> Matrix:
    """This function will read access.txt."""
    lines = FILE.read_text().splitlines()
    callers = next(line for line in lines if line.startswith("#") and "nobody disabled" in line).strip("# ").split()
    parts: dict[str, list[str]] = {}
    part: list[str] = []
    for line in lines:
        if line.startswith("["):
            part = parts.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            part.append(line)
    answers = {}
    for line in parts["kinds"]:
        kind, whose, *found = line.split()
        answers[kind, whose] = dict(zip(callers, found, strict=True))
    models = {line.split()[0]: set(line.split()[1:]) for line in parts["admin"]}
    return Matrix(callers, answers, [_read_row(line) for line in parts["routes"]], models)


def _read_row(line: str) -> Row:
    line, brace, body = line.partition("{") if " {" in line and "?" not in line else (line, "", "")
    route, method, kind, status, *rest = line.split()
    query = next((word for word in rest if word.startswith("?")), "")
    scope = next((word for word in rest if not word.startswith("?")), "")
    return Row(route, method, kind, int(status), scope, query, brace + body)


def routes() -> list[Route]:
    """This function will list every route of the site."""
    return list(_routes(get_resolver()))


def _routes(resolver: URLResolver, before: str = "", spaces: tuple[str, ...] = ()) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        place = before + str(entry.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        if isinstance(entry, URLResolver):
            yield from _routes(entry, place, (*spaces, entry.namespace) if entry.namespace else spaces)
        elif isinstance(entry, URLPattern):
            yield Route(":".join([*spaces, entry.name or "unnamed"]), place)


class World:
    """The callers, and for each what its own names stand for; `another` is of somebody whom none of them knows."""

    def __init__(self) -> None:
        self.now = now = timezone.now()
        self.study = make_study(now - timedelta(days=3))
        import_protocol(self.study, mpower_document(), actor_id=self.study.roles.get().user_id, now=now)
        elsewhere = make_study(now - timedelta(days=3))
        self.people = {name: make_user(name) for name in ("disabled", "learner", "other", "viewer", "coordinator", "stranger")}
        self.people |= {"owner": User.objects.get(pk=self.study.roles.get().user_id), "team": make_member(role="staff")}
        self.people["owner_b"] = User.objects.get(pk=make_study(now).roles.get().user_id)
        self.people["staff"] = User.objects.create_user("clerk", is_staff=True)
        self.people["operator"] = User.objects.create_superuser("operator")
        self.people["owner"].user_permissions.add(Permission.objects.get(codename="add_study", content_type__app_label="studies"))
        for role in (StudyRole.Role.VIEWER, StudyRole.Role.COORDINATOR):
            StudyRole.objects.create(study=self.study, user=self.people[role.value], role=role)
        dates = [
            DateRow(number, key, "lab", "assignment", "Lab", at=now + timedelta(days=9)) for number, key in enumerate((COURSE, STRANGE))
        ]
        import_dates(dates, now)
        self.apps: dict[str, str] = {}
        of_study = self._of_study(self.study, self.people["learner"])
        everywhere = self._everywhere()
        of_lms, of_team = self._of_service("lms"), self._of_service(f"person:{self.people['team'].pk}")
        self._own = {name: {**everywhere, **of_study, **of_lms, **self._of(name, person)} for name, person in self.people.items()}
        self._own["team"] |= {"message_id": of_team["message_id"]}
        stranger = self.people["stranger"]
        self.another = {
            **self._own["stranger"],
            **self._of_study(elsewhere, stranger),
            **self._of_service("another"),
            "course_key": STRANGE,
        }
        self.sessions = {name: _session_of(person) for name, person in self.people.items()}
        User.objects.filter(username="disabled").update(is_active=False)
        self.tokens: dict[tuple[str, str], str] = {}
        self.handler = ClientHandler(enforce_csrf_checks=False)

    def own(self, caller: str) -> dict[str, str]:
        """This function will give what names stand for, of the caller; of the learner, for whoever is nobody."""
        return self._own.get(caller) or self._own["learner"]

    def client(self, caller: str, scope: str = "") -> Client:
        """This function will give a fresh client of a caller; a service has the scope alone, or all but it."""
        client = Client(raise_request_exception=False)
        # The middleware is made once: WhiteNoise looks through every static file.
        client.handler = self.handler
        if caller in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[caller]
        elif caller in SERVICES:
            client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {self._token(caller, scope)}"
        elif caller == "app":
            client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {self.apps['learner']}"
        return client

    def _token(self, caller: str, scope: str) -> str:
        known = (caller, scope)
        if known not in self.tokens:
            scopes = {scope} - {""} if caller == "scoped" else set(known_scopes()) - {scope}
            # A token without a scope of its own may do nothing: all that is left is what its caller is.
            self.tokens[known] = make_service_token(name="lms", scopes=scopes, made_by_id=None, expires_at=None, now=self.now)
        return self.tokens[known]

    def _of(self, name: str, person: User) -> dict[str, str]:
        """This function will give a person one of everything that people have."""
        number = f"+1206555{person.pk % 10_000:04d}"
        make_contact(person, "phone", number)
        make_contact(person, "device_token")
        item = notify(type="other.announcement", audience=[person], context={"title": "Hi"}, scope=COURSE, now=self.now)
        points = {point.kind: key_of(point) for point in addresses(person.pk)}
        mute(person.pk, f"course-v1:Muted+by+{person.pk}", "", now=self.now)
        tokens = sign_in(person, "phone", self.now)
        self.apps[name] = tokens.access
        link = make_link(person.pk, self.now)
        _session_of(person)
        return {
            "item_id": item.public_id,
            "public_id": item.public_id,
            "device_id": points["device_token"],
            "point_id": points["phone"],
            "key": points["phone"],
            "app_id": tokens.app.public_id,
            "browser_id": SignedInBrowser.objects.get(user=person).public_id,
            "mute": f"course-v1:Muted+by+{person.pk}",
            "unsubscribe": token_of(find("discussion.new_response"), person.pk),
            "feed": link,
            "uidb64": "x",
        }

    def _of_study(self, study: Study, person: User) -> dict[str, str]:
        enrolled_at = self.now - timedelta(days=3)
        enrollment = enroll(study, user_id=person.pk, code=f"P{person.pk:04d}", time_zone="America/New_York", now=enrolled_at)
        first = enrollment.enrolled_date
        session = sessions_of(enrollment, first, first + timedelta(days=1), self.now)[0]
        ids = {"enrollment_id": enrollment.public_id, "participant_id": enrollment.public_id}
        return {"study_id": study.public_id, **ids, "session_id": session.id}

    def _of_service(self, service: str) -> dict[str, str]:
        asked = ServiceMessage.objects.create(
            service=service,
            scope=COURSE,
            type="other.announcement",
            context={"title": "Hi"},
            audience={"usernames": ["learner"]},
            asked_at=self.now,
        )
        plan_due(self.now)
        webhook = make_webhook(service=service, url="https://192.0.2.1/", events=["message.planned"], now=self.now)
        post = WebhookPost.objects.create(
            webhook=webhook, event_id="e", event="message.planned", payload={}, happened_at=self.now, next_at=self.now
        )
        return {"message_id": asked.public_id, "webhook_id": webhook.public_id, "post_id": post.public_id}

    def _everywhere(self) -> dict[str, str]:
        return {
            "course_key": COURSE,
            "external_id": "lab",
            "username": "learner",
            "event_id": "custom:activityBurst2Start",
            "number": "1",
            "scope": "discussion",
            "channel": "email",
            "language": "en",
            "type_name": "discussion.new_response",
            "path": "no/such/thing/",
            "object_id": str(self.people["learner"].pk),
            "id": str(self.people["learner"].pk),
            "content_type_id": "1",
            "app_label": "studies",
            "today": _day(self.now),
            "tomorrow_date": _day(self.now + timedelta(days=1)),
            "next_month": _day(self.now + timedelta(days=30)),
            "tomorrow": (self.now + timedelta(days=1)).isoformat(timespec="seconds"),
        }


def named(text: str, names: Mapping[str, str]) -> str:
    """This function will put what names stand for into a query or body; what is no name of ours stays."""
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), text)


def _day(at: datetime) -> str:
    return at.date().isoformat()


def _session_of(person: Any) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
