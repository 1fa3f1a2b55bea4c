from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from channels_ace import tasks
from channels_ace.api import Attempt, Delivery, deliver_all, oldest_due, sweep
from channels_ace.delivery import claim
from channels_ace.models import ProviderEvent
from channels_ace.receipts import Kind, apply_parked, record_receipt
from channels_ace.sweep import due_lanes, expire, release_leases
from tests.channels_ace.saying import CODE, FLASH, NEWS, let_leases_end, make_people, say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State
poked: list[str] = []


def poke(lane: str) -> None:
    poked.append(lane)


def test_a_dead_workers_rows_are_unknown_where_an_attempt_is_open_and_ready_where_none_is() -> None:
    say(make_people(3))
    claimed = claim(NOW).deliveries
    Attempt.objects.create(delivery=claimed[0], fence=1, provider="eum", started_at=NOW)
    Attempt.objects.create(delivery=claimed[1], fence=0, provider="eum", started_at=NOW)
    let_leases_end()

    assert release_leases(NOW) == 3
    assert release_leases(NOW) == 0

    assert states() == {(State.UNKNOWN, "worker_lost"): 1, (State.READY, ""): 2}
    assert Delivery.objects.get(state=State.UNKNOWN).pk == claimed[0].pk
    # Still counted: this may be the row that killed its worker.
    assert set(Delivery.objects.values_list("claims", flat=True)) == {1}


def test_a_lease_that_holds_is_left_alone() -> None:
    say(make_people(1))
    claim(NOW)
    # A year by the clock that is passed in; the lease is on the database's.
    assert sweep(NOW + timedelta(days=365))["released"] == 0
    assert states() == {(State.SENDING, ""): 1}


def test_only_what_waits_expires(doubles: Doubles) -> None:
    person = make_user(phone="+12065550100", device="device-1")
    say([person], FLASH, channels=["sms"])
    deliver_all(NOW)
    say([person], FLASH, channels=["sms"])

    assert sweep(NOW + timedelta(hours=4))["expired"] == 1
    assert sweep(NOW + timedelta(hours=4))["expired"] == 0

    assert states() == {(State.ACCEPTED, "accepted"): 1, (State.EXPIRED, "expired"): 1}


def test_unknowns_leave_by_the_policy_of_their_own_type() -> None:
    person = make_people(1)
    for kind in (CODE, FLASH):
        say(person, kind, channels=["sms"])
    Delivery.objects.update(state=State.UNKNOWN, reason="unanswered", reconcile_at=NOW)

    assert sweep(NOW - timedelta(seconds=1))["closed"] == 0
    assert sweep(NOW)["closed"] == 2

    assert dict(Delivery.objects.values_list("message__type", "state")) == {CODE.name: State.READY, FLASH.name: State.UNKNOWN_FINAL}


def test_a_receipt_that_comes_in_time_keeps_an_unknown_from_being_closed() -> None:
    say(make_people(1))
    Delivery.objects.update(state=State.UNKNOWN, reason="unanswered", reconcile_at=NOW)
    attempt = Attempt.objects.create(delivery=Delivery.objects.get(), fence=0, provider="eum", started_at=NOW)
    record_receipt("eum", "1", attempt.token, Kind.SENT, NOW, {}, NOW)

    assert sweep(NOW)["closed"] == 0
    assert states() == {(State.ACCEPTED, "accepted"): 1}


def test_an_early_receipt_is_matched_by_a_later_sweep() -> None:
    token = uuid4()
    assert not record_receipt("eum", "1", token, Kind.DELIVERED, NOW, {}, NOW)
    assert sweep(NOW)["matched"] == 0
    say(make_people(1))
    Attempt.objects.create(delivery=Delivery.objects.get(), token=token, fence=0, provider="eum", started_at=NOW)

    assert sweep(NOW)["matched"] == 1
    assert sweep(NOW)["matched"] == 0
    assert states() == {(State.DELIVERED, "delivered"): 1}


def test_the_oldest_due_delivery_tells_how_healthy_the_workers_are() -> None:
    assert oldest_due(NOW) == timedelta(0)
    say(make_people(1), send_after=NOW + timedelta(hours=1))
    assert oldest_due(NOW) == timedelta(0)
    assert oldest_due(NOW + timedelta(hours=3)) == timedelta(hours=2)


def test_a_lost_poke_is_repeated_for_the_lanes_that_need_it(settings: Settings, monkeypatch: pytest.MonkeyPatch, doubles: Doubles) -> None:
    poked.clear()
    monkeypatch.setattr(tasks, "poke", poke)
    person = [make_user(phone="+12065550100", email="ana@example.org")]
    say(person, CODE)
    say(person, NEWS, channels=["email"])
    say(person, FLASH, channels=["sms"], send_after=NOW + timedelta(days=36_500))

    tasks.sweep()
    assert poked == due_lanes(NOW) == ["bulk", "urgent"]

    tasks.deliver_lane("urgent")
    assert due_lanes(NOW) == ["bulk"]


def test_a_task_ends_before_celery_ends_it_and_asks_for_another(monkeypatch: pytest.MonkeyPatch, doubles: Doubles) -> None:
    poked.clear()
    monkeypatch.setattr(tasks, "poke", poke)
    monkeypatch.setattr(tasks, "RUN_SECONDS", -1)
    say(make_people(1), CODE, channels=["sms"])

    tasks.deliver_lane("urgent")
    assert poked == ["urgent"]
    tasks.deliver_lane("urgent")
    assert poked == ["urgent"]


def plan_of(statement: str) -> str:
    """This function will give the plan of a statement, where no table is read as a whole if an index will do."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize(
    ("part", "index"), [(expire, "carillon_delivery_stale"), (apply_parked, "carillon_event_parked")], ids=["stale", "parked"]
)
def test_a_sweep_finds_what_is_due_by_an_index_of_that_alone(part: Callable[[datetime], int], index: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Reads a plan of PostgreSQL.")
    # Enough that is done with for the planner to see the difference, whatever it last counted.
    done = {"provider": "eum", "token": uuid4(), "kind": Kind.DELIVERED, "occurred_at": NOW, "received_at": NOW, "applied_at": NOW}
    ProviderEvent.objects.bulk_create(ProviderEvent(event_id=f"done {number}", **done) for number in range(2_000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE carillon_channels_providerevent")
    with CaptureQueriesContext(connection) as captured:
        part(NOW)

    assert f"using {index}" in plan_of(captured[0]["sql"]).replace("Scan on", "using")
