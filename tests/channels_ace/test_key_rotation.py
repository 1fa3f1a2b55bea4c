from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import DataCopy
from channels_ace import key_rotation
from channels_ace.api import ContactPoint
from channels_ace.crypto import is_by_newest_key
from channels_ace.inbound_models import InboundText
from channels_ace.key_rotation import Column, encrypted_columns, rotate
from notifications.models import KeptAnswer
from notifications.webhooks import make_webhook
from tests.factories import NOW, make_contact, make_user

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def stored() -> list[str]:
    """This function will read what the columns really hold."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for column in encrypted_columns():
            table = column.model._meta.db_table
            cursor.execute(f"SELECT {connection.ops.quote_name(column.name)} FROM {table}")  # noqa: S608
            found += [value for (value,) in cursor.fetchall() if value]
    return found


def addresses() -> Column:
    return next(column for column in encrypted_columns() if column.name == "address")


def run(*words: str) -> str:
    out = StringIO()
    call_command("rotate_keys", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def phones(count: int) -> None:
    for number in range(count):
        make_user(phone=f"+1206555{number:04d}")


def one_of_each() -> None:
    make_user(phone="+12065550100", email="ada@example.org", device="a-token")
    inbound = {"provider": "eum", "event_id": "e", "index": "i", "intent": "other", "sent_at": NOW, "received_at": NOW}
    InboundText.objects.create(text="Who is this?", **inbound)
    make_webhook(service="lms", url="https://192.0.2.1/", events=["message.planned"], now=NOW)
    KeptAnswer.objects.create(caller="person:1", key="k", fingerprint="f", taken_at=NOW, body="{}")
    DataCopy.objects.create(user=make_user(), language="en", asked_at=NOW, made_at=NOW, ends_at=NOW, file="{}")


def test_every_encrypted_column_is_known() -> None:
    assert {column.label for column in encrypted_columns()} == {
        "carillon_channels.ContactPoint.address",
        "carillon_channels.InboundText.text",
        "carillon_notifications.Webhook.secret",
        "accounts.AuthenticatorApp.secret",
        "accounts.DataCopy.file",
        "carillon_notifications.Webhook.old_secret",
        "carillon_notifications.KeptAnswer.body",
    }


def test_everything_is_written_anew_and_the_old_key_can_go(db: None, settings: Settings) -> None:
    settings.FIELD_KEYS = [OLD]
    one_of_each()
    settings.FIELD_KEYS = [NEW, OLD]
    assert not any(is_by_newest_key(value) for value in stored())

    said = run()

    settings.FIELD_KEYS = [NEW]
    assert "The others may go." in said
    assert all(is_by_newest_key(value) for value in stored())
    assert sorted(point.address for point in ContactPoint.objects.all()) == ["+12065550100", "a-token", "ada@example.org"]
    assert InboundText.objects.get().text == "Who is this?"
    assert run("--dry-run").count(" 0 by an older one") == len(encrypted_columns())


def test_a_dry_run_counts_and_writes_nothing(db: None, settings: Settings) -> None:
    settings.FIELD_KEYS = [OLD]
    phones(3)
    settings.FIELD_KEYS = [NEW, OLD]
    before = stored()

    with pytest.raises(CommandError) as left:
        run("--dry-run")

    assert left.value.returncode == 1
    assert "3 values are by an older key" in str(left.value)
    assert stored() == before


def test_what_no_key_opens_is_named_and_left_and_the_rest_goes_on(db: None, settings: Settings) -> None:
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    lost = make_contact(make_user(), "phone")
    settings.FIELD_KEYS = [OLD]
    phones(2)
    settings.FIELD_KEYS = [NEW, OLD]
    errors = StringIO()

    with pytest.raises(CommandError) as refused:
        call_command("rotate_keys", stdout=StringIO(), stderr=errors)

    assert refused.value.returncode == 1
    assert f"ContactPoint.address: no key opens the rows {lost.pk} " in errors.getvalue()
    assert sum(is_by_newest_key(value) for value in stored()) == 2


@pytest.mark.parametrize("keys", [[], ["no-key"], [NEW, "no-key"]])
def test_keys_that_are_none_are_refused_in_one_line(db: None, settings: Settings, keys: list[str]) -> None:
    settings.FIELD_KEYS = keys
    with pytest.raises(CommandError) as refused:
        run()

    assert refused.value.returncode == 2


def test_a_run_that_was_stopped_goes_on_where_it_was(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FIELD_KEYS = [OLD]
    phones(7)
    settings.FIELD_KEYS = [NEW, OLD]
    monkeypatch.setattr(key_rotation, "BATCH", 3)
    column = addresses()

    next(rotate(column))
    assert sum(is_by_newest_key(value) for value in stored()) == 3

    again = addresses()
    assert [so_far.values for so_far in rotate(again)] == [3, 6, 7]
    assert (again.by_newest, again.by_older, again.rewritten) == (3, 4, 4)


def test_what_somebody_writes_meanwhile_is_kept(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FIELD_KEYS = [OLD]
    person = make_user(phone="+12065550100")
    make_user(phone="+12065550101")
    settings.FIELD_KEYS = [NEW, OLD]
    replace = key_rotation._replace

    def after_another(column: Any, new: Any) -> int:
        make_contact(person, "phone", "+12065550199")
        return replace(column, new)

    monkeypatch.setattr(key_rotation, "_replace", after_another)
    column = addresses()

    list(rotate(column))

    assert (column.by_older, column.rewritten) == (2, 1)
    assert ContactPoint.objects.get(user=person).address == "+12065550199"
    assert all(is_by_newest_key(value) for value in stored())


def test_a_batch_takes_as_many_statements_however_many_values(db: None, settings: Settings) -> None:
    settings.FIELD_KEYS = [OLD]
    counts = []
    for more in (2, 30):
        settings.FIELD_KEYS = [OLD]
        ContactPoint.objects.all().delete()
        phones(more)
        settings.FIELD_KEYS = [NEW, OLD]
        with CaptureQueriesContext(connection) as captured:
            list(rotate(addresses()))
        counts.append(len(captured))
        ContactPoint.objects.all().delete()

    # A batch is read and written, and one more read finds that it was the last.
    assert counts == [3, 3]
