"""What is read in one place leaves the screens of the others, and their icons tell what is left: by a push without a sound."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from channels_ace.api import ContactPoint, Delivery, Message, add_contact_point, cancel, deliver_all, suppress, tell_due
from channels_ace.channel import Outcome, Outgoing, Receipt
from channels_ace.channels.push_fcm import FcmChannel
from channels_ace.health import note
from channels_ace.models import SilentPush, Switch
from channels_ace.silent_devices import key_of
from notifications import inbox_marks
from notifications.api import InboxItem, notify
from notifications.inbox_undo import undo, undo_items
from tests.factories import COURSE, NOW, make_contact, make_user
from tests.fakes.doubles import Doubles
from tests.fakes.ledger import digest_of

pytestmark = pytest.mark.django_db

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
SOON = NOW + 5 * SECOND
State = SilentPush.State


@pytest.fixture
def ana() -> User:
    person = make_user("ana", device="anas-phone")
    make_contact(person, "device_token", "anas-tablet")
    return person


def tell(*people: User, now: datetime = NOW) -> Message:
    context = {"course_name": "Statistics", "replier_name": "lee", "post_title": "Week 1"}
    return notify(type="discussion.new_response", audience=people, context=context, scope=COURSE, now=now)


def show(doubles: Doubles, *people: User, number: int = 1) -> list[Message]:
    """This function will put some pushes on the screens of people, and forget that it did."""
    said = [tell(*people) for _ in range(number)]
    deliver_all(NOW)
    doubles.ledger.forget()
    return said


def items_of(person: User, *messages: Message) -> list[InboxItem]:
    return list(InboxItem.objects.filter(user=person, message__in=messages).select_related("message"))


def read(person: User, *messages: Message, now: datetime = NOW, by: str = "") -> None:
    inbox_marks.mark_read(items_of(person, *messages), now, by=by)


def read_by_all(people: Sequence[User], message: Message) -> None:
    for person in people:
        read(person, message)


def told(doubles: Doubles) -> list[tuple[str, int, list[str]]]:
    """This function will list the silent pushes that went out: to whom, the number, and what leaves the screen."""
    return sorted(
        (entry["to_digest"], int(entry["extra"]["data"]["badge"]), entry["extra"]["data"]["withdrawn"].split())
        for entry in doubles.ledger.entries()
    )


def to(devices: Sequence[str], number: int, *messages: Message) -> list[tuple[str, int, list[str]]]:
    return sorted((digest_of(device), number, [message.public_id for message in messages]) for device in devices)


def outcome_of(person: User) -> tuple[str, str]:
    return SilentPush.objects.values_list("state", "reason").get(user=person)


BOTH = ("anas-phone", "anas-tablet")


def test_what_is_read_leaves_every_screen_and_every_icon_tells_what_is_left(ana: User, doubles: Doubles) -> None:
    first, _second = show(doubles, ana, number=2)

    read(ana, first)

    assert tell_due(NOW + 4 * SECOND) == 0
    assert tell_due(SOON) == 1
    assert told(doubles) == to(BOTH, 1, first)
    assert outcome_of(ana) == (State.TOLD, "accepted")
    assert set(Delivery.objects.filter(message=first, channel="push").values_list("withdrawn_at", flat=True)) == {SOON}
    assert tell_due(SOON + HOUR) == 0


def test_it_makes_no_sound_and_replaces_the_one_before(ana: User, doubles: Doubles) -> None:
    read(ana, *show(doubles, ana))

    tell_due(SOON)

    entry = doubles.ledger.entries()[0]
    assert entry["body"].strip() == ""
    assert entry["extra"]["android"] == {"priority": "NORMAL", "collapse_key": key_of(ana.pk), "ttl": "3600s"}
    assert entry["extra"]["apns"]["payload"] == {"aps": {"content-available": 1, "badge": 0}}
    headers = entry["extra"]["apns"]["headers"]
    assert (headers["apns-priority"], headers["apns-collapse-id"]) == ("5", key_of(ana.pk))
    assert entry["type"] == "inbox.changed"


def test_several_readings_within_seconds_are_one_push(ana: User, doubles: Doubles) -> None:
    said = show(doubles, ana, number=3)
    for seconds, message in enumerate(said):
        read(ana, message, now=NOW + seconds * SECOND)

    tell_due(SOON)

    assert told(doubles) == to(BOTH, 0, *reversed(said))
    assert SilentPush.objects.count() == 1


def test_one_who_reads_on_is_told_every_twenty_seconds_at_most(ana: User, doubles: Doubles) -> None:
    first, second = show(doubles, ana, number=2)
    read(ana, first)
    tell_due(SOON)
    doubles.ledger.forget()

    read(ana, second, now=SOON + SECOND)

    assert tell_due(SOON + 19 * SECOND) == 0
    assert tell_due(SOON + 20 * SECOND) == 1
    assert {number for _, number, _ in told(doubles)} == {0}


@pytest.mark.parametrize(
    "act",
    [
        lambda items: inbox_marks.archive(items, NOW),
        lambda items: inbox_marks.mark_all_read(items[0].user_id, NOW),
        lambda items: inbox_marks.snooze(items, NOW + HOUR, NOW),
    ],
    ids=["archived", "all read", "snoozed"],
)
def test_what_is_dealt_with_otherwise_leaves_the_screens_too(ana: User, doubles: Doubles, act: Callable[[list[InboxItem]], Any]) -> None:
    (message,) = show(doubles, ana)

    act(items_of(ana, message))
    tell_due(SOON)

    assert told(doubles) == to(BOTH, 0, message)


def test_what_its_sender_withdraws_leaves_the_screens_of_all_who_got_it(ana: User, doubles: Doubles) -> None:
    ben, cy = make_user("ben", device="bens-phone"), make_user("cy", device="cys-phone")
    message, _other = tell(ana, ben), tell(cy)
    deliver_all(NOW)
    doubles.ledger.forget()

    cancel(message, NOW)
    cancel(message, NOW)
    tell_due(SOON)

    assert told(doubles) == to([*BOTH, "bens-phone"], 1, message)


def test_a_summary_leaves_the_screen_once_all_it_stood_for_is_read(doubles: Doubles) -> None:
    night = NOW.replace(hour=23)
    ana = make_user("ana", device="anas-phone")
    said = [tell(ana, now=night) for _ in range(3)]
    deliver_all(night)
    morning = night + 10 * HOUR
    deliver_all(morning)
    (summary,) = [entry["extra"]["data"]["message_id"] for entry in doubles.ledger.entries()]
    doubles.ledger.forget()

    for at, message in enumerate(said):
        read(ana, message, now=morning + at * MINUTE)
        tell_due(morning + at * MINUTE + 30 * SECOND)

    assert [(number, gone) for _, number, gone in sorted(told(doubles), key=lambda one: -one[1])] == [(2, []), (1, []), (0, [summary])]


def test_what_is_taken_back_changes_the_icon_only(ana: User, doubles: Doubles) -> None:
    (message,) = show(doubles, ana)
    token = undo_items(items_of(ana, message))
    read(ana, message)
    tell_due(SOON)
    doubles.ledger.forget()

    undo(ana.pk, token, NOW + 2 * HOUR)
    tell_due(NOW + 3 * HOUR)
    assert told(doubles) == to(BOTH, 1)
    doubles.ledger.forget()
    inbox_marks.mark_all_read(ana.pk, NOW + 4 * HOUR)
    tell_due(NOW + 5 * HOUR)
    inbox_marks.mark_unread(items_of(ana, message), NOW + 6 * HOUR)
    tell_due(NOW + 7 * HOUR)

    assert told(doubles) == sorted([*to(BOTH, 0), *to(BOTH, 1)])


def test_the_app_in_which_it_was_read_knows(doubles: Doubles) -> None:
    ana = make_user("ana")
    for app in ("phone", "tablet"):
        add_contact_point(user_id=ana.pk, kind="device_token", address=f"anas-{app}", now=NOW, verified=True, app=app)
    first, second, third = show(doubles, ana, number=3)

    read(ana, first, by="phone")
    tell_due(SOON)
    assert told(doubles) == to(["anas-tablet"], 2, first)
    doubles.ledger.forget()
    read(ana, second, now=NOW + HOUR, by="phone")
    read(ana, third, now=NOW + HOUR + SECOND, by="tablet")
    tell_due(NOW + 2 * HOUR)

    # Each of them knows of one only.
    assert told(doubles) == to(BOTH, 0, third, second)


def test_nothing_is_told_when_nothing_changed(ana: User, doubles: Doubles) -> None:
    (message,) = show(doubles, ana)
    read(ana, message)
    tell_due(SOON)
    doubles.ledger.forget()

    read(ana, message, now=NOW + HOUR)
    inbox_marks.archive(items_of(ana, message), NOW + HOUR)
    inbox_marks.unarchive(items_of(ana, message), NOW + HOUR)
    inbox_marks.mark_seen(ana.pk, NOW + HOUR)

    assert tell_due(NOW + 2 * HOUR) == 0
    assert outcome_of(ana) == (State.TOLD, "accepted")


def test_a_device_without_a_push_is_not_woken_for_nothing(doubles: Doubles) -> None:
    ana = make_user("ana", device="anas-phone")
    first, second = tell(ana), tell(ana)
    Delivery.objects.all().delete()
    read(ana, first)
    tell_due(SOON)
    assert told(doubles) == to(["anas-phone"], 1)

    # Of which the first changes the number, and the second takes that back.
    read(ana, second, now=NOW + HOUR)
    inbox_marks.mark_unread(items_of(ana, second), NOW + HOUR)
    tell_due(NOW + 2 * HOUR)

    assert len(doubles.ledger.entries()) == 1
    assert outcome_of(ana) == (State.UNCHANGED, "nothing_changed")


def test_a_push_that_came_since_set_another_number(ana: User, doubles: Doubles) -> None:
    first, _second = show(doubles, ana, number=2)
    read(ana, first)
    tell_due(SOON)
    later = tell(ana, now=NOW + HOUR)
    deliver_all(NOW + HOUR)
    Delivery.objects.filter(message=later).update(withdrawn_at=NOW)
    doubles.ledger.forget()

    read(ana, later, now=NOW + 2 * HOUR)
    tell_due(NOW + 3 * HOUR)

    assert told(doubles) == to(BOTH, 1)


def test_reading_writes_one_row_more_and_none_for_who_has_no_device(ana: User, doubles: Doubles) -> None:
    ben = make_user("ben")
    first, second = show(doubles, ana, ben, number=2)
    read(ben, first)
    assert not SilentPush.objects.exists()

    read(ana, first)
    with CaptureQueriesContext(connection) as captured:
        read(ana, second)

    assert [one["sql"].split()[0] for one in captured if "silentpush" in one["sql"]] == ["UPDATE"]


def test_a_person_whose_devices_are_gone_is_told_nothing(ana: User, doubles: Doubles) -> None:
    (message,) = show(doubles, ana)
    read(ana, message)
    ContactPoint.objects.update(removed_at=NOW)

    tell_due(SOON)

    assert (told(doubles), outcome_of(ana)) == ([], (State.UNCHANGED, "no_device"))


def test_a_device_that_an_operator_blocked_is_left_alone(ana: User, doubles: Doubles) -> None:
    (message,) = show(doubles, ana)
    suppress(channel="push", kind="device_token", address="anas-phone", reason="operator", now=NOW)
    read(ana, message)

    tell_due(SOON)

    assert told(doubles) == to(["anas-tablet"], 0, message)


class Watched(FcmChannel):
    """FCM as it would be if something happened while it answers."""

    meanwhile: Callable[[Outgoing], Any]

    def send(self, batch: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, Receipt]]:
        for outgoing in batch:
            Watched.meanwhile(outgoing)
            yield outgoing, Receipt(outcome=Outcome.ACCEPTED)


@pytest.fixture
def watched(settings: Settings) -> None:
    paths = [path for path in settings.CHANNELS_ACE["CHANNELS"] if "Fcm" not in path]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": [*paths, f"{__name__}.Watched"]}


def test_what_was_asked_while_a_push_went_out_is_told_after_it(watched: None) -> None:
    ana = make_user("ana", device="anas-phone")
    first, second = tell(ana), tell(ana)
    Watched.meanwhile = lambda outgoing: None
    deliver_all(NOW)
    withdrawn: list[str] = []

    def read_another(outgoing: Outgoing) -> None:
        withdrawn.append(outgoing.data["withdrawn"])
        read(ana, second, now=SOON)

    Watched.meanwhile = read_another
    read(ana, first)

    tell_due(SOON)
    assert outcome_of(ana) == (State.WAITING, "")
    tell_due(SOON + MINUTE)

    assert withdrawn == [first.public_id, f"{second.public_id} {first.public_id}"]
    assert outcome_of(ana) == (State.TOLD, "accepted")


def test_what_is_read_while_its_push_goes_out_leaves_the_screen_after_it(watched: None) -> None:
    ana = make_user("ana", device="anas-phone")
    message = tell(ana)
    went: list[str] = []

    def read_it(outgoing: Outgoing) -> None:
        went.append(outgoing.data.get("withdrawn", outgoing.message_id))
        if not outgoing.silent:
            read(ana, message)
            tell_due(SOON)

    Watched.meanwhile = read_it
    deliver_all(NOW)
    assert outcome_of(ana) == (State.WAITING, "push_under_way")

    tell_due(SOON + 5 * SECOND)

    assert went == [message.public_id] * 2
    assert outcome_of(ana) == (State.TOLD, "accepted")


def test_a_worker_that_dies_loses_nothing_and_tells_at_most_once_more(ana: User, doubles: Doubles) -> None:
    (message,) = show(doubles, ana)
    read(ana, message)
    tell_due(SOON)
    once = told(doubles)
    # As it was when the answers had come and nothing of them was written down.
    Delivery.objects.update(withdrawn_at=None)
    mine = SilentPush.objects.filter(user=ana)
    mine.update(state=State.SENDING, told={}, claims=1, lease_until=Now() + MINUTE)
    assert tell_due(SOON + HOUR) == 0
    mine.update(lease_until=Now() - MINUTE)

    assert tell_due(SOON + HOUR) == 1
    assert tell_due(SOON + 2 * HOUR) == 0

    assert told(doubles) == sorted(once * 2)


def test_one_that_kills_its_worker_again_and_again_is_given_up(ana: User, doubles: Doubles) -> None:
    read(ana, *show(doubles, ana))
    SilentPush.objects.update(state=State.SENDING, claims=6, lease_until=Now() - MINUTE)

    assert tell_due(SOON) == 0

    assert (told(doubles), outcome_of(ana)) == ([], (State.GIVEN_UP, "poison"))


def test_a_throttled_push_waits_for_as_long_as_fcm_says_and_asks_only_whom_it_refused(ana: User, doubles: Doubles) -> None:
    (message,) = show(doubles, ana)
    read(ana, message)
    doubles.faults.script("fcm", "throttle", times=1, seconds=90)

    tell_due(SOON)
    assert outcome_of(ana) == (State.WAITING, "refused")
    assert tell_due(SOON + 89 * SECOND) == 0
    tell_due(SOON + 90 * SECOND)

    assert sorted(entry["to_digest"] for entry in doubles.ledger.entries() if entry["accepted"]) == sorted(map(digest_of, BOTH))
    assert len(doubles.ledger.entries()) == 3
    assert outcome_of(ana) == (State.TOLD, "accepted")


def test_one_that_is_refused_each_time_is_given_up_until_something_changes_again(doubles: Doubles) -> None:
    ana = make_user("ana", device="anas-phone")
    first, second = show(doubles, ana, number=2)
    read(ana, first)
    doubles.faults.script("fcm", "error_500", times=6)

    for hours in range(7):
        tell_due(SOON + hours * HOUR)
    assert outcome_of(ana) == (State.GIVEN_UP, "refused_too_often")
    assert len(doubles.ledger.entries()) == 6
    doubles.ledger.forget()
    read(ana, second, now=SOON + 8 * HOUR)
    tell_due(SOON + 9 * HOUR)

    assert told(doubles) == to(["anas-phone"], 0, second, first)


def test_a_device_that_is_no_more_is_removed_and_the_others_are_told(doubles: Doubles) -> None:
    ana = make_user("ana", device="anas-phone")
    (message,) = show(doubles, ana)
    dead = make_contact(ana, "device_token", "dead-device")
    read(ana, message)

    tell_due(SOON)

    dead.refresh_from_db()
    assert dead.removed_reason == "unregistered"
    assert outcome_of(ana) == (State.TOLD, "accepted")


@pytest.mark.parametrize(("kind", "name"), [("channel", "push"), ("provider", "fcm"), ("type", "inbox.changed")])
def test_what_is_switched_off_waits_and_says_so(ana: User, doubles: Doubles, kind: str, name: str) -> None:
    (message,) = show(doubles, ana)
    switch = Switch.objects.create(kind=kind, name=name, why="Trouble", since=NOW)
    read(ana, message)

    assert tell_due(SOON) == 0
    assert outcome_of(ana) == (State.WAITING, "switched_off")
    switch.delete()
    tell_due(SOON + MINUTE)

    assert told(doubles) == to(BOTH, 0, message)


def test_a_provider_that_rests_is_probed_by_one(doubles: Doubles, settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "BREAKER": {"in_a_row": 5, "share": 0.2, "probe_seconds": 30}}
    people = [make_user(device=f"device-{number}") for number in range(3)]
    message = tell(*people)
    deliver_all(NOW)
    doubles.ledger.forget()
    read_by_all(people, message)
    note("fcm", [Outcome.REFUSED] * 5, NOW)

    assert tell_due(SOON) == 0
    assert set(SilentPush.objects.values_list("state", "reason")) == {(State.WAITING, "provider_down")}
    assert tell_due(SOON + MINUTE) == 1
    assert tell_due(SOON + MINUTE) == 2

    assert len(told(doubles)) == 3


def test_where_no_provider_can_do_it_nothing_is_asked(ana: User, settings: Settings) -> None:
    paths = [path.replace("push_fcm.FcmChannel", "console.ConsolePushChannel") for path in settings.CHANNELS_ACE["CHANNELS"]]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": paths}

    read(ana, tell(ana))

    assert not SilentPush.objects.exists()


def show_many(person: User, number: int) -> list[Message]:
    """This function will write what some hundred pushes on the screen of a person's one device leave behind."""
    said = Message.objects.bulk_create(
        Message(type="discussion.new_response", idempotency_key=f"many {one}", fingerprint="", created_at=NOW) for one in range(number)
    )
    InboxItem.objects.bulk_create(InboxItem(user=person, message=message, category="discussion") for message in said)
    point = ContactPoint.objects.get(user=person).pk
    when = {"due_at": NOW, "created_at": NOW, "changed_at": NOW}
    Delivery.objects.bulk_create(
        Delivery(message=message, user=person, channel="push", contact_point_id=point, lane="bulk", state="accepted", **when)
        for message in said
    )
    return said


