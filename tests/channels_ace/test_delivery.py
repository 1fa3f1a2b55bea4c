import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from channels_ace.api import Attempt, ContactPoint, Delivery, Suppression, add_contact_point, cancel, deliver, deliver_all, suppress, sweep
from channels_ace.delivery import MOST_CLAIMS, claim
from channels_ace.record import retry_wait
from channels_ace.sweep import MOST_UNANSWERED
from tests.channels_ace.saying import CODE, NEWS, TEXT, let_leases_end, make_people, say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

State = Delivery.State
LATER = NOW + timedelta(minutes=11)


def listen(doubles: Doubles, monkeypatch: pytest.MonkeyPatch, hear: Callable[[], object]) -> None:
    """This function will call `hear` in the provider's thread at the moment it has accepted and not yet answered."""
    write = doubles.ledger.write

    def heard(**entry: Any) -> int:
        number = write(**entry)
        try:
            hear()
        finally:
            connection.close()
        return number

    monkeypatch.setattr(doubles.ledger, "write", heard)


@pytest.mark.django_db
def test_a_text_goes_out_once_and_its_attempt_says_so(doubles: Doubles) -> None:
    say(make_people(1))

    assert deliver_all(NOW) == 1
    assert deliver_all(LATER) == 0

    attempt = Attempt.objects.get()
    (entry,) = doubles.ledger.entries()
    assert (entry["token"], entry["accepted"]) == (str(attempt.token), True)
    assert (attempt.outcome, attempt.provider, attempt.started_at, attempt.finished_at) == ("accepted", "eum", NOW, NOW)
    assert states() == {(State.ACCEPTED, "accepted"): 1}


@pytest.mark.django_db(transaction=True)
def test_the_attempt_is_committed_and_no_transaction_is_open_while_the_provider_thinks(
    doubles: Doubles, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, bool]] = []
    worker = connections["default"]
    listen(doubles, monkeypatch, lambda: seen.append((Attempt.objects.filter(outcome="").count(), worker.in_atomic_block)))
    say(make_people(3))

    deliver(NOW)

    assert seen == [(1, False), (1, False), (1, False)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        ("hang_after_accept", State.UNKNOWN, "unanswered"),
        ("reset_after_accept", State.UNKNOWN, "unanswered"),
        ("error_500_after_accept", State.UNKNOWN, "unanswered"),
        ("error_500", State.UNKNOWN, "unanswered"),
        ("malformed", State.UNKNOWN, "unanswered"),
        ("throttle", State.READY, "refused"),
    ],
)
def test_one_request_whatever_the_provider_answers(doubles: Doubles, fault: str, state: str, reason: str) -> None:
    doubles.faults.script("eum", fault)
    say(make_people(1))

    deliver_all(NOW)

    assert states() == {(state, reason): 1}
    assert len(doubles.ledger.entries()) == Attempt.objects.count() == 1


@pytest.mark.django_db
def test_what_the_provider_refuses_is_tried_again_after_a_while_and_not_before(doubles: Doubles) -> None:
    doubles.faults.script("eum", "throttle", times=2)
    say(make_people(1))
    deliver_all(NOW)
    first, second = (retry_wait(Delivery.objects.get().pk, refusals) for refusals in (1, 2))

    assert deliver_all(NOW + first - timedelta(seconds=1)) == 0
    assert deliver_all(NOW + first) == 1
    assert deliver_all(NOW + first + second - timedelta(seconds=1)) == 0
    assert deliver_all(NOW + first + second) == 1
    assert states() == {(State.ACCEPTED, "accepted"): 1}
    assert first < timedelta(seconds=6) < timedelta(seconds=24) <= second


@pytest.mark.django_db
def test_the_provider_says_how_long_to_wait(doubles: Doubles) -> None:
    doubles.faults.script("fcm", "throttle", seconds=300)
    say([make_user(device="device-1")], NEWS)

    deliver_all(NOW)

    assert Delivery.objects.get(channel="push").due_at == NOW + timedelta(seconds=300)


