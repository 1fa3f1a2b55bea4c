import time
from collections.abc import Sequence

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from channels_ace.api import Attempt, Delivery, render
from channels_ace.channel import Outcome, Outgoing, Receipt
from channels_ace.delivery import claim
from channels_ace.hand_over import HandOver
from channels_ace.prepare import Sending
from tests.channels_ace.saying import NEWS, say, states
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db
State = Delivery.State
ACCEPTED = Receipt(outcome=Outcome.ACCEPTED, provider_message_id="taken")
SOON = 60.0


def make_batch(size: int, *, at_once: int, deadline: float = SOON) -> HandOver:
    """This function will claim as many deliveries and put them in front of a channel."""
    message = say([make_user(device=f"device-{number}") for number in range(size)], NEWS, channels=["push"])
    words = render(message, "push", ("title", "body"), "en")
    sendings = [
        Sending(
            delivery=delivery,
            outgoing=Outgoing(
                token=f"00000000-0000-4000-8000-{delivery.pk:012d}",
                to="device",
                to_kind="device_token",
                parts=words,
                type=NEWS.name,
                message_id=message.public_id,
                language="en",
                ttl_seconds=None,
            ),
            address_index="",
            provider="fcm",
            refusals=0,
        )
        for delivery in claim(NOW).deliveries
    ]
    return HandOver(sendings, "fcm", time.monotonic() + deadline, NOW, at_once=at_once)


def accept(batch: HandOver, most: int = 1_000) -> list[Outgoing]:
    """This function will take some and have each accepted."""
    taken = []
    for outgoing in batch:
        taken.append(outgoing)
        batch.answered(outgoing, ACCEPTED)
        if len(taken) == most:
            break
    return taken


def open_attempts(batch: HandOver, answers: Sequence[Receipt]) -> list[int]:
    """This function will answer each in turn, and count before each answer the attempts that have none on record."""
    counts = []
    for outgoing, receipt in zip(batch, answers, strict=False):
        counts.append(Attempt.objects.filter(outcome="").count())
        batch.answered(outgoing, receipt)
    return counts


def test_steps_grow_while_the_provider_is_quick_and_never_beyond_what_the_channel_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.hand_over.QUICK_SECONDS", 60.0)
    batch = make_batch(11, at_once=4)
    assert open_attempts(batch, [ACCEPTED] * 11) == [1, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4]
    batch.close()
    assert states() == {(State.ACCEPTED, "accepted"): 11}


def test_the_next_batch_goes_on_with_the_step_of_the_last_until_an_answer_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.hand_over.QUICK_SECONDS", 60.0)
    sendings = list(make_batch(24, at_once=4)._sendings)

    def counts(size: int, answer: Receipt = ACCEPTED, at_once: int = 4) -> list[int]:
        taken = [sendings.pop(0) for _ in range(size)]
        batch = HandOver(taken, "fcm", time.monotonic() + SOON, NOW, at_once=at_once)
        found = open_attempts(batch, [answer] * size)
        batch.close()
        return found

    assert counts(7) == [1, 2, 2, 4, 4, 4, 4]
    assert counts(4) == [4, 4, 4, 4]
    assert counts(2, at_once=1) == [1, 1]
    assert counts(1) == [1]
    assert counts(3) == [2, 2, 1]
    counts(1, Receipt(outcome=Outcome.REFUSED, code="why"))
    assert counts(3) == [1, 2, 2]
    monkeypatch.setattr("channels_ace.hand_over.RECENT_SECONDS", -1.0)
    assert counts(3) == [1, 2, 2]


def test_a_slow_provider_gets_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.hand_over.QUICK_SECONDS", -1.0)
    assert open_attempts(make_batch(6, at_once=50), [ACCEPTED] * 6) == [1, 1, 1, 1, 1, 1]


def test_a_text_is_never_one_of_several() -> None:
    assert open_attempts(make_batch(6, at_once=1), [ACCEPTED] * 6) == [1, 1, 1, 1, 1, 1]


def test_each_of_several_answers_makes_of_its_delivery_what_it_says() -> None:
    answers = [ACCEPTED, *[Receipt(outcome=outcome, code="why") for outcome in (Outcome.PERMANENT, Outcome.ACCEPTED, Outcome.UNKNOWN)]]
    batch = make_batch(8, at_once=8)

    for outgoing, receipt in zip(batch, answers * 2, strict=True):
        batch.answered(outgoing, receipt)
    batch.close()

    assert states() == {(State.ACCEPTED, "accepted"): 4, (State.UNDELIVERABLE, "why"): 2, (State.UNKNOWN, "unanswered"): 2}
    assert list(Attempt.objects.order_by("delivery").values_list("outcome", "provider_message_id")[:2]) == [
        ("accepted", "taken"),
        ("permanent", ""),
    ]
    assert not Attempt.objects.exclude(provider="fcm").exists()


def test_what_was_committed_and_never_given_out_has_no_attempt_and_is_left() -> None:
    batch = make_batch(8, at_once=8)

    taken = accept(batch, most=4)
    batch.close()

    # One, two, then four were committed, of which the channel took one.
    assert [attempt.token.hex for attempt in Attempt.objects.order_by("delivery")] == [one.token.replace("-", "") for one in taken]
    assert len(batch.left) == 4
    assert states() == {(State.ACCEPTED, "accepted"): 4, (State.SENDING, ""): 4}


def test_a_deadline_that_passes_within_a_step_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = make_batch(7, at_once=8)
    taken = []
    for outgoing in batch:
        taken.append(outgoing)
        batch.answered(outgoing, ACCEPTED)
        if len(taken) == 4:
            monkeypatch.setattr(batch, "_deadline", 0.0)
    batch.close()

    assert (len(taken), len(batch.left), Attempt.objects.count()) == (4, 3, 4)


def test_a_delivery_that_another_claimed_meanwhile_is_not_given_out_with_the_rest() -> None:
    batch = make_batch(4, at_once=8)
    Delivery.objects.filter(pk=batch.left[2].pk).update(fence=F("fence") + 1)

    taken = accept(batch)
    batch.close()

    assert len(taken) == Attempt.objects.count() == 3
    assert states() == {(State.ACCEPTED, "accepted"): 3, (State.SENDING, ""): 1}


def test_an_answer_to_one_of_several_that_another_claimed_meanwhile_changes_nothing() -> None:
    batch = make_batch(3, at_once=2)
    later = [delivery.pk for delivery in batch.left[1:]]

    for outgoing in batch:
        if Attempt.objects.count() == 3:
            Delivery.objects.filter(pk__in=later).update(fence=2)
        batch.answered(outgoing, ACCEPTED)
    batch.close()

    assert states() == {(State.ACCEPTED, "accepted"): 1, (State.SENDING, ""): 2}
    assert Attempt.objects.filter(outcome="accepted").count() == 3


def test_a_step_looks_at_its_own_deliveries_and_at_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Plans are PostgreSQL's.")
    batch = make_batch(60, at_once=1)
    # As the table looks to the planner before anything is under way: the index of what is open is small.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE carillon_channels_delivery")
    with CaptureQueriesContext(connection) as captured:
        accept(batch, 2)

    steps = [query["sql"] for query in captured if query["sql"].lstrip().startswith("WITH answer")]
    assert len(steps) == 2
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {steps[1]}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("carillon_channels_delivery_pkey") == 2
    assert "carillon_delivery_open" not in plan
