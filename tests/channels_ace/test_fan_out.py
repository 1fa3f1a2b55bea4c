import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.test import RequestFactory
from pytest_django import Settings

from accounts.models import User
from channels_ace.api import Delivery, Message, cancel, sweep
from channels_ace.fan_out import resume
from channels_ace.models import FanOut, FanOutChunk
from tests.channels_ace.obstacles import Counts, obstacle
from tests.channels_ace.saying import make_people, say
from tests.factories import NOW, make_user
from tests.faults.workshop import ROOT, database_url

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.audience.CHUNK", 3)
    monkeypatch.setattr("channels_ace.fan_out.WORKERS", 1)


def told() -> list[int]:
    return sorted(Delivery.objects.values_list("user_id", flat=True))


def say_and_stumble(at: int, audience: object = None) -> Message:
    """This function will say something to everyone, and be cut short at the n-th chunk."""
    with obstacle(at), pytest.raises(RuntimeError):
        say(User.objects.all() if audience is None else audience, idempotency_key="k")
    return Message.objects.get(idempotency_key="k")


@pytest.mark.timeout(60)
def test_a_fan_out_whose_process_was_killed_is_finished_by_the_sweep() -> None:
    people = make_people(11)
    connection.close()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings.test", "DATABASE_URL": database_url()}
    command = [sys.executable, "-W", "ignore", "-m", "tests.channels_ace.said_and_killed", "3", "3"]
    assert subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == -9
    assert 3 <= len(told()) < 11
    assert Message.objects.get().fanned_out_at is None

    assert sweep(LATER)["planned"] >= 2
    assert sweep(LATER)["planned"] == 0

    assert told() == [person.pk for person in people]
    assert Message.objects.get().fanned_out_at == LATER
    assert sum(FanOutChunk.objects.values_list("people", flat=True)) == 11
    assert not FanOut.objects.exists()


def test_whoever_joins_after_it_was_said_is_not_told_by_the_sweep() -> None:
    people = make_people(5)
    say_and_stumble(at=2)
    make_user(phone="+12065559999")

    sweep(LATER)

    assert told() == [person.pk for person in people]


@pytest.mark.parametrize("kind", ["ids", "slice"])
def test_an_audience_that_is_no_plain_query_is_kept_too(kind: str) -> None:
    people = make_people(5)
    say_and_stumble(at=2, audience={"ids": [one.pk for one in people], "slice": User.objects.order_by("-pk")[:5]}[kind])

    sweep(LATER)

    assert told() == [person.pk for person in people]


def test_what_fits_into_one_chunk_writes_down_nobody() -> None:
    make_people(2)
    say(User.objects.all())
    assert not FanOut.objects.exists()


def test_what_was_cancelled_meanwhile_goes_no_further() -> None:
    make_people(8)
    message = say_and_stumble(at=2)
    cancel(message, NOW)
    planned = told()

    sweep(LATER)

    assert told() == planned
    assert not FanOut.objects.exists()


def test_one_that_cannot_go_on_says_why_and_stops_no_other() -> None:
    people = make_people(5)
    message = say_and_stumble(at=2)
    Message.objects.filter(pk=message.pk).update(type="gone.type", idempotency_key="other")
    say_and_stumble(at=2)

    resume(LATER)

    left = FanOut.objects.get()
    assert (left.message_id, left.trouble) == (message.pk, "UnknownType: No message type is named 'gone.type'.")
    assert Delivery.objects.exclude(message=message).count() == len(people)


def test_an_operator_sees_how_far_it_has_come() -> None:
    make_people(8)
    message = say_and_stumble(at=2)
    page = admin.site.get_model_admin(FanOut)

    row = page.get_queryset(RequestFactory().get("/")).get()

    assert page.progress(row) == "3 of 8 people"  # type: ignore[attr-defined]
    assert "3 of 8 people" in admin.site.get_model_admin(Message).progress(message)  # type: ignore[attr-defined]


def test_a_sweep_plans_so_many_chunks_and_leaves_the_rest_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.fan_out.MOST_CHUNKS_A_SWEEP", 2)
    make_people(14)
    say_and_stumble(at=2)
    before = FanOutChunk.objects.count()

    assert resume(LATER) == 2
    assert FanOutChunk.objects.count() == before + 2
    assert resume(LATER) == 2
    assert resume(LATER) == 0
    assert not FanOut.objects.exists()


def test_the_sweep_does_not_wait_for_whoever_is_at_it() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Elsewhere a transaction shuts out all others.")
    make_people(8)
    message = say_and_stumble(at=2)
    found: list[int] = []

    def look() -> None:
        try:
            found.append(resume(LATER))
        finally:
            connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x43617269, message.pk])
        other = threading.Thread(target=look)
        other.start()
        other.join()

    assert found == [0]


def say_by(workers: int, people: int, monkeypatch: pytest.MonkeyPatch) -> Message:
    monkeypatch.setattr("channels_ace.fan_out.WORKERS", workers)
    make_people(people)
    return say(User.objects.all(), idempotency_key="k")


@pytest.mark.parametrize("workers", [1, 2])
def test_the_rules_are_asked_twice_however_many_chunks_there_are(settings: Settings, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POLICIES": ["tests.channels_ace.obstacles.Counts"]}
    Counts.asked = 0

    message = say_by(workers, 20, monkeypatch)

    assert message.chunks.count() == 7
    assert len(told()) == 20
    # For the first chunk, in the caller's transaction, and for all others.
    assert Counts.asked == 2


def test_only_a_few_of_many_are_planned_in_the_caller_s_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.fan_out.FIRST", 1)

    message = say_by(1, 8, monkeypatch)

    assert list(message.chunks.order_by("number").values_list("people", flat=True)) == [1, 3, 3, 1]


def test_what_fits_into_one_chunk_is_planned_in_the_caller_s_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.fan_out.FIRST", 1)

    message = say_by(1, 2, monkeypatch)

    assert message.chunks.get().people == 2
