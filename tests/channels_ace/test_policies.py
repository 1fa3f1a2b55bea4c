from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from channels_ace.api import ZONES, ContactPoint, Delivery, Recipient, deliver_all, suppress, sweep
from channels_ace.crypto import blind_indexes
from tests.channels_ace.saying import CODE, FLASH, NEWS, TEXT, make_people, say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State

# A usual day at four hours, and the days on which clocks change in Europe, North America, Chile and Lord Howe.
INSTANTS = [
    *(datetime(2026, 6, 15, hour, 20, tzinfo=UTC) for hour in (0, 7, 13, 20)),
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    datetime(2026, 3, 8, 9, 45, tzinfo=UTC),
    datetime(2026, 4, 4, 14, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 59, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 0, tzinfo=UTC),
    datetime(2026, 9, 6, 3, 59, tzinfo=UTC),
]


def make_person_in_every_zone(kind: str) -> None:
    zones = sorted(ZONES)
    people = User.objects.bulk_create(User(username=zone) for zone in zones)
    Recipient.objects.bulk_create(Recipient(user=person, time_zone=person.username) for person in people)
    for number, person in enumerate(people):
        person.email = f"{number}@example.org" if kind == "email" else f"+1206{5550000 + number}"
    ContactPoint.objects.bulk_create(
        ContactPoint(
            user=person,
            kind=kind,
            address=person.email,
            index=blind_indexes(kind, person.email)[0],
            owner_key=f"user:{person.pk}",
            verified_at=NOW,
            created_at=NOW,
        )
        for person in people
    )


@pytest.mark.parametrize(
    ("kind", "channel", "address", "opens", "closes"), [(TEXT, "sms", "phone", 9, 20), (NEWS, "email", "email", 8, 22)]
)
def test_in_every_zone_it_goes_now_if_the_window_is_open_and_else_when_it_opens(
    kind: object, channel: str, address: str, opens: int, closes: int
) -> None:
    make_person_in_every_zone(address)
    for now in INSTANTS:
        say(User.objects.all(), kind, now, channels=[channel])  # type: ignore[arg-type]
        waiting = 0
        for zone, state, due_at in Delivery.objects.values_list("user__username", "state", "due_at"):
            local, due = now.astimezone(ZoneInfo(zone)), due_at.astimezone(ZoneInfo(zone))
            assert state == (State.READY if opens <= local.hour < closes else State.DEFERRED), (zone, local)
            assert opens <= due.hour < closes, (zone, due)
            assert due - local < timedelta(hours=24 - (closes - opens) + 1), (zone, due)
            waiting += state == State.DEFERRED
        assert 50 < waiting < len(ZONES) - 50
        assert Delivery.objects.count() == len(ZONES)
        Delivery.objects.all().delete()


@pytest.mark.parametrize("zone", ["", "Atlantis/Capital", "posix/UTC"])
def test_no_text_goes_where_nobody_knows_the_hour_but_a_code_does(doubles: Doubles, zone: str) -> None:
    (person,) = make_people(1)
    Recipient.objects.update(time_zone=zone)
    say([person])
    say([person], CODE, channels=["sms"])
    assert states() == {(State.SUPPRESSED, "no_time_zone"): 1, (State.READY, ""): 1}


def test_a_text_waits_for_the_morning_and_goes_then(doubles: Doubles) -> None:
    make_people(1, time_zone="Asia/Tokyo")
    say(User.objects.all())
    opening = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    assert list(Delivery.objects.values_list("state", "reason", "due_at")) == [(State.DEFERRED, "texting_hours", opening)]

    assert deliver_all(opening - timedelta(seconds=1)) == 0
    assert deliver_all(opening) == 1
    assert states() == {(State.ACCEPTED, "accepted"): 1}


def test_what_waits_past_its_worth_expires_unsent(doubles: Doubles) -> None:
    make_people(1, time_zone="Asia/Tokyo")
    say(User.objects.all(), FLASH, channels=["sms"])
    assert states() == {(State.DEFERRED, "texting_hours"): 1}

    assert sweep(NOW + timedelta(hours=3, minutes=59))["expired"] == 0
    assert sweep(NOW + timedelta(hours=4))["expired"] == 1
    deliver_all(NOW + timedelta(days=1))

    assert states() == {(State.EXPIRED, "expired"): 1}
    assert not doubles.ledger.entries()


def test_what_expired_before_a_sweep_saw_it_is_not_sent_either(doubles: Doubles) -> None:
    say(make_people(1), FLASH, channels=["sms"])
    deliver_all(NOW + timedelta(hours=4))
    assert states() == {(State.EXPIRED, "expired"): 1}
    assert not doubles.ledger.entries()


def test_a_stop_holds_back_texts_but_not_sign_in_codes_and_a_bounce_holds_back_both() -> None:
    person = make_user(phone="+12065550101", email="ana@example.org")
    suppress(channel="sms", kind="phone", address="+12065550101", reason="stop", now=NOW)
    suppress(channel="email", kind="email", address="ana@example.org", reason="bounce", now=NOW)
    say([person])
    say([person], CODE)
    assert states() == {
        (State.SUPPRESSED, "suppressed_stop"): 1,
        (State.READY, ""): 1,
        (State.SUPPRESSED, "suppressed_bounce"): 1,
    }


def test_a_suppression_of_one_study_leaves_the_others() -> None:
    people = make_people(1)
    suppress(channel="sms", kind="phone", address="+12065551000", reason="stop", now=NOW, scope="study:1")
    say(people, scope="study:1")
    say(people, scope="study:2")
    assert states() == {(State.SUPPRESSED, "suppressed_stop"): 1, (State.READY, ""): 1}
