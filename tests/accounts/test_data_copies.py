"""A person asks for the copy of their data once, is told when it is ready, and takes it while it is there; nobody else does."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.data_copies import LEASE, ask_for_copy, forget_copies, make_copies
from accounts.models import DataCopy, User
from accounts.personal_data import erase
from accounts.tasks import forget, make_data_copies
from channels_ace.api import Delivery, Message
from notifications.api import InboxItem
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
PAGE = "/settings/data/"


@pytest.fixture
def ana() -> User:
    person = make_user("ana", email="ana@example.org", language="es")
    person.set_password(PASSWORD)
    person.save()
    Message.objects.all().delete()
    InboxItem.objects.all().delete()
    return person


def sign_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def client(ana: User) -> Client:
    return sign_in(ana)


def ready(person: User) -> DataCopy:
    ask_for_copy(person, "en", timezone.now())
    assert make_copies(timezone.now()) == 1
    return DataCopy.objects.get(user=person)


def test_asking_is_answered_at_once_and_told_when_it_is_done(ana: User, client: Client, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as poked:
        asked = client.post(PAGE, {"do": "copy"}, follow=True)
    assert (asked.status_code, len(poked)) == (200, 1)
    assert "Estamos preparando su copia" in asked.content.decode()
    assert not InboxItem.objects.exists()

    make_data_copies()
    make_data_copies()

    (item,) = InboxItem.objects.filter(user=ana).select_related("message")
    assert (item.message.type, item.message.link, item.category) == ("account.data_export_ready", PAGE, "account")
    assert Delivery.objects.filter(message=item.message, channel="email").count() == 1
    answer = client.post(PAGE, {"do": "take", "password": PASSWORD})
    assert answer["Content-Disposition"] == 'attachment; filename="carillon-data.json"'
    assert "no-store" in answer["Cache-Control"]
    held = json.loads(answer.content)
    assert held["person"]["username"] == "ana"
    # In the language of whoever asked.
    assert "Direcciones" in held


def test_asking_twice_gives_the_one_under_way(ana: User, client: Client) -> None:
    client.post(PAGE, {"do": "copy"})
    first = DataCopy.objects.get()
    client.post(PAGE, {"do": "copy"})

    assert DataCopy.objects.get().pk == first.pk
    assert make_copies(timezone.now()) == 1
    assert Message.objects.filter(type="account.data_export_ready").count() == 1


def test_another_takes_the_place_of_one_that_is_ready(ana: User, client: Client) -> None:
    first = ready(ana)
    client.post(PAGE, {"do": "copy"})

    copy = DataCopy.objects.get()
    assert (copy.pk != first.pk, copy.made_at, copy.file) == (True, None, "")
    assert make_copies(timezone.now()) == 1
    assert Message.objects.filter(type="account.data_export_ready").count() == 2


def test_copies_are_asked_for_a_few_times_a_day(ana: User, client: Client) -> None:
    for _time in range(5):
        client.post(PAGE, {"do": "copy"})
        make_copies(timezone.now())

    refused = client.post(PAGE, {"do": "copy"})

    assert (refused.status_code, 'id="error-copy"' in refused.content.decode()) == (400, True)
    assert DataCopy.objects.get().made_at is not None


def test_the_file_is_given_for_the_password_only(ana: User, client: Client) -> None:
    ready(ana)

    refused = client.post(PAGE, {"do": "take", "password": "wrong"})

    assert (refused.status_code, 'id="error-take"' in refused.content.decode()) == (400, True)
    assert "Content-Disposition" not in refused


def test_who_signs_in_elsewhere_has_no_password_to_show(ana: User, client: Client) -> None:
    ready(ana)
    ana.set_unusable_password()
    ana.save()
    client = sign_in(ana)

    assert 'id="password-take"' not in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"do": "take"})["Content-Type"] == "application/json"


def test_nobody_else_takes_it(ana: User) -> None:
    ready(ana)
    ben = make_user("ben")
    ben.set_password(PASSWORD)
    ben.save()

    answer = sign_in(ben).post(PAGE, {"do": "take", "password": PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert Client().post(PAGE, {"do": "take", "password": PASSWORD})["Location"].startswith("/sign-in/")


def test_it_ends_after_some_days_and_the_file_goes(ana: User, client: Client, settings: Any) -> None:
    settings.DATA_COPY_DAYS = 3
    copy = ready(ana)
    assert copy.ends_at is not None
    assert copy.made_at is not None
    assert copy.ends_at - copy.made_at == timedelta(days=3)
    assert forget_copies(copy.ends_at - timedelta(seconds=1)) == 0

    DataCopy.objects.update(ends_at=timezone.now() - timedelta(hours=1))

    # Also before the hourly task has come by.
    assert client.post(PAGE, {"do": "take", "password": PASSWORD}).status_code == 302
    forget()
    assert not DataCopy.objects.exists()
    assert 'value="copy"' in client.get(PAGE).content.decode()


@pytest.mark.parametrize("is_made", [False, True])
def test_it_goes_with_the_account(ana: User, is_made: bool) -> None:
    ask_for_copy(ana, "en", NOW)
    if is_made:
        make_copies(NOW)

    erase(ana, NOW)

    assert not DataCopy.objects.exists()
    assert make_copies(NOW) == 0


def test_of_two_workers_one_makes_it_and_who_dies_is_followed(ana: User) -> None:
    ask_for_copy(ana, "en", NOW)
    # As a worker leaves it that has begun, and is killed.
    DataCopy.objects.update(taken_until=NOW + LEASE)

    assert make_copies(NOW + LEASE - timedelta(seconds=1)) == 0
    assert make_copies(NOW + LEASE) == 1


def test_what_was_erased_while_it_was_made_is_not_kept(ana: User) -> None:
    ask_for_copy(ana, "en", NOW)

    def erase_meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "accounts_recoverycode" in sql and not erased:
            erased.append(True)
            erase(ana, NOW)
        return execute(sql, params, many, context)

    erased: list[bool] = []
    with connection.execute_wrapper(erase_meanwhile):
        assert make_copies(NOW) == 0

    assert erased
    assert not DataCopy.objects.exists()
    assert not Message.objects.filter(type="account.data_export_ready").exists()


def test_the_table_holds_no_address_in_clear(ana: User) -> None:
    ready(ana)

    with connection.cursor() as cursor:
        cursor.execute("SELECT file FROM accounts_datacopy")
        assert "ana@example.org" not in cursor.fetchone()[0]
    assert "ana@example.org" in DataCopy.objects.get().file
