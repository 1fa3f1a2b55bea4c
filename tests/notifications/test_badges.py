"""A push carries the number for the app's icon: what its reader has not read."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from channels_ace.api import EVERYONE, Message, cancel, deliver_all
from notifications import inbox, inbox_marks
from notifications.api import InboxItem, notify
from notifications.badges import unread_of
from tests.factories import COURSE, NOW, make_contact, make_user
from tests.fakes.doubles import Doubles

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
TYPE = "discussion.new_response"


def tell(*people: User, now: Any = NOW, send_after: Any = None) -> Message:
    context = {"course_name": "Statistics", "replier_name": "lee", "post_title": "Week 1"}
    return notify(type=TYPE, audience=people, context=context, scope=COURSE, now=now, send_after=send_after)


def item_of(person: User, message: Message) -> InboxItem:
    return InboxItem.objects.get(user=person, message=message)


def icon_of(entry: dict[str, Any]) -> tuple[int, int]:
    return entry["extra"]["apns"]["payload"]["aps"]["badge"], entry["extra"]["android"]["notification"]["notification_count"]


def test_a_push_sets_the_icon_of_every_device_to_what_its_reader_has_not_read(doubles: Doubles) -> None:
    ana, ben = make_user("ana", device="anas-phone"), make_user("ben", device="bens-phone")
    make_contact(ana, "device_token", "anas-tablet")
    inbox_marks.mark_read([item_of(ana, tell(ana))], NOW)
    tell(ana)
    deliver_all(NOW)
    doubles.ledger.forget()

    tell(ana, ben, now=NOW + HOUR)
    deliver_all(NOW + HOUR)

    assert sorted(map(icon_of, doubles.ledger.entries())) == [(1, 1), (2, 2), (2, 2)]


def test_it_counts_as_the_inbox_does_whatever_was_done_to_its_items() -> None:
    ana = make_user("ana")
    others = [tell(ana) for _ in range(6)]
    through = others[0]
    inbox_marks.mark_all_read(ana.pk, NOW, through=through.pk)
    inbox_marks.archive([item_of(ana, others[1])], NOW)
    inbox_marks.snooze([item_of(ana, others[2])], NOW + HOUR, NOW)
    inbox_marks.mark_read([item_of(ana, others[3])], NOW)
    tell(ana, send_after=NOW + 2 * HOUR)

    for at in (NOW, NOW + HOUR, NOW + 2 * HOUR, NOW + timedelta(days=61)):
        assert unread_of([ana.pk], at)[ana.pk] == sum(inbox.counts(ana.pk, at).values()), at
    assert unread_of([ana.pk], NOW) == {ana.pk: 2}


def test_what_was_said_to_everyone_counts_before_its_reader_looks_and_is_not_written_for_it(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "KEPT_ONCE_ABOVE": 1}
    ana, ben = make_user("ana"), make_user("ben")
    context = {"starts": "2026-03-09T22:00:00+00:00", "ends": "2026-03-09T23:00:00+00:00"}
    said = [notify(type="account.maintenance", audience=EVERYONE, context=context, channels=["inbox"], now=NOW) for _ in range(3)]
    cancel(said[0], NOW)
    inbox.page(ben.pk, NOW)
    late = make_user("late")

    assert unread_of([ana.pk, ben.pk, late.pk], NOW) == {ana.pk: 2, ben.pk: 2, late.pk: 0}
    assert not InboxItem.objects.filter(user=ana).exists()


def test_counting_for_many_takes_one_statement_and_nobody_is_nothing() -> None:
    people = [make_user() for _ in range(30)]
    tell(*people)

    with CaptureQueriesContext(connection) as captured:
        counted = unread_of([person.pk for person in people], NOW)

    assert counted == dict.fromkeys([person.pk for person in people], 1)
    assert len(captured) == 1
    assert unread_of([], NOW) == {}


def test_sending_to_many_devices_asks_no_more_statements_for_the_number(doubles: Doubles) -> None:
    def statements() -> int:
        tell(make_user(device=f"device-{timezone.now()}"), now=NOW)
        with CaptureQueriesContext(connection) as captured:
            deliver_all(NOW)
        return sum("carillon_notifications_broadcast" in one["sql"] for one in captured)

    assert statements() == 1
    for _ in range(20):
        tell(make_user(device=f"device-{timezone.now()}"), now=NOW)
    assert statements() == 1


def test_without_anybody_who_counts_the_icon_stays_as_it_is(doubles: Doubles, settings: Settings) -> None:
    settings.CHANNELS_ACE = {name: value for name, value in settings.CHANNELS_ACE.items() if name != "BADGES"}
    tell(make_user(device="a-phone"))

    deliver_all(NOW)

    (entry,) = doubles.ledger.entries()
    assert "badge" not in entry["extra"]["apns"]["payload"]["aps"]
    assert "notification_count" not in entry["extra"]["android"]["notification"]
