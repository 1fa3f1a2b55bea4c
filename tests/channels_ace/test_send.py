import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from channels_ace.api import ContactPoint, Delivery, KeyReused, Message, Refused, cancel, cancel_scope, deliver_all, sweep
from channels_ace.models import FanOutChunk
from tests.channels_ace.obstacles import obstacle
from tests.channels_ace.saying import FLASH, NEWS, TEXT, make_people, say, states
from tests.factories import NOW, make_contact, make_user
from tests.fakes import Doubles

State = Delivery.State
poked: list[str] = []


def poke(lane: str) -> None:
    poked.append(lane)


def poke_in_vain(lane: str) -> None:
    raise ConnectionError("The broker is away.")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.audience.CHUNK", 3)


def told() -> list[int]:
    return sorted(Delivery.objects.values_list("user_id", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["users", "ids", "queryset", "slice", "ordered"])
def test_an_audience_of_many_chunks_gets_one_delivery_each(small_chunks: None, kind: str) -> None:
    people = make_people(8)
    everyone = User.objects.all()
    audience: Any = {
        "users": people,
        "ids": [person.pk for person in reversed(people)] * 2,
        "queryset": everyone,
        "slice": everyone.order_by("-pk")[:8],
        "ordered": everyone.order_by("username"),
    }[kind]

    message = say(audience)

    assert told() == [person.pk for person in people]
    ranges = list(message.chunks.order_by("number").values_list("first_user_id", "last_user_id"))
    assert [last for _, last in ranges] == [people[2].pk, people[5].pk, people[7].pk]
    assert [first for first, _ in ranges[1:]] == [last + 1 for _, last in ranges[:-1]]
    assert message.fanned_out_at == NOW


@pytest.mark.django_db
def test_nobody_is_an_audience_too() -> None:
    message = say([])
    assert (message.fanned_out_at, message.chunks.count(), Delivery.objects.count()) == (NOW, 0, 0)


@pytest.mark.django_db
def test_a_queryset_of_something_else_than_people_is_an_error() -> None:
    with pytest.raises(TypeError, match="not of users"):
        say(ContactPoint.objects.all())
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_one_key_says_it_once_and_gives_the_first_message_back() -> None:
    people = make_people(2)
    first = say(people, idempotency_key="k")

    again = say(people, idempotency_key="k", now=NOW + timedelta(hours=1))

    assert again == first
    assert told() == [person.pk for person in people]


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"scope": "study:2"}, {"link": "/x/"}, {"kind": NEWS}])
def test_one_key_with_other_words_is_an_error(other: dict[str, Any]) -> None:
    people = make_people(1)
    say(people, idempotency_key="k")

    with pytest.raises(KeyReused):
        say(people, idempotency_key="k", **other)

    assert (Message.objects.count(), Delivery.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_fan_out_that_was_cut_short_goes_on_where_it_stopped(small_chunks: None, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr("channels_ace.fan_out.WORKERS", workers)
    people = make_people(8)
    with obstacle(at=3), pytest.raises(RuntimeError):
        say(User.objects.all(), idempotency_key="k")
    # The first chunk, and one of the others: two workers may come to the third before the second.
    assert told() in ([person.pk for person in people[:6]], [person.pk for person in people[:3] + people[6:]])
    assert Message.objects.get().fanned_out_at is None

    message = say(User.objects.all(), idempotency_key="k", now=NOW + timedelta(minutes=5))

    assert told() == [person.pk for person in people]
    assert message.fanned_out_at == NOW + timedelta(minutes=5)


@pytest.mark.django_db(transaction=True)
def test_what_is_cut_short_in_its_first_chunk_was_never_said() -> None:
    make_people(2)
    with obstacle(at=1), pytest.raises(RuntimeError):
        say(User.objects.all(), idempotency_key="k")

    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_chunk_that_is_missing_between_others_is_planned_and_they_are_not(small_chunks: None) -> None:
    people = make_people(9)
    message = say(User.objects.all(), idempotency_key="k")
    lost = FanOutChunk.objects.order_by("number")[1]
    Delivery.objects.filter(user_id__gte=lost.first_user_id, user_id__lte=lost.last_user_id).delete()
    lost.delete()
    Message.objects.update(fanned_out_at=None)

    say(User.objects.all(), idempotency_key="k")

    assert told() == [person.pk for person in people]
    ranges = list(message.chunks.order_by("number").values_list("first_user_id", "last_user_id"))
    assert ranges[1] == (lost.first_user_id, lost.last_user_id)


@pytest.mark.django_db(transaction=True)
def test_many_chunks_in_the_caller_s_transaction_are_taken_back_with_it(small_chunks: None) -> None:
    people = make_people(8)

    with transaction.atomic():
        say(User.objects.all())
        assert told() == [person.pk for person in people]
        transaction.set_rollback(True)

    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_message_that_was_cancelled_half_way_is_planned_no_further(small_chunks: None) -> None:
    make_people(8)
    with obstacle(at=2), pytest.raises(RuntimeError):
        say(User.objects.all(), idempotency_key="k")
    cancel(Message.objects.get(), NOW)
    planned = told()

    say(User.objects.all(), idempotency_key="k")

    assert told() == planned
    assert set(states()) == {(State.CANCELLED, "cancelled")}
    assert Message.objects.get().fanned_out_at == NOW


@pytest.mark.django_db(transaction=True)
def test_many_who_say_the_same_at_once_say_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_ace.audience.CHUNK", 4)
    people = make_people(21)
    start = threading.Barrier(4)

    def work() -> int:
        start.wait()
        try:
            return say(User.objects.all(), idempotency_key="k").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        said = {future.result() for future in [pool.submit(work) for _ in range(4)]}

    assert len(said) == 1
    assert told() == [person.pk for person in people]
    assert FanOutChunk.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_what_the_caller_takes_back_was_never_said() -> None:
    person = make_people(1)

    with transaction.atomic():
        say(person)
        transaction.set_rollback(True)

    assert not Message.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_the_poke_follows_the_commit_and_may_be_lost(
    settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, doubles: Doubles
) -> None:
    poked.clear()
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POKE": f"{__name__}.poke"}
    with django_capture_on_commit_callbacks(execute=True):
        say(make_people(1))
        assert not poked
    assert poked == [TEXT.lane]

    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POKE": f"{__name__}.poke_in_vain"}
    with django_capture_on_commit_callbacks(execute=True):
        say(User.objects.all())
    assert deliver_all(NOW) == 2


@pytest.mark.django_db
def test_a_chunk_costs_a_statement_for_each_channel_whatever_its_size() -> None:
    counts = []
    for size in (2, 40):
        for _ in range(size):
            make_contact(make_user(device=f"device-{size}-{_}"), "email")
        with CaptureQueriesContext(connection) as asked:
            say(User.objects.all(), NEWS)
        statements = [query["sql"] for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "SET LOCAL"))]
        # PostgreSQL wants the WITH of an INSERT in front of it.
        verbs = [statement.split()[0].replace("WITH", "INSERT") for statement in statements]
        counts.append(verbs)

    # Known key? message; bounds; chunk; a channel each; done.
    assert counts[0] == counts[1] == ["SELECT", "INSERT", "SELECT", "INSERT", "INSERT", "INSERT", "UPDATE"]


