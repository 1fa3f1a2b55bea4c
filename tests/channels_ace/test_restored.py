from datetime import timedelta

import pytest

from channels_ace.api import Delivery, deliver_all, quarantine, sweep
from channels_ace.delivery import claim
from channels_ace.health import PROVIDER_DOWN
from tests.channels_ace.saying import CODE, make_people, say, states
from tests.factories import NOW
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State
HOUR = timedelta(hours=1)


def test_what_was_due_or_under_way_may_have_been_sent_and_is_not_sent_again(doubles: Doubles) -> None:
    due, under_way, waiting = make_people(3)
    say([under_way])
    claim(NOW)
    say([due])
    say([waiting])
    Delivery.objects.filter(user=waiting).update(state=State.DEFERRED, reason=PROVIDER_DOWN, due_at=NOW + HOUR)

    assert quarantine(NOW) == 3
    assert quarantine(NOW) == 0
    sweep(NOW + HOUR)
    deliver_all(NOW + HOUR)

    assert states() == {(State.UNKNOWN_FINAL, "never_answered"): 3}
    assert doubles.ledger.entries() == []


def test_what_is_for_later_and_what_may_be_repeated_is_sent(doubles: Doubles) -> None:
    later, coded = make_people(2)
    say([later], send_after=NOW + HOUR)
    say([coded], CODE, channels=["sms"])

    assert quarantine(NOW) == 0
    deliver_all(NOW + HOUR)

    assert states() == {(State.ACCEPTED, "accepted"): 2}
    assert len(doubles.ledger.entries()) == 2


def test_what_is_over_stays_what_it_was(doubles: Doubles) -> None:
    say(make_people(2))
    deliver_all(NOW)
    Delivery.objects.filter(pk=Delivery.objects.earliest("pk").pk).update(state=State.CANCELLED, reason="cancelled")

    assert quarantine(NOW) == 0
    assert states() == {(State.ACCEPTED, "accepted"): 1, (State.CANCELLED, "cancelled"): 1}
