"""People and things to which bad input is sent, and what must not change by it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.service_tokens import make_service_token
from notifications.api import known_scopes, notify
from scheduling.timeline import sessions_of
from studies.api import create_study, import_protocol
from tests.bad_input.corpus import Call
from tests.factories import make_user
from tests.scheduling.worlds import join, make_study, mpower_document

# What counts calls, tries and sessions, and so grows by refused calls too.
COUNTED = {"django_session", "accounts_try", "accounts_ratecount"}


@dataclass(frozen=True)
class World:
    clients: dict[str, Client]
    names: dict[str, str]

    def send(self, call: Call) -> Any:
        """This function will make a call, with the names of this world in its address and body."""
        headers = {name: value for name, value in call.headers.items() if name != "content-type"}
        options: dict[str, Any] = {"headers": headers, "secure": False}
        path, body = self._named(call.path), call.body
        if call.query:
            path = f"{path}?{urlencode(call.query, errors='surrogatepass')}"
        if call.form is not None:
            body = urlencode(call.form, errors="surrogatepass").encode()
            options["content_type"] = "application/x-www-form-urlencoded"
        else:
            options["content_type"] = call.headers.get("content-type", "application/json")
            body = self._named((body or b"").decode("latin-1")).encode("latin-1")
        return self.clients[call.caller].generic(call.method, path, body, **options)

    def _named(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace("{" + name + "}", value)
        return text


def make_world() -> World:
    """This function will make a learner with one item, a participant in a study, its researcher, and an operator."""
    now = timezone.now()
    learner, operator = make_user("learner"), User.objects.create_superuser("operator")
    item = notify(type="other.announcement", audience=[learner], context={"title": "Hi"}, now=now)
    study = make_study(now - timedelta(days=3))
    enrollment = join(study, now - timedelta(days=3))
    researcher = User.objects.get(pk=study.roles.get().user_id)
    researcher.user_permissions.add(Permission.objects.get(codename="add_study", content_type__app_label="studies"))
    draft = create_study(name="Draft", participant_name="Nights", owner_id=researcher.pk, now=now)
    import_protocol(draft, mpower_document(), actor_id=researcher.pk, now=now)
    first = enrollment.enrolled_date
    session = sessions_of(enrollment, first, first + timedelta(days=1), now)[0]
    people = {"learner": learner, "operator": operator, "researcher": researcher, "participant": enrollment.user}
    clients = {name: _signed_in(person) for name, person in people.items()}
    names = {
        "item": item.public_id,
        "study": study.public_id,
        "draft": draft.public_id,
        "enrollment": enrollment.public_id,
        "session": session.id,
    }
    token = make_service_token(name="lms", scopes=known_scopes(), made_by_id=None, expires_at=None, now=now)
    clients["service"] = Client(raise_request_exception=False, headers={"authorization": f"Bearer {token}"})
    return World({**clients, "visitor": Client(raise_request_exception=False)}, names)


def counts() -> dict[str, int]:
    """This function will count the rows of every table that bad input must not change, in one statement."""
    tables = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)} - COUNTED)
    statement = " UNION ALL ".join(f"SELECT '{table}', COUNT(*) FROM {connection.ops.quote_name(table)}" for table in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return dict(cursor.fetchall())


def _signed_in(person: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client
