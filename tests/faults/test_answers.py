"""A provider that accepts and then fails to say so, or refuses for a while: with real workers, held against the ledger."""

from datetime import timedelta

import pytest

from channels_ace.api import Delivery, deliver_all, sweep
from tests.channels_ace.saying import make_people, say, states
from tests.factories import NOW
from tests.fakes import Doubles
from tests.faults.checker import violations
from tests.faults.workshop import Workshop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(110)]
State = Delivery.State
# So few that nobody takes the provider to be down.
FEW = 4


@pytest.mark.parametrize("fault", ["hang_after_accept", "reset_after_accept", "error_500_after_accept", "error_500", "malformed"])
def test_an_unclear_answer_is_one_unknown_and_never_a_second_text(doubles: Doubles, workshop: Workshop, fault: str) -> None:
    doubles.faults.script("eum", fault, times=FEW)
    say(make_people(60))

    workshop.drain(NOW)
    sweep(NOW + timedelta(hours=1))

    assert states() == {(State.ACCEPTED, "accepted"): 60 - FEW, (State.UNKNOWN_FINAL, "never_answered"): FEW}
    assert deliver_all(NOW + timedelta(hours=1)) == 0
    assert len(doubles.ledger.entries()) == 60
    assert violations(doubles.ledger.entries()) == []


def test_what_is_throttled_goes_out_later_once(doubles: Doubles, workshop: Workshop) -> None:
    doubles.faults.script("eum", "throttle", times=FEW)
    say(make_people(60))

    workshop.drain(NOW)
    assert states() == {(State.ACCEPTED, "accepted"): 60 - FEW, (State.READY, "refused"): FEW}
    workshop.drain(NOW + timedelta(seconds=10))

    assert states() == {(State.ACCEPTED, "accepted"): 60}
    assert len(doubles.ledger.entries()) == 60 + FEW
    assert violations(doubles.ledger.entries()) == []
