from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from channels_ace.api import Attempt, Delivery, deliver, deliver_all, sweep
from channels_ace.delivery import claim
from channels_ace.receipts import Kind, record_receipt
from tests.channels_ace.saying import CODE, TEXT, let_leases_end, make_people, say, states
from tests.factories import NOW
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State
ACCEPTED, CAPPED = (State.ACCEPTED, "accepted"), (State.SUPPRESSED, "capped")


def say_and_deliver(people: Any, now: datetime, kind: Any = TEXT) -> None:
    say(people, kind, now, channels=["sms"])
    deliver_all(now)


def test_of_four_texts_at_once_each_person_gets_three(doubles: Doubles) -> None:
    people = make_people(2)
    for _ in range(4):
        say(people)

    deliver_all(NOW)

    assert states() == {ACCEPTED: 6, CAPPED: 2}
    assert len(doubles.ledger.entries()) == 6


def test_the_fourth_text_is_held_back_until_the_first_is_a_day_old(doubles: Doubles) -> None:
    people = make_people(1)
    for hours in (0, 1, 2, 3, 23):
        say_and_deliver(people, NOW + timedelta(hours=hours))
    assert states() == {ACCEPTED: 3, CAPPED: 2}

    say_and_deliver(people, NOW + timedelta(hours=24))

    assert states() == {ACCEPTED: 4, CAPPED: 2}


def test_codes_that_sign_a_person_in_are_neither_capped_nor_counted(doubles: Doubles) -> None:
    people = make_people(1)
    for _ in range(5):
        say_and_deliver(people, NOW, CODE)
    for _ in range(4):
        say_and_deliver(people, NOW)

    say_and_deliver(people, NOW, CODE)

    assert states() == {ACCEPTED: 9, CAPPED: 1}


def test_what_may_have_arrived_counts_and_what_certainly_did_not_does_not(doubles: Doubles) -> None:
    people = make_people(1)
    doubles.faults.script("eum", "reset_after_accept")
    say_and_deliver(people, NOW)
    doubles.faults.script("eum", "throttle")
    say_and_deliver(people, NOW)
    say_and_deliver(people, NOW)
    reported = Attempt.objects.get(outcome="accepted")
    record_receipt(provider="eum", event_id="e", token=reported.token, kind=Kind.FAILED, occurred_at=NOW, payload={}, now=NOW)
    assert states() == {(State.UNKNOWN, "unanswered"): 1, (State.READY, "refused"): 1, (State.UNDELIVERABLE, "refused_for_good"): 1}

    for _ in range(3):
        say_and_deliver(people, NOW)

    assert states()[ACCEPTED] == 2
    assert states()[CAPPED] == 1


def test_what_another_worker_is_about_to_send_counts(doubles: Doubles) -> None:
    people = make_people(1)
    for _ in range(3):
        say(people)
    claim(NOW)
    say(people)

    deliver(NOW)

    assert states() == {(State.SENDING, ""): 3, CAPPED: 1}


def test_what_a_worker_lost_unsent_does_not_count_for_ever(doubles: Doubles) -> None:
    people = make_people(1)
    for _ in range(3):
        say(people)
    claim(NOW)
    let_leases_end()
    sweep(NOW)

    deliver_all(NOW)

    assert states() == {ACCEPTED: 3}


@pytest.mark.parametrize(
    ("hours", "sent"),
    [((0, 23), 1), ((0, 24), 2), ((0, 24, 95), 2), ((0, 24, 96), 3), ((0, 48, 97, 146, 195, 239), 4), ((0, 48, 97, 146, 195, 240), 5)],
)
def test_nudges_are_rarer_than_other_texts(doubles: Doubles, settings: Settings, hours: tuple[int, ...], sent: int) -> None:
    caps = [{**cap, "types": [TEXT.name]} if "types" in cap else cap for cap in settings.CHANNELS_ACE["CAPS"]]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CAPS": caps, "POLICIES": ["channels_ace.caps.Capped"]}
    people = make_people(1)

    for after in hours:
        say_and_deliver(people, NOW + timedelta(hours=after))

    assert states()[ACCEPTED] == sent
    assert sum(states().values()) == len(hours)


def test_the_caps_of_this_site_are_those_of_the_architecture(settings: Settings) -> None:
    told = [(cap.get("types"), cap["most"], cap["hours"]) for cap in settings.CHANNELS_ACE["CAPS"]]

    nudge = ["studies.nudge"]
    assert told == [(None, 3, 24), (nudge, 1, 24), (nudge, 2, 96), (nudge, 4, 240)]
