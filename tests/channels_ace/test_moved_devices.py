import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from channels_ace.api import Attempt, ContactPoint, Delivery, add_contact_point, deliver, deliver_all, remove_devices_of
from tests.channels_ace.saying import NEWS, say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db(transaction=True)
State = Delivery.State
DEVICE = "device-that-moves"
INTERLEAVINGS = 200


def move_to(user_id: int) -> None:
    add_contact_point(user_id=user_id, kind="device_token", address=DEVICE, now=NOW, verified=True)


@pytest.mark.timeout(240)
def test_a_notice_for_the_first_owner_never_reaches_a_device_that_moved(doubles: Doubles) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time: nothing interleaves.")
    first, second = make_user(device=DEVICE), make_user()
    both, chance = threading.Barrier(2), random.Random(20261127)
    late, sent, usual = [], 0, 0.05

    def work() -> float:
        both.wait()
        began = time.monotonic()
        deliver(NOW)
        return time.monotonic() - began

    def move(after_seconds: float) -> int:
        both.wait()
        time.sleep(after_seconds)
        move_to(second.pk)
        return len(doubles.ledger.entries())

    def hang_up() -> None:
        both.wait()
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        for number in range(INTERLEAVINGS):
            move_to(first.pk)
            say([first], NEWS, channels=["push"])
            doubles.ledger.forget()
            # The move comes before, during or after, however quick this machine is.
            worker, mover = pool.submit(work), pool.submit(move, chance.uniform(0, 1.5 * usual))
            usual = 0.8 * usual + 0.2 * worker.result()
            at_the_move, at_the_end = mover.result(), len(doubles.ledger.entries())
            sent += at_the_end
            if at_the_end > at_the_move:
                late.append(number)
        for gone in [pool.submit(hang_up), pool.submit(hang_up)]:
            gone.result()
    deliver_all(NOW + timedelta(seconds=1))

    assert late == []
    # Both must have come about, or the two never crossed.
    assert 10 <= sent <= INTERLEAVINGS - 10
    assert len(doubles.ledger.entries()) <= 1
    ends = Counter(Delivery.objects.values_list("state", flat=True))
    assert ends == {State.ACCEPTED: sent, State.SUPPRESSED: INTERLEAVINGS - sent}
    assert ContactPoint.objects.get().user_id == second.pk


def move_one() -> None:
    add_contact_point(user_id=make_user().pk, kind="device_token", address="device-1", now=NOW, verified=True)


def sign_one_out() -> None:
    point = ContactPoint.objects.get(user__username="person-1")
    ContactPoint.objects.filter(pk=point.pk).update(app="an app")
    assert remove_devices_of(["an app"], [point.user_id], NOW) == 1


@pytest.mark.parametrize(("leave", "reason"), [(move_one, "no_contact_point"), (sign_one_out, "contact_removed")])
def test_a_device_that_is_left_after_the_decision_gets_nothing_and_the_others_do(
    doubles: Doubles, monkeypatch: pytest.MonkeyPatch, leave: Callable[[], None], reason: str
) -> None:
    people = [make_user(f"person-{number}", device=f"device-{number}") for number in range(3)]
    say(people, NEWS, channels=["push"])
    is_left: list[bool] = []

    # The moment between decision and request: the pace is asked for there.
    def parts_per_second(_provider: str, _originator: str) -> int:
        if not is_left:
            is_left.append(True)
            leave()
        return 0

    monkeypatch.setattr("channels_ace.hand_over.parts_per_second", parts_per_second)
    deliver_all(NOW)
    deliver_all(NOW + timedelta(seconds=1))

    assert states() == {(State.ACCEPTED, "accepted"): 2, (State.SUPPRESSED, reason): 1}
    assert Attempt.objects.count() == len(doubles.ledger.entries()) == 2
