"""A checker that cannot fail proves nothing: each rule is broken once."""

import pytest

from channels_ace.api import Attempt, Delivery, deliver_all
from tests.channels_ace.saying import make_people, say
from tests.factories import NOW
from tests.fakes import Doubles
from tests.faults.checker import violations

pytestmark = pytest.mark.django_db
State = Delivery.State


@pytest.fixture
def sent(doubles: Doubles) -> Doubles:
    say(make_people(2))
    deliver_all(NOW)
    assert violations(doubles.ledger.entries()) == []
    return doubles


def rules_broken(doubles: Doubles) -> set[str]:
    return {line[:2] for line in violations(doubles.ledger.entries())}


def test_it_sees_a_text_sent_twice(sent: Doubles) -> None:
    Delivery.objects.update(state=State.READY)
    deliver_all(NOW)
    assert rules_broken(sent) == {"I1"}


def test_it_sees_what_is_called_sent_and_was_not(sent: Doubles) -> None:
    sent.ledger.forget()
    assert rules_broken(sent) == {"I2"}


def test_it_sees_what_left_without_an_attempt(sent: Doubles) -> None:
    Attempt.objects.all().delete()
    assert rules_broken(sent) == {"I2", "I3"}


@pytest.mark.parametrize(
    ("state", "reason"),
    [(State.READY, "refused"), (State.SENDING, ""), (State.ACCEPTED, ""), (State.UNKNOWN, "x"), (State.IN_DIGEST, "in_digest")],
)
def test_it_sees_what_was_left_behind(sent: Doubles, state: str, reason: str) -> None:
    Delivery.objects.update(state=state, reason=reason)
    assert "I4" in rules_broken(sent)


def test_it_sees_what_was_sent_and_is_called_something_else(sent: Doubles) -> None:
    Delivery.objects.update(state=State.EXPIRED, reason="expired")
    assert rules_broken(sent) == {"I5"}


def test_it_sees_an_attempt_that_asked_twice(sent: Doubles) -> None:
    entry = sent.ledger.entries()[0]
    sent.ledger.write(provider="eum", token=entry["token"], accepted=False, to="")
    assert rules_broken(sent) == {"I7"}
