"""A provider that accepts and then fails to say so, or refuses for a while: with real workers, held against the ledger."""

from datetime import timedelta
from pathlib import Path

import pytest

from channels_ace.api import Delivery, deliver_all, sweep
from tests.channels_ace.saying import make_people, say, states
from tests.factories import NOW
from tests.fakes import Doubles
from tests.faults.checker import violations
from tests.faults.workshop import open_workshop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(110)]
State = Delivery.State


@pytest.mark.parametrize(
    ("fault", "times"),
    [("hang_after_accept", 4), ("reset_after_accept", 20), ("error_500_after_accept", 20), ("error_500", 20), ("malformed", 20)],
)
def test_an_unclear_answer_is_one_unknown_and_never_a_second_text(doubles: Doubles, tmp_path: Path, fault: str, times: int) -> None:
    doubles.faults.script("eum", fault, times=times)
    say(make_people(60))

    with open_workshop(doubles, tmp_path / "log", provider_timeout=0.5) as workshop:
        workshop.drain(NOW)
    sweep(NOW + timedelta(hours=1))

    assert states() == {(State.ACCEPTED, "accepted"): 60 - times, (State.UNKNOWN_FINAL, "never_answered"): times}
    assert deliver_all(NOW + timedelta(hours=1)) == 0
    assert len(doubles.ledger.entries()) == 60
    assert violations(doubles.ledger.entries()) == []


def test_what_is_throttled_goes_out_later_once(doubles: Doubles, tmp_path: Path) -> None:
    doubles.faults.script("eum", "throttle", times=20)
    say(make_people(60))

    with open_workshop(doubles, tmp_path / "log") as workshop:
        workshop.drain(NOW)
        assert states() == {(State.ACCEPTED, "accepted"): 40, (State.READY, "refused"): 20}
        workshop.drain(NOW + timedelta(seconds=10))

    assert states() == {(State.ACCEPTED, "accepted"): 60}
    assert len(doubles.ledger.entries()) == 80
    assert violations(doubles.ledger.entries()) == []