@pytest.mark.django_db
def test_refused_again_and_again_without_an_expiry_ends(doubles: Doubles) -> None:
    doubles.faults.script("eum", "throttle", times=100)
    say(make_people(1))

    for hours in range(10):
        deliver_all(NOW + timedelta(minutes=40 * hours))

    assert states() == {(State.UNDELIVERABLE, "refused_too_often"): 1}
    assert len(doubles.ledger.entries()) == 6


@pytest.mark.django_db
def test_a_number_that_opted_out_at_the_provider_is_remembered_even_where_we_had_lifted_it(doubles: Doubles) -> None:
    number = "+12065550199"
    person = make_user(phone=number)
    suppress(channel="sms", kind="phone", address=number, reason="stop", now=NOW)
    Suppression.objects.update(lifted_at=NOW)
    say([person])

    deliver_all(NOW)
    say([person])

    assert states() == {(State.UNDELIVERABLE, "opted_out"): 1, (State.SUPPRESSED, "suppressed_stop"): 1}
    assert len(doubles.ledger.entries()) == 1


@pytest.mark.django_db
def test_an_unknown_text_stays_unknown_for_good_and_is_never_sent_again(doubles: Doubles) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1))
    deliver_all(NOW)

    assert sweep(NOW + timedelta(minutes=9))["closed"] == 0
    assert sweep(LATER)["closed"] == 1
    assert sweep(LATER)["closed"] == 0

    assert deliver_all(LATER) == 0
    assert states() == {(State.UNKNOWN_FINAL, "never_answered"): 1}
    assert len(doubles.ledger.entries()) == 1


@pytest.mark.django_db
def test_an_unknown_sign_in_code_is_sent_again_but_not_for_ever(doubles: Doubles) -> None:
    doubles.faults.script("eum", "reset_after_accept", times=100)
    say(make_people(1), CODE, channels=["sms"])

    for round_ in range(6):
        deliver_all(NOW + timedelta(minutes=11 * round_))
        sweep(NOW + timedelta(minutes=11 * (round_ + 1)))

    assert len(doubles.ledger.entries()) == MOST_UNANSWERED
    assert states() == {(State.UNKNOWN_FINAL, "never_answered"): 1}


@pytest.mark.django_db
def test_what_was_cancelled_while_unknown_is_not_sent_again(doubles: Doubles) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    message = say(make_people(1), CODE, channels=["sms"])
    deliver_all(NOW)
    cancel(message, NOW)

    sweep(LATER)
    deliver_all(LATER)

    assert states() == {(State.CANCELLED, "cancelled"): 1}
    assert len(doubles.ledger.entries()) == 1


@pytest.mark.django_db
def test_cancelling_before_sending_sends_nothing(doubles: Doubles) -> None:
    message = say(make_people(2))

    assert cancel(message, NOW) == 2
    assert cancel(message, NOW) == 0

    assert deliver_all(NOW) == 0
    assert states() == {(State.CANCELLED, "cancelled"): 2}


