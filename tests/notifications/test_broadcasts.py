"""What is said to everyone: one row, which enters each inbox when its owner looks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from channels_ace import audience as audience_module
from channels_ace.api import EVERYONE, Delivery, Message, cancel, sweep
from channels_ace.models import FanOut
from notifications import inbox, inbox_marks
from notifications.api import InboxItem, choose, notify
from notifications.inbox_retention import forget_old_items
from notifications.models import Broadcast, InboxState
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=5)
TYPE = "account.maintenance"
CONTEXT = {"starts": "2026-03-09T22:00:00+00:00", "ends": "2026-03-09T23:00:00+00:00"}


@pytest.fixture(autouse=True)
def many_are_three(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "KEPT_ONCE_ABOVE": 2}


def people(number: int = 3) -> list[User]:
    return [make_user(email=f"{uuid4().hex}@example.org") for _ in range(number)]


def say(*channels: str, **options: Any) -> Message:
    return notify(type=TYPE, audience=EVERYONE, context=CONTEXT, channels=channels or ("inbox",), now=options.pop("now", NOW), **options)


def seen_by(person: User, now: Any = LATER) -> list[Message]:
    return [item.message for item in inbox.page(person.pk, now).items]


def test_a_message_to_everyone_is_one_row_until_somebody_looks() -> None:
    ana, bo, _ = people()

    message = say()

    assert (InboxItem.objects.count(), Broadcast.objects.get().message) == (0, message)
    assert message.fanned_out_at == NOW
    assert seen_by(ana) == [message]
    assert list(InboxItem.objects.values_list("user_id", flat=True)) == [ana.pk]
    assert (inbox.badge(bo.pk, LATER), inbox.counts(bo.pk, LATER)) == (1, {"account": 1})


def test_saying_it_takes_as_many_statements_for_any_number_of_people() -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            say()
        return len(captured)

    people(3)
    few = statements()
    people(9)
    assert statements() == few


def test_a_list_asks_no_more_statements_once_it_has_come_in() -> None:
    ana, *_ = people()
    inbox.page(ana.pk, NOW)
    with CaptureQueriesContext(connection) as without:
        inbox.page(ana.pk, NOW)
    say()
    inbox.page(ana.pk, LATER)
    with CaptureQueriesContext(connection) as with_it:
        inbox.page(ana.pk, LATER)
    assert len(with_it) == len(without)


def test_where_few_have_accounts_every_row_is_written(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "KEPT_ONCE_ABOVE": 3}
    people(3)
    say()
    assert (InboxItem.objects.count(), Broadcast.objects.count()) == (3, 0)


def test_whoever_joined_later_or_cannot_sign_in_is_not_meant() -> None:
    gone, *_ = people(4)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    message = say("inbox", "email")
    late = make_user(email="late@example.org")

    assert seen_by(late) == []
    assert not message.deliveries.filter(user__in=[late, gone]).exists()


def test_a_choice_holds_and_its_reason_is_kept_and_asked_once() -> None:
    ana, *_ = people()
    choose(ana.pk, scope="other.announcement", channel="inbox", is_on=False, now=NOW)
    message = notify(
        type="other.announcement", audience=EVERYONE, context={"title": "Tea", "text": "At five."}, channels=["inbox"], now=NOW
    )

    assert seen_by(ana) == []
    held_back = Delivery.objects.get(user=ana, message=message)
    assert (held_back.channel, held_back.state, held_back.reason) == ("inbox", "suppressed", "turned_off")
    choose(ana.pk, scope="other.announcement", channel="inbox", is_on=True, now=LATER)
    assert seen_by(ana) == []
    assert Delivery.objects.filter(user=ana, message=message).count() == 1


def test_the_other_channels_are_planned_for_everyone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience_module, "CHUNK", 2)
    everyone = people(5)

    message = say("inbox", "email")

    assert set(message.deliveries.values_list("user_id", "channel")) == {(person.pk, "email") for person in everyone}
    assert (InboxItem.objects.count(), FanOut.objects.count()) == (0, 0)


def test_a_fan_out_to_everyone_that_was_cut_short_goes_on_with_those_who_were_there(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(audience_module, "CHUNK", 2)
    everyone = people(5)
    known = settings.CHANNELS_ACE["POLICIES"]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POLICIES": [*known, "tests.notifications.test_broadcasts.Fails"]}
    with pytest.raises(RuntimeError):
        say("inbox", "email", idempotency_key="k")
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POLICIES": known}
    message = Message.objects.get(idempotency_key="k")
    assert "so far" in admin.site.get_model_admin(Message).progress(message)  # type: ignore[attr-defined]
    make_user(email="late@example.org")

    sweep(LATER)

    assert sorted(message.deliveries.values_list("user_id", "channel")) == [(person.pk, "email") for person in everyone]
    assert Broadcast.objects.count() == 1
    assert seen_by(everyone[4]) == [message]


class Fails:
    """A policy whose process ends."""

    def rules(self, question: Any) -> Any:
        if question.channel == "email":
            raise RuntimeError
        return ()


def test_the_same_key_says_it_once() -> None:
    ana, *_ = people()
    assert say(idempotency_key="k") == say(idempotency_key="k", now=LATER)
    assert (Broadcast.objects.count(), len(seen_by(ana))) == (1, 1)


def test_a_push_opened_first_finds_its_item() -> None:
    ana, *_ = people()
    message = say(now=timezone.now())
    client = Client()
    client.force_login(ana)

    assert client.post(f"/api/v1/inbox/{message.public_id}/reading/", content_type="application/json").status_code == 204
    assert client.get(f"/inbox/{say(now=timezone.now()).public_id}/why/").status_code == 200


def test_all_is_read_with_what_waited() -> None:
    ana, *_ = people()
    say()
    inbox_marks.mark_all_read(ana.pk, LATER)
    assert inbox.badge(ana.pk, LATER) == 0
    assert inbox.page(ana.pk, LATER).items[0].read_at == LATER


def test_what_was_cancelled_enters_no_further_inbox() -> None:
    ana, bo, _ = people()
    message = say()
    assert seen_by(ana) == [message]
    cancel(message, LATER)
    assert (seen_by(ana), seen_by(bo)) == ([message], [])


def test_what_has_expired_is_said_to_have() -> None:
    ana, *_ = people()
    message = say(expires_at=LATER)
    assert seen_by(ana, LATER + timedelta(seconds=1)) == []
    assert Delivery.objects.get(user=ana, message=message).reason == "expired"


def test_what_is_for_later_comes_then_and_is_unread_even_after_all_was_read() -> None:
    ana, *_ = people()
    at = NOW + timedelta(days=1)
    message = say(send_after=at)
    notify(type=TYPE, audience=[ana], context=CONTEXT, channels=["inbox"], now=LATER)
    inbox_marks.mark_all_read(ana.pk, LATER)
    assert message not in seen_by(ana)

    assert message in seen_by(ana, at)
    assert list(inbox.unread(ana.pk, at).values_list("message_id", flat=True)) == [message.pk]


def test_a_message_to_some_for_later_is_not_shown_before() -> None:
    ana = make_user()
    at = NOW + timedelta(days=1)
    message = notify(type=TYPE, audience=[ana], context=CONTEXT, channels=["inbox"], send_after=at, now=NOW)

    assert (seen_by(ana), inbox.badge(ana.pk, LATER)) == ([], 0)
    assert (seen_by(ana, at), inbox.badge(ana.pk, at)) == ([message], 1)


def test_it_does_not_come_back_once_an_inbox_has_forgotten_it() -> None:
    ana, *_ = people()
    say()
    seen_by(ana)
    long_after = NOW + inbox.retention() + timedelta(seconds=1)

    kept = say(now=LATER)
    assert forget_old_items(long_after) == 1
    assert list(Broadcast.objects.values_list("message_id", flat=True)) == [kept.pk]
    assert seen_by(ana, long_after) == [kept]
    assert forget_old_items(long_after + timedelta(minutes=10)) == 1
    assert not Broadcast.objects.exists()
    assert not InboxItem.objects.exists()


def test_a_sort_that_is_gone_breaks_no_inbox() -> None:
    ana, *_ = people()
    Message.objects.filter(pk=say().pk).update(type="gone.type")
    message = say()
    assert seen_by(ana) == [message]
    assert Delivery.objects.get(user=ana).reason == "unknown_type"


@pytest.mark.django_db(transaction=True)
def test_two_pages_that_look_at_once_bring_it_in_once() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("One writer at a time is what SQLite does in any case.")
    everyone = people(6)
    said = [say() for _ in range(3)]

    def look(person: User) -> int:
        try:
            return inbox.badge(person.pk, LATER)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(look, [person for person in everyone for _ in range(4)]))

    assert set(counted) == {len(said)}
    assert InboxItem.objects.count() == len(everyone) * len(said)
    assert InboxState.objects.count() == len(everyone)


def test_an_operator_finds_what_was_said_to_everyone(client: Client) -> None:
    people()
    message = say()
    client.force_login(User.objects.create_superuser("op"))
    page = client.get("/admin/carillon_notifications/broadcast/").content.decode()
    assert message.type in page
