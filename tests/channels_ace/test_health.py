from datetime import timedelta

import pytest
from pytest_django import Settings

from channels_ace.api import Attempt, Delivery, deliver, deliver_all, explain, sweep
from channels_ace.channel import Outcome
from channels_ace.channels.sms_aws import EndUserMessagingChannel
from channels_ace.health import REMEMBERED, note, resting_providers
from channels_ace.models import ProviderHealth, Switch
from settings import base
from tests.channels_ace.saying import CODE, FLASH, NEWS, make_people, say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State
ACCEPTED, WAITS = (State.ACCEPTED, "accepted"), (State.DEFERRED, "provider_down")
PROBE = timedelta(seconds=30)
GOOD, BAD = [Outcome.ACCEPTED], [Outcome.REFUSED]


class SecondChannel(EndUserMessagingChannel):
    provider = "second"


@pytest.fixture(autouse=True)
def breaker(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "BREAKER": base.CHANNELS_ACE["BREAKER"]}


@pytest.fixture
def two_providers(breaker: None, settings: Settings) -> None:
    paths = [*settings.CHANNELS_ACE["CHANNELS"], f"{__name__}.SecondChannel"]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": paths}


def let_rest(provider: str = "eum") -> None:
    note(provider, BAD * 5, NOW)


def providers_asked() -> list[str]:
    return list(Attempt.objects.order_by("pk").values_list("provider", flat=True))


@pytest.mark.parametrize(
    ("answers", "rests"),
    [
        (BAD * 4, False),
        (BAD * 5, True),
        ([Outcome.UNKNOWN] * 5, True),
        ([Outcome.PERMANENT] * 50, False),
        ((BAD * 4 + GOOD) * 9, False),
        (GOOD * 30 + (BAD + GOOD) * 10, False),
        (GOOD * 28 + (BAD + GOOD) * 11, True),
    ],
)
def test_a_provider_rests_after_five_bad_answers_in_a_row_or_more_than_a_fifth_of_fifty(answers: list[Outcome], rests: bool) -> None:
    assert note("eum", answers, NOW) is rests
    assert resting_providers() == (["eum"] if rests else [])


def test_answers_are_counted_across_workers_and_batches() -> None:
    assert [note("eum", BAD, NOW) for _ in range(5)] == [False, False, False, False, True]
    assert len(ProviderHealth.objects.get().recent) <= REMEMBERED


def test_after_five_refusals_nothing_more_goes_out_and_the_rest_waits_without_using_an_attempt(doubles: Doubles) -> None:
    doubles.faults.script("eum", "throttle", times=100)
    say(make_people(20))

    deliver_all(NOW)

    assert states() == {(State.READY, "refused"): 5, WAITS: 15}
    assert len(doubles.ledger.entries()) == Attempt.objects.count() == 5
    assert set(Delivery.objects.filter(reason="provider_down").values_list("claims", flat=True)) == {0}


def test_while_it_rests_one_delivery_each_half_minute_probes_it(doubles: Doubles) -> None:
    doubles.faults.script("eum", "throttle", times=100)
    say(make_people(20))
    let_rest()

    for seconds in range(0, 121, 15):
        at = NOW + timedelta(seconds=seconds)
        sweep(at)
        deliver_all(at)

    assert len(doubles.ledger.entries()) == 4


def test_a_good_answer_to_a_probe_lets_all_go_out_once(doubles: Doubles) -> None:
    say(make_people(20))
    let_rest()
    deliver_all(NOW)
    assert states() == {WAITS: 20}

    for seconds in (30, 45):
        sweep(NOW + timedelta(seconds=seconds))
        deliver_all(NOW + timedelta(seconds=seconds))

    assert states() == {ACCEPTED: 20}
    assert len(doubles.ledger.entries()) == 20
    assert resting_providers() == []


def test_what_is_stale_expires_while_the_provider_rests(doubles: Doubles) -> None:
    say(make_people(2), FLASH, channels=["sms"])
    let_rest()
    deliver_all(NOW)

    sweep(NOW + timedelta(hours=4))
    deliver_all(NOW + timedelta(hours=4))

    assert states() == {(State.EXPIRED, "expired"): 2}
    assert doubles.ledger.entries() == []


def test_other_channels_flow_while_one_rests(doubles: Doubles) -> None:
    let_rest()
    say([make_user(email="ada@example.org", device="device-1")], NEWS)

    deliver_all(NOW)

    assert states() == {ACCEPTED: 2}


def test_a_person_is_told_that_the_provider_has_trouble() -> None:
    (person,) = make_people(1)
    message = say([person])
    let_rest()

    deliver_all(NOW)

    assert explain(message, person.pk)[0].words == "It waits: the provider has trouble, and is asked again from time to time."


def test_without_a_breaker_a_provider_never_rests(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "BREAKER": None}

    assert not note("eum", BAD * 50, NOW)