@pytest.mark.django_db
def test_a_claim_is_leased_and_comes_back_ready_when_its_worker_dies_before_an_attempt(doubles: Doubles) -> None:
    say(make_people(2))
    claim(NOW)

    assert deliver_all(NOW) == 0
    assert sweep(NOW)["released"] == 0
    let_leases_end()
    assert sweep(NOW)["released"] == 2

    deliver_all(NOW)
    assert states() == {(State.ACCEPTED, "accepted"): 2}
    assert len(doubles.ledger.entries()) == 2


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_comes_after_the_sweep_gave_the_worker_up_still_counts(doubles: Doubles, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = []

    def give_up() -> None:
        let_leases_end()
        sweep(NOW)
        given_up.append(states())

    listen(doubles, monkeypatch, give_up)
    say(make_people(1))

    deliver(NOW)

    assert given_up == [{(State.UNKNOWN, "worker_lost"): 1}]
    assert states() == {(State.ACCEPTED, "accepted"): 1}


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_fenced_off_writes_no_outcome(doubles: Doubles, monkeypatch: pytest.MonkeyPatch) -> None:
    def let_another_claim() -> None:
        let_leases_end()
        sweep(NOW)
        sweep(LATER)
        claim(LATER)

    listen(doubles, monkeypatch, let_another_claim)
    say(make_people(1), CODE, channels=["sms"])

    deliver(NOW)

    assert list(Delivery.objects.values_list("state", "fence", "claims")) == [(State.SENDING, 2, 2)]
    assert Attempt.objects.get().outcome == "accepted"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_claimed", [False, True], ids=["nobody has it yet", "another has it"])
def test_a_worker_whose_lease_has_ended_sends_nothing_more(doubles: Doubles, monkeypatch: pytest.MonkeyPatch, is_claimed: bool) -> None:
    def stop_for_a_while() -> None:
        let_leases_end()
        if is_claimed:
            sweep(NOW)
            claim(NOW)

    listen(doubles, monkeypatch, stop_for_a_while)
    say(make_people(3))

    deliver(NOW)

    assert len(doubles.ledger.entries()) == 1
    assert states() == {(State.ACCEPTED, "accepted"): 1, (State.SENDING, ""): 2}
    monkeypatch.undo()
    let_leases_end()
    sweep(NOW)
    deliver_all(NOW)
    assert states() == {(State.ACCEPTED, "accepted"): 3}
    assert len(doubles.ledger.entries()) == 3


@pytest.mark.django_db
def test_nothing_is_sent_after_the_local_deadline(doubles: Doubles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.delivery.DEADLINE_SECONDS", -1)
    say(make_people(2))

    assert deliver(NOW) == 2

    assert not doubles.ledger.entries()
    assert not Attempt.objects.exists()
    assert list(Delivery.objects.values_list("state", "claims")) == [(State.READY, 0)] * 2


@pytest.mark.django_db
def test_a_slow_provider_does_not_carry_a_batch_past_the_deadline(doubles: Doubles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.delivery.DEADLINE_SECONDS", 0.4)
    doubles.faults.script("eum", "slow", seconds=0.6)
    say(make_people(3))

    deliver(NOW)

    assert len(doubles.ledger.entries()) == 1
    assert states() == {(State.ACCEPTED, "accepted"): 1, (State.READY, ""): 2}
    monkeypatch.undo()
    deliver_all(NOW)
    assert states() == {(State.ACCEPTED, "accepted"): 3}
    assert len(doubles.ledger.entries()) == 3


@pytest.mark.django_db(transaction=True)
def test_a_stop_that_comes_while_a_slow_batch_goes_out_is_seen(doubles: Doubles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.delivery.DECISION_SECONDS", 0.2)
    doubles.faults.script("eum", "slow", seconds=0.4)
    say(make_people(3))
    listen(doubles, monkeypatch, lambda: suppress(channel="sms", kind="phone", address="+12065551001", reason="stop", now=NOW))

    deliver(NOW)

    assert states() == {(State.ACCEPTED, "accepted"): 2, (State.SUPPRESSED, "suppressed_stop"): 1}


@pytest.mark.django_db
def test_a_row_that_kills_its_worker_is_set_aside_and_takes_nobody_along(doubles: Doubles) -> None:
    say(make_people(30))
    poison = Delivery.objects.order_by("pk")[7]
    lost = 0

    while claimed := claim(NOW, limit=20).deliveries:
        if any(one.pk == poison.pk for one in claimed):
            lost += 1
            if lost > MOST_CLAIMS:
                break
        else:
            Delivery.objects.filter(pk__in=[one.pk for one in claimed]).update(state=State.ACCEPTED, claims=0, lease_until=None)
        let_leases_end()
        sweep(NOW)
    let_leases_end()
    sweep(NOW)

    assert lost == MOST_CLAIMS + 1
    assert [one.pk for one in claimed] == [poison.pk]
    deliver_all(NOW)
    assert Counter(Delivery.objects.values_list("state", flat=True)) == {State.ACCEPTED: 29, State.DEAD: 1}
    poison.refresh_from_db()
    assert (poison.state, poison.reason) == (State.DEAD, "poison")


@pytest.mark.django_db(transaction=True)
def test_no_two_workers_claim_the_same_row(doubles: Doubles) -> None:
    say(make_people(80))
    start = threading.Barrier(4)

    def work() -> list[int]:
        start.wait()
        found: list[int] = []
        while claimed := claim(NOW, limit=7).deliveries:
            found += [delivery.pk for delivery in claimed]
        connection.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        found = [pk for future in [pool.submit(work) for _ in range(4)] for pk in future.result()]

    assert len(found) == len(set(found)) == 80
    assert set(Delivery.objects.values_list("fence", flat=True)) == {1}


@pytest.mark.django_db
def test_what_changed_since_planning_is_seen_before_sending(doubles: Doubles) -> None:
    stopped, gone, changed, moved, stays = make_people(5)
    say([stopped, gone, changed, stays])
    add_contact_point(user_id=moved.pk, kind="device_token", address="device-1", now=NOW, verified=True)
    say([moved], NEWS, channels=["push"])

    suppress(channel="sms", kind="phone", address="+12065551000", reason="stop", now=NOW)
    gone.delete()
    add_contact_point(user_id=changed.pk, kind="phone", address="+12065559999", now=NOW)
    add_contact_point(user_id=stays.pk, kind="device_token", address="device-1", now=NOW, verified=True)
    deliver_all(NOW)

    assert dict(Delivery.objects.values_list("user_id", "reason")) == {
        stopped.pk: "suppressed_stop",
        gone.pk or Delivery.objects.order_by("pk")[1].user_id: "no_contact_point",
        changed.pk: "contact_unverified",
        moved.pk: "no_contact_point",
        stays.pk: "accepted",
    }
    assert len(doubles.ledger.entries()) == 1


@pytest.mark.django_db
def test_an_address_that_no_key_opens_and_a_text_that_cannot_be_made_stop_nobody_else(doubles: Doubles) -> None:
    people = make_people(3)
    unreadable = ContactPoint.objects.get(user=people[1])
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {ContactPoint._meta.db_table} SET address = 'nonsense' WHERE id = %s", [unreadable.pk])  # noqa: S608
    say(people)
    broken = say(people[:1])
    type(broken).objects.filter(pk=broken.pk).update(context=["no", "words"])

    deliver_all(NOW)

    assert states() == {(State.ACCEPTED, "accepted"): 2, (State.DEAD, "address_unreadable"): 1, (State.DEAD, "not_rendered"): 1}


@pytest.mark.django_db
def test_a_policy_with_a_bug_stops_its_own_type_only(doubles: Doubles, settings: Settings) -> None:
    person = make_people(1)
    say(person)
    say(person, CODE, channels=["sms"])
    policies = [*settings.CHANNELS_ACE["POLICIES"], "tests.channels_ace.obstacles.BrokenForTexts"]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POLICIES": policies}

    deliver_all(NOW)

    assert dict(Delivery.objects.values_list("lane", "state")) == {TEXT.lane: State.SENDING, CODE.lane: State.ACCEPTED}


@pytest.mark.django_db
def test_what_a_batch_asks_does_not_grow_with_its_rows(doubles: Doubles) -> None:
    counts = {}
    for size in (5, 15):
        say(make_people(size))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            deliver(NOW)
        counts[size] = len(asked)
        ContactPoint.objects.all().delete()

    # For each its attempt, and the two rows that its answer changes: together, or in a transaction where a WITH cannot write.
    each = 1 if connection.vendor == "postgresql" else 5
    assert counts[15] - counts[5] == 10 * each
    assert counts[5] - 5 * each <= 15


@pytest.mark.django_db
def test_lanes_are_worked_apart(doubles: Doubles) -> None:
    person = make_people(1)
    say(person)
    say(person, CODE, channels=["sms"])

    assert deliver_all(NOW, lane="urgent") == 1
    assert dict(Delivery.objects.values_list("lane", "state")) == {"urgent": State.ACCEPTED, "nudges": State.READY}
