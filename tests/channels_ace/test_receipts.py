from collections.abc import Iterable
from datetime import timedelta
from itertools import permutations
from uuid import UUID, uuid4

import pytest

from channels_ace.api import Attempt, ContactPoint, Delivery, Suppression, add_contact_point, deliver_all, sweep
from channels_ace.channel import Outcome
from channels_ace.models import ProviderEvent
from channels_ace.receipts import Kind, apply_parked, record_receipt
from tests.channels_ace.saying import CODE, NEWS, make_people, say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State


def report(token: UUID | None, *kinds: Kind) -> None:
    for kind in kinds:
        record_receipt("eum", f"{token} {kind}", token, kind, NOW, {"kind": kind}, NOW)


def unanswered_text(doubles: Doubles) -> Attempt:
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1))
    deliver_all(NOW)
    return Attempt.objects.get()


def final_state(token: UUID, order: Iterable[Kind]) -> str:
    ProviderEvent.objects.all().delete()
    Delivery.objects.update(state=State.UNKNOWN, reason="unanswered", reconcile_at=NOW)
    report(token, *order)
    assert not ProviderEvent.objects.filter(applied_at=None).exists()
    return Delivery.objects.get().state


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((Kind.ACCEPTED, Kind.QUEUED, Kind.PENDING, Kind.SENT, Kind.DELIVERED), State.DELIVERED),
        ((Kind.ACCEPTED, Kind.PENDING, Kind.FAILED, Kind.SENT), State.UNDELIVERABLE),
        ((Kind.FAILED, Kind.PENDING, Kind.DELIVERED), State.DELIVERED),
    ],
)
def test_events_in_any_order_end_in_the_same_state(doubles: Doubles, kinds: tuple[Kind, ...], state: str) -> None:
    token = unanswered_text(doubles).token
    assert {final_state(token, order) for order in permutations(kinds)} == {state}


def test_the_same_event_again_changes_nothing(doubles: Doubles) -> None:
    token = unanswered_text(doubles).token
    assert record_receipt("eum", "1", token, Kind.SENT, NOW, {"a": 1}, NOW)
    before = Delivery.objects.values().get()

    later = NOW + timedelta(hours=1)
    assert not any(record_receipt("eum", "1", token, Kind.DELIVERED, later, {"a": 2}, later) for _ in range(10))

    assert Delivery.objects.values().get() == before
    assert list(ProviderEvent.objects.values_list("kind", "payload", "applied_at")) == [("sent", {"a": 1}, NOW)]


def test_two_providers_may_use_the_same_event_id(doubles: Doubles) -> None:
    token = unanswered_text(doubles).token
    assert record_receipt("sns", "1", token, Kind.SENT, NOW, {}, NOW)
    assert record_receipt("eum", "1", token, Kind.DELIVERED, NOW, {}, NOW)


def test_evidence_ends_an_unknown_even_after_it_was_closed(doubles: Doubles) -> None:
    token = unanswered_text(doubles).token
    sweep(NOW + timedelta(hours=1))
    assert states() == {(State.UNKNOWN_FINAL, "never_answered"): 1}

    report(token, Kind.SENT)
    assert states() == {(State.ACCEPTED, "accepted"): 1}


def test_evidence_keeps_a_sign_in_code_from_going_out_again(doubles: Doubles) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1), CODE, channels=["sms"])
    deliver_all(NOW)
    later = NOW + timedelta(minutes=11)
    sweep(later)
    assert states() == {(State.READY, "sent_again"): 1}

    report(Attempt.objects.get().token, Kind.ACCEPTED)

    assert deliver_all(later) == 0
    assert states() == {(State.ACCEPTED, "accepted"): 1}


def test_that_an_earlier_attempt_failed_says_nothing_about_a_later_one(doubles: Doubles) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1), CODE, channels=["sms"])
    deliver_all(NOW)
    sweep(NOW + timedelta(minutes=11))
    deliver_all(NOW + timedelta(minutes=11))

    report(Attempt.objects.order_by("pk")[0].token, Kind.FAILED)
    assert states() == {(State.ACCEPTED, "accepted"): 1}
    report(Attempt.objects.order_by("pk")[1].token, Kind.FAILED)
    assert states() == {(State.UNDELIVERABLE, "refused_for_good"): 1}


def test_an_event_of_nobody_knows_whom_is_kept_and_forgotten_after_three_days() -> None:
    token = uuid4()
    report(token, Kind.DELIVERED)
    report(None, Kind.DELIVERED)
    assert ProviderEvent.objects.filter(applied_at=None).count() == 2
    say(make_people(1))
    Attempt.objects.create(delivery=Delivery.objects.get(), token=token, fence=0, provider="eum", started_at=NOW)

    assert apply_parked(NOW + timedelta(hours=72)) == 0
    assert apply_parked(NOW + timedelta(hours=71)) == 1


def test_a_report_that_overtakes_our_own_record_of_the_answer_wins(doubles: Doubles) -> None:
    attempt = unanswered_text(doubles)
    Attempt.objects.update(outcome="", finished_at=None)
    Delivery.objects.update(state=State.SENDING)

    report(attempt.token, Kind.DELIVERED)

    assert states() == {(State.DELIVERED, "delivered"): 1}


@pytest.mark.parametrize(("kind", "reason"), [(Kind.FAILED, "bounce"), (Kind.COMPLAINED, "complaint")])
@pytest.mark.parametrize("order", [1, -1])
def test_a_bounce_or_complaint_stops_all_mail_to_the_address_whatever_came_before(
    doubles: Doubles, kind: Kind, reason: str, order: int
) -> None:
    person = make_user(email="ana@example.org")
    say([person], NEWS, channels=["email"])
    deliver_all(NOW)
    token = Attempt.objects.get(outcome=Outcome.ACCEPTED).token

    report(token, *[Kind.DELIVERED, kind][::order])
    say([person], NEWS, channels=["email"])

    assert states() == {(State.DELIVERED, "delivered"): 1, (State.SUPPRESSED, f"suppressed_{reason}"): 1}


def test_a_bounce_does_not_fall_on_the_address_that_took_its_place(doubles: Doubles) -> None:
    person = make_user(email="ana@example.org")
    say([person], NEWS, channels=["email"])
    deliver_all(NOW)
    later = NOW + timedelta(hours=1)
    add_contact_point(user_id=person.pk, kind="email", address="new@example.org", now=later, verified=True)

    report(Attempt.objects.get().token, Kind.FAILED)

    assert not Suppression.objects.exists()
    assert ContactPoint.objects.get().removed_at is None


def test_a_text_that_was_not_delivered_does_not_block_the_number(doubles: Doubles) -> None:
    report(unanswered_text(doubles).token, Kind.FAILED)
    assert states() == {(State.UNDELIVERABLE, "refused_for_good"): 1}
    assert not Suppression.objects.exists()
