"""Workers killed while they send: nothing is doubled, nothing is lost. The checker itself is tested in test_checker.py."""

import random
import time
from typing import Any

import pytest

from channels_ace.api import Delivery, sweep
from tests.channels_ace.saying import let_leases_end, make_people, say, states
from tests.factories import NOW
from tests.fakes import Doubles
from tests.faults.checker import violations
from tests.faults.workshop import Workshop, is_running

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(110)]
State = Delivery.State


def wait_for_requests(doubles: Doubles, worker: int, more: int) -> None:
    """This function will wait until the provider has been asked some more times, or the worker is done."""
    wanted = len(doubles.ledger.entries()) + more
    while is_running(worker) and len(doubles.ledger.entries()) < wanted:
        time.sleep(0.001)


def test_workers_killed_at_random_moments_double_and_lose_nothing(doubles: Doubles, workshop: Workshop) -> None:
    say(make_people(150))
    moments = random.Random(20260302)

    while Delivery.objects.filter(state__in=[*Delivery.WAITING, State.SENDING]).exists() and workshop.kills < 60:
        workers = [workshop.start(NOW), workshop.start(NOW)]
        for worker in workers:
            wait_for_requests(doubles, worker, moments.randrange(5, 25))
            time.sleep(moments.uniform(0, 0.02))
            workshop.kill(worker)
            let_leases_end()
    workshop.drain(NOW)

    assert workshop.kills >= 6
    assert violations(doubles.ledger.entries()) == []
    # Whoever is killed leaves one text in doubt, and no more.
    assert Delivery.objects.filter(state=State.UNKNOWN).count() <= workshop.kills
    assert states()[State.ACCEPTED, "accepted"] >= 150 - workshop.kills


def test_a_worker_killed_between_accept_and_answer_leaves_one_unknown(
    doubles: Doubles, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(make_people(60))
    write = doubles.ledger.write
    killing = {4, 5, 23, 41, 59}
    workers = [0]

    def write_and_kill(**entry: Any) -> int:
        number = write(**entry)
        if number in killing:
            workshop.kill(workers[-1])
        return number

    monkeypatch.setattr(doubles.ledger, "write", write_and_kill)
    while Delivery.objects.filter(state__in=[*Delivery.WAITING, State.SENDING]).exists():
        workers.append(workshop.start(NOW))
        while is_running(workers[-1]):
            time.sleep(0.01)
        let_leases_end()
        sweep(NOW)

    assert workshop.kills == len(killing)
    assert violations(doubles.ledger.entries()) == []
    assert states() == {(State.ACCEPTED, "accepted"): 60 - len(killing), (State.UNKNOWN, "worker_lost"): len(killing)}
    assert len(doubles.ledger.entries()) == 60
