from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ace.api import Attempt, Delivery, Explanation, cancel, deliver_all, explain, suppress, sweep
from channels_ace.receipts import Kind, record_receipt
from tests.channels_ace.saying import CODE, FLASH, NEWS, make_people, say
from tests.factories import NOW, make_contact, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State
LATER = NOW + timedelta(minutes=11)


def story(explanation: Explanation) -> list[str]:
    return [step.words for step in explanation.steps]


def test_it_was_sent_and_arrived(doubles: Doubles) -> None:
    (person,) = make_people(1)
    message = say([person])
    deliver_all(NOW + timedelta(minutes=1))
    record_receipt("eum", "1", Attempt.objects.get().token, Kind.DELIVERED, NOW + timedelta(minutes=2), {}, LATER)

    (told,) = explain(message, person.pk)

    assert (told.channel, told.state, told.reason, told.words) == ("sms", "delivered", "delivered", "The provider says it arrived.")
    assert story(told) == [
        "It is on its way.",
        "It was handed to the provider.",
        "The provider took it.",
        "The provider says it arrived.",
    ]


def test_it_was_held_back_and_nothing_else_happened() -> None:
    person = make_user(phone="+12065550100")
    suppress(channel="sms", kind="phone", address="+12065550100", reason="stop", now=NOW)

    (told,) = explain(say([person]), person.pk)

    assert (told.state, story(told)) == ("suppressed", ["The number replied STOP. Only a START from that number lifts this."])


def test_it_waits_for_the_morning() -> None:
    (person,) = make_people(1, time_zone="Asia/Tokyo")
    (told,) = explain(say([person]), person.pk)
    assert (told.state, told.words) == ("deferred", "It waits: texts go out between 09:00 and 20:00 local time.")


def test_it_expired(doubles: Doubles) -> None:
    (person,) = make_people(1)
    message = say([person], FLASH, channels=["sms"])
    sweep(NOW + timedelta(hours=4))
    (told,) = explain(message, person.pk)
    assert (told.state, story(told)) == ("expired", ["It is on its way.", "It was no longer worth sending when its turn came."])


def test_it_was_cancelled() -> None:
    (person,) = make_people(1)
    message = say([person])
    cancel(message, LATER)
    (told,) = explain(message, person.pk)
    assert (told.state, story(told)) == ("cancelled", ["It is on its way.", "It was cancelled before it was sent."])


def test_nobody_knows_whether_it_was_sent(doubles: Doubles) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    (person,) = make_people(1)
    message = say([person])
    deliver_all(NOW)
    sweep(LATER)
    (told,) = explain(message, person.pk)
    assert (told.state, story(told)) == (
        "unknown_final",
        [
            "It is on its way.",
            "It was handed to the provider.",
            "The provider did not answer clearly. It may have been sent, so it is not sent twice.",
            "The provider never told whether it was sent. It is not sent again.",
        ],
    )


def test_it_was_refused_and_then_taken(doubles: Doubles) -> None:
    doubles.faults.script("eum", "throttle")
    (person,) = make_people(1)
    message = say([person], CODE, channels=["sms"])
    deliver_all(NOW)
    deliver_all(LATER)
    (told,) = explain(message, person.pk)
    assert (told.state, story(told)) == (
        "accepted",
        [
            "It is on its way.",
            "It was handed to the provider.",
            "The provider refused it for now; it will be tried again.",
            "It was handed to the provider.",
            "The provider took it.",
        ],
    )


def test_it_was_refused_for_good_in_words_and_not_in_the_providers_code(doubles: Doubles) -> None:
    person = make_user(device="device-1-unregistered")
    make_contact(person, "phone", "+12065550199")
    message = say([person])
    deliver_all(NOW)
    Delivery.objects.update(reason="http_400")
    (told,) = explain(message, person.pk)
    assert (told.state, told.words) == ("undeliverable", "The provider refused it for good.")
    assert "The provider says the number has opted out." in story(told)


@pytest.mark.parametrize("state", State.values)
def test_every_state_is_the_end_of_its_story_so_far(state: str) -> None:
    (person,) = make_people(1)
    message = say([person])
    Delivery.objects.update(state=state, reason="provider_code_17", changed_at=LATER)
    (told,) = explain(message, person.pk)
    assert told.steps[-1].what == state
    assert told.steps == tuple(sorted(told.steps, key=lambda step: step.at))


def test_each_device_is_told_apart_in_a_constant_number_of_statements(doubles: Doubles) -> None:
    person, other = make_user(email="ana@example.org"), make_user(email="lee@example.org")
    counts = []
    for devices in (1, 6):
        for number in range(devices):
            make_contact(person, "device_token", f"device-{devices}-{number}")
        message = say([person, other], NEWS)
        deliver_all(NOW)
        with CaptureQueriesContext(connection) as asked:
            told = explain(message, person.pk)
        counts.append((len(asked), [one.channel for one in told]))

    assert counts == [(3, ["email", "push"]), (3, ["email", *["push"] * 7])]