@pytest.mark.django_db
def test_what_is_to_be_said_later_is_fresh_from_then_on(doubles: Doubles) -> None:
    person = make_user(phone="+12065550100", device="device-1")
    at = NOW + timedelta(hours=3)
    say([person], FLASH, send_after=at)

    assert states() == {(State.PLANNED, ""): 2}
    assert dict(Delivery.objects.values_list("channel", "expires_at")) == {"sms": at + timedelta(hours=4), "push": at + timedelta(hours=1)}
    assert deliver_all(NOW) == 0
    sweep(NOW)
    assert deliver_all(at) == 2
    assert states() == {(State.ACCEPTED, "accepted"): 2}


@pytest.mark.django_db
def test_what_should_have_been_said_earlier_is_said_now() -> None:
    say(make_people(1), send_after=NOW - timedelta(days=1))
    assert list(Delivery.objects.values_list("state", "due_at")) == [(State.READY, NOW)]


@pytest.mark.django_db
def test_what_has_expired_is_not_even_planned() -> None:
    say(make_people(1), expires_at=NOW)
    assert states() == {(State.EXPIRED, "expired"): 1}


@pytest.mark.django_db
def test_a_channel_that_the_site_does_not_have_is_a_reason(settings: Settings) -> None:
    channels = [path for path in settings.CHANNELS_ACE["CHANNELS"] if "sms" not in path]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": channels}
    say(make_people(2))
    assert states() == {(State.SUPPRESSED, "unknown_channel"): 2}


@pytest.mark.django_db
def test_each_device_gets_its_own_delivery() -> None:
    person = make_user(device="device-1")
    make_contact(person, "device_fid", "device-2")
    make_contact(person, "device_token", "device-3", verified=False)
    say([person], NEWS, channels=["push"])
    assert states() == {(State.READY, ""): 2}
    assert set(Delivery.objects.values_list("contact_point_id", flat=True)) == set(
        ContactPoint.objects.filter(verified_at__isnull=False).values_list("pk", flat=True)
    )


@pytest.mark.django_db
def test_cancelling_a_scope_leaves_other_people_and_other_scopes_alone() -> None:
    first, second = make_people(2)
    say([first, second], scope="study:1")
    say([first], scope="study:2")

    assert cancel_scope("study:1", NOW, user_id=first.pk) == 1

    assert states() == {(State.CANCELLED, "cancelled"): 1, (State.READY, ""): 2}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words",
    [
        {"link": "/" + "x" * 500},
        {"link": "/\0"},
        {"scope": "\ud800"},
        {"idempotency_key": "k" * 192},
        {"channels": ["email"]},
    ],
)
def test_what_no_column_takes_is_refused_and_nothing_is_written(words: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        say(make_people(1), **words)
    assert not Message.objects.exists()