def test_the_first_provider_is_used_while_it_is_well(doubles: Doubles, two_providers: None) -> None:
    say(make_people(3))

    deliver_all(NOW)

    assert providers_asked() == ["eum"] * 3


def test_while_the_first_provider_rests_the_second_carries(doubles: Doubles, two_providers: None) -> None:
    doubles.faults.script("eum", "throttle", times=5)
    say(make_people(20))

    deliver_all(NOW)
    deliver_all(NOW + timedelta(seconds=10))

    # What the first refused goes to the second, which has nothing to wait for.
    assert providers_asked() == ["eum"] * 5 + ["second"] * 20
    assert states() == {ACCEPTED: 20}


def test_what_the_first_refuses_is_handed_to_the_second_at_once(doubles: Doubles, two_providers: None) -> None:
    doubles.faults.script("eum", "throttle")
    person, *_others = make_people(3)
    message = say([person])

    assert deliver(NOW) == 1
    assert states() == {(State.READY, "handed_on"): 1}
    assert explain(message, person.pk)[0].words == "The provider refused it for now; another provider is asked at once."
    assert deliver(NOW) == 1

    assert states() == {ACCEPTED: 1}
    assert list(Attempt.objects.order_by("pk").values_list("provider", "outcome", "code")) == [
        ("eum", "refused", "throttling"),
        ("second", "accepted", ""),
    ]
    assert resting_providers() == []


def test_what_both_refuse_waits_and_begins_again_with_the_first(doubles: Doubles, two_providers: None) -> None:
    doubles.faults.script("eum", "throttle", times=4)
    say(make_people(1))

    deliver_all(NOW)
    assert states() == {(State.READY, "refused"): 1}
    # The first wait of the table, though two have refused it.
    first = Delivery.objects.get().due_at
    assert timedelta(seconds=4) <= first - NOW <= timedelta(seconds=6)
    deliver_all(first)
    assert timedelta(seconds=24) <= Delivery.objects.get().due_at - first <= timedelta(seconds=36)
    deliver_all(first + timedelta(seconds=36))

    assert providers_asked() == ["eum", "second", "eum", "second", "eum"]
    assert states() == {ACCEPTED: 1}


@pytest.mark.parametrize("second_is", ["off", "resting"])
def test_nothing_is_handed_to_one_that_is_off_or_rests(doubles: Doubles, two_providers: None, second_is: str) -> None:
    doubles.faults.script("eum", "throttle")
    if second_is == "off":
        Switch.objects.create(kind="provider", name="second", why="Too dear", since=NOW)
    else:
        let_rest("second")
    say(make_people(1))

    deliver_all(NOW)

    assert providers_asked() == ["eum"]
    assert states() == {(State.READY, "refused"): 1}


def test_what_is_refused_for_good_or_may_have_been_sent_is_not_handed_on(doubles: Doubles, two_providers: None) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1))
    deliver_all(NOW)
    say([make_user(phone="+12065550199")])
    deliver_all(NOW)

    assert providers_asked() == ["eum"] * 2


def test_the_first_provider_carries_again_after_a_good_probe(doubles: Doubles, two_providers: None) -> None:
    let_rest()
    say(make_people(3))

    deliver_all(NOW + PROBE)

    assert providers_asked() == ["eum"] * 3
    assert resting_providers() == []


def test_where_an_operator_turned_off_the_first_the_second_carries(doubles: Doubles, two_providers: None) -> None:
    Switch.objects.create(kind="provider", name="eum", why="Too dear", since=NOW)
    say(make_people(2))

    deliver_all(NOW)

    assert providers_asked() == ["second"] * 2


def test_where_all_providers_are_turned_off_it_waits_for_one_of_them(doubles: Doubles, two_providers: None) -> None:
    first, second = (Switch.objects.create(kind="provider", name=name, why="x", since=NOW) for name in ("eum", "second"))
    say(make_people(2))
    deliver_all(NOW)
    assert states() == {(State.DEFERRED, "switched_off"): 2}

    second.delete()
    sweep(NOW)
    deliver_all(NOW)

    assert providers_asked() == ["second"] * 2
    assert first.pk is not None


def test_what_may_have_been_sent_by_the_first_is_never_given_to_the_second(doubles: Doubles, two_providers: None) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1))
    deliver_all(NOW)
    let_rest()

    for minutes in range(0, 60, 5):
        sweep(NOW + timedelta(minutes=minutes))
        deliver_all(NOW + timedelta(minutes=minutes))

    assert providers_asked() == ["eum"]
    assert states() == {(State.UNKNOWN_FINAL, "never_answered"): 1}


def test_a_sign_in_code_goes_by_the_second_at_once(doubles: Doubles, two_providers: None) -> None:
    let_rest()
    say(make_people(1), CODE, channels=["sms"])

    assert deliver(NOW, lane="urgent") == 1

    assert providers_asked() == ["second"]
