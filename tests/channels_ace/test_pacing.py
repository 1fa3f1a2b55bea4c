import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from channels_ace.api import Delivery, deliver, deliver_all
from channels_ace.models import OriginatorPace
from channels_ace.pacing import wait_turn
from tests.channels_ace.saying import CODE, NEWS, TEXT, make_people, say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
ACCEPTED = (Delivery.State.ACCEPTED, "accepted")


@pytest.fixture
def ten_a_second(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "PARTS_PER_SECOND": {"eum": 10}}


def seconds_of(act: Any) -> float:
    before = time.monotonic()
    act()
    return time.monotonic() - before


def test_texts_go_no_faster_than_the_number_may_send(doubles: Doubles, ten_a_second: None) -> None:
    say(make_people(5))

    took = seconds_of(lambda: deliver_all(NOW))

    # The first goes at once, four wait a tenth of a second each.
    assert took >= 0.4
    assert states() == {ACCEPTED: 5}


def test_a_long_text_takes_the_turns_of_its_parts(ten_a_second: None) -> None:
    wait_turn("eum", "", 5, time.monotonic() + 5)

    assert 0.45 <= seconds_of(lambda: wait_turn("eum", "", 1, time.monotonic() + 5)) < 3


def test_a_turn_that_comes_too_late_is_not_taken(ten_a_second: None) -> None:
    wait_turn("eum", "", 100, time.monotonic() + 5)
    before = OriginatorPace.objects.get().free_at

    assert not wait_turn("eum", "", 1, time.monotonic() + 0.05)
    assert OriginatorPace.objects.get().free_at == before


def test_what_has_no_turn_before_its_deadline_stays_ready(doubles: Doubles, ten_a_second: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.delivery.DEADLINE_SECONDS", 0.1)
    OriginatorPace.objects.create(provider="eum", originator="", free_at=Now() + timedelta(hours=1))
    say(make_people(2))

    deliver(NOW)

    assert states() == {(Delivery.State.READY, ""): 2}
    assert doubles.ledger.entries() == []


def test_what_has_no_pace_asks_nothing(doubles: Doubles, ten_a_second: None) -> None:
    say([make_user(email="ada@example.org", device="device-1")], NEWS)

    with CaptureQueriesContext(connection) as captured:
        deliver_all(NOW)

    assert [query for query in captured if "free_at" in query["sql"]] == []
    assert states() == {ACCEPTED: 2}


def test_each_number_has_a_turn_of_its_own(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "PARTS_PER_SECOND": {"eum": 1, "+12065550199": 0.001}}
    assert wait_turn("eum", "+12065550199", 1, time.monotonic() + 0.05)
    assert not wait_turn("eum", "+12065550199", 1, time.monotonic() + 0.05)

    assert wait_turn("eum", "+12065550198", 1, time.monotonic() + 0.05)
    assert wait_turn("sns", "+12065550199", 1, time.monotonic() + 0.05)


def test_a_type_with_a_number_of_its_own_does_not_wait_for_another(
    doubles: Doubles, settings: Settings, ten_a_second: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_ace.delivery.DEADLINE_SECONDS", 0.5)
    aws = {**settings.CHANNELS_ACE_PROVIDERS["AWS"], "senders": {CODE.name: "pool-codes"}}
    settings.CHANNELS_ACE_PROVIDERS = {**settings.CHANNELS_ACE_PROVIDERS, "AWS": aws}
    OriginatorPace.objects.create(provider="eum", originator="", free_at=Now() + timedelta(hours=1))
    people = make_people(1)
    say(people)
    say(people, CODE)

    for _ in range(3):
        deliver(NOW, lane="urgent")
    deliver(NOW)

    assert dict(Delivery.objects.filter(channel="sms").values_list("message__type", "state")) == {
        TEXT.name: Delivery.State.READY,
        CODE.name: Delivery.State.ACCEPTED,
    }
    assert [entry["extra"]["origination_identity"] for entry in doubles.ledger.entries()] == ["pool-codes"]
