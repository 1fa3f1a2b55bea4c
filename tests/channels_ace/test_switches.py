from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from channels_ace.api import Delivery, deliver_all, explain, sweep
from channels_ace.models import Switch
from channels_ace.sweep import due_lanes
from channels_ace.switches import HOLD, resume
from tests.channels_ace.saying import CODE, FLASH, NEWS, TEXT, make_people, say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State
SOON = NOW + timedelta(minutes=1)
OFF = [("channel", "sms"), ("provider", "eum"), ("type", "tests.text"), ("scope", "study:1")]


def turn_off(kind: str, name: str) -> Switch:
    return Switch.objects.create(kind=kind, name=name, why="Wrong words", since=NOW)


@pytest.mark.parametrize(("kind", "name"), OFF)
@pytest.mark.parametrize("is_planned_before", [True, False])
def test_what_is_turned_off_waits_and_goes_out_once_when_the_switch_is_lifted(
    doubles: Doubles, kind: str, name: str, is_planned_before: bool
) -> None:
    # given
    if is_planned_before:
        say(make_people(3), scope="study:1")
    switch = turn_off(kind, name)
    if not is_planned_before:
        say(make_people(3), scope="study:1")

    # when
    deliver_all(NOW)
    sweep(NOW)
    waiting = states()
    assert doubles.ledger.entries() == []
    switch.delete()
    sweep(SOON)
    deliver_all(SOON)

    # then
    assert waiting == {(State.DEFERRED, "switched_off"): 3}
    assert states() == {(State.ACCEPTED, "accepted"): 3}
    assert len(doubles.ledger.entries()) == 3


@pytest.mark.parametrize(("kind", "name"), OFF)
def test_what_a_switch_does_not_cover_flows(doubles: Doubles, kind: str, name: str) -> None:
    turn_off(kind, name)
    say([make_user(email="ada@example.org", device="device-1")], NEWS, scope="study:2")

    deliver_all(NOW)

    assert states() == {(State.ACCEPTED, "accepted"): 2}


def test_what_waits_for_a_switch_is_out_of_the_way_of_the_next_claim() -> None:
    turn_off("type", "tests.text")
    say(make_people(3))

    deliver_all(NOW)

    assert due_lanes(SOON) == []
    assert set(Delivery.objects.values_list("due_at", flat=True)) == {NOW + HOLD}


def test_what_is_stale_when_the_switch_is_lifted_expires(doubles: Doubles) -> None:
    switch = turn_off("channel", "sms")
    say(make_people(1), FLASH, channels=["sms"])
    say(make_people(1), TEXT)
    deliver_all(NOW)

    later = NOW + timedelta(hours=5)
    sweep(later - timedelta(minutes=1))
    switch.delete()
    sweep(later)
    deliver_all(later)

    assert states() == {(State.EXPIRED, "expired"): 1, (State.ACCEPTED, "accepted"): 1}
    assert len(doubles.ledger.entries()) == 1


def test_one_of_two_switches_lifted_frees_only_what_the_other_does_not_cover(doubles: Doubles) -> None:
    everything, codes = turn_off("channel", "sms"), turn_off("type", "tests.code")
    say(make_people(1), TEXT)
    say(make_people(1), CODE, channels=["sms"])
    deliver_all(NOW)

    everything.delete()
    sweep(SOON)
    deliver_all(SOON)

    assert states() == {(State.ACCEPTED, "accepted"): 1, (State.DEFERRED, "switched_off"): 1}
    assert codes.pk is not None


def test_a_sweep_with_nothing_held_asks_once() -> None:
    turn_off("type", "tests.text")
    sweep(NOW)
    with CaptureQueriesContext(connection) as captured:
        sweep(NOW)

    assert [query["sql"] for query in captured if "carillon_channels_switch" in query["sql"]] == []


def held_that_are_read(at: datetime) -> int:
    """This function will sweep, and count the held deliveries that the sweep's own plan says it reads."""
    with CaptureQueriesContext(connection) as captured:
        assert resume(at) == 0
    (statement,) = [query["sql"] for query in captured if query["sql"].startswith("UPDATE") and "switched_off" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        return most_rows(cursor.fetchone()[0][0]["Plan"])


def most_rows(plan: dict[str, Any]) -> int:
    """This function will count what is read of deliveries, by index or not, kept or thrown away."""
    mine = 0
    if plan.get("Relation Name") == "carillon_channels_delivery":
        mine = plan["Actual Loops"] * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0))
    return int(mine) + sum(most_rows(inner) for inner in plan.get("Plans", []))


def test_while_a_switch_is_on_the_sweep_does_not_read_what_it_holds() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Reads a plan of PostgreSQL.")
    turn_off("type", "tests.text")
    say(make_people(40), TEXT)
    sweep(NOW)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("ANALYZE carillon_channels_delivery")

    assert held_that_are_read(NOW + timedelta(minutes=1)) >= 40
    sweep(NOW + timedelta(minutes=5))
    assert held_that_are_read(NOW + timedelta(minutes=6)) == 0


def test_a_switch_that_came_and_went_between_two_sweeps_leaves_nothing_held(doubles: Doubles) -> None:
    other = turn_off("type", "tests.news")
    say([make_user(email="ada@example.org")], NEWS, channels=["email"])
    sweep(NOW)
    everything = turn_off("channel", "sms")
    say(make_people(1), TEXT)
    everything.delete()

    assert resume(NOW + timedelta(seconds=15)) == 1
    assert other.pk is not None


def test_a_person_is_told_that_it_waits() -> None:
    (person,) = make_people(1)
    turn_off("scope", "study:1")
    message = say([person], scope="study:1")

    (told,) = explain(message, person.pk)

    assert told.words == "It waits: an operator has turned this off for now."


def test_an_operator_turns_off_and_on_in_the_admin_and_it_says_who_and_why() -> None:
    client = Client()
    operator = User.objects.create_superuser("operator", "operator@example.org", "a long password")
    client.force_login(operator)
    page = "admin:carillon_channels_switch"

    client.post(reverse(f"{page}_add"), {"kind": "scope", "name": "study:1", "why": "Wrong words"})
    switch = Switch.objects.get()
    again: Any = client.post(reverse(f"{page}_add"), {"kind": "scope", "name": "study:1", "why": "Again"})
    shown = client.get(reverse(f"{page}_changelist")).content.decode()

    assert (switch.who, switch.why) == (operator, "Wrong words")
    assert again.status_code == 200
    assert "study:1" in shown
    client.post(reverse(f"{page}_delete", args=[switch.pk]), {"post": "yes"})
    assert not Switch.objects.exists()