def test_more_than_a_push_holds_follows_in_the_next(doubles: Doubles) -> None:
    ana = make_user("ana", device="anas-phone")
    said = show_many(ana, 130)
    inbox_marks.mark_all_read(ana.pk, NOW)

    tell_due(SOON)
    tell_due(SOON + MINUTE)
    assert tell_due(SOON + HOUR) == 0

    pushes = [entry["extra"]["data"]["withdrawn"].split() for entry in doubles.ledger.entries()]
    assert [len(push) for push in pushes] == [100, 100]
    assert {one for push in pushes for one in push} == {message.public_id for message in said}


def test_a_device_that_moves_hears_nothing_of_its_first_owner(ana: User, doubles: Doubles) -> None:
    ben = make_user("ben")
    (message,) = show(doubles, ana)
    read(ana, message)

    add_contact_point(user_id=ben.pk, kind="device_token", address="anas-phone", now=NOW, verified=True)
    tell_due(SOON)

    assert told(doubles) == to(["anas-tablet"], 0, message)


@pytest.mark.django_db(transaction=True)
def test_a_device_moves_once_what_is_told_to_its_first_owner_is_out(watched: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time: nothing interleaves.")
    ana, ben = make_user("ana", device="one-device"), make_user("ben")
    message = tell(ana)
    Watched.meanwhile = lambda outgoing: None
    deliver_all(NOW)
    read(ana, message)
    moved: list[Future[ContactPoint]] = []

    def move() -> ContactPoint:
        try:
            return add_contact_point(user_id=ben.pk, kind="device_token", address="one-device", now=NOW, verified=True)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:

        def begin_to_move(_outgoing: Outgoing) -> None:
            moved.append(pool.submit(move))
            with pytest.raises(TimeoutError):
                moved[0].result(timeout=1)

        Watched.meanwhile = begin_to_move
        tell_due(SOON)

        assert moved[0].result().user == ben


def test_telling_many_takes_as_many_statements_as_telling_two(doubles: Doubles) -> None:
    def statements(number: int) -> int:
        people = [make_user(device=f"device-{number}-{one}") for one in range(number)]
        message = tell(*people)
        deliver_all(NOW)
        read_by_all(people, message)
        with CaptureQueriesContext(connection) as captured:
            assert tell_due(SOON) == number
        return len(captured)

    assert statements(2) == statements(40)


@pytest.mark.django_db(transaction=True)
def test_of_several_workers_each_person_is_told_by_one(doubles: Doubles) -> None:
    people = [make_user(device=f"device-{one}") for one in range(12)]
    message = tell(*people)
    deliver_all(NOW)
    doubles.ledger.forget()
    read_by_all(people, message)

    def work(_number: int) -> int:
        try:
            return tell_due(SOON, limit=3)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(work, range(8)))

    assert done == len(people)
    assert len(told(doubles)) == len(people)
    assert set(SilentPush.objects.values_list("state", flat=True)) == {State.TOLD}
