from collections.abc import Callable, Iterator
from io import StringIO
from threading import Thread

import pytest
from django.core import signing
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.email_links import _SALT, address_to_confirm
from accounts.models import PhoneCode
from accounts.phone_codes import ask_for_code, digits, redeem, send_codes
from channels_ace import index_rotation
from channels_ace.admin.reading import people_found
from channels_ace.api import ContactPoint, Suppression, add_contact_point, add_contact_points, suppress
from channels_ace.checks import check_index_keys
from channels_ace.contact_points import replace_contact_point
from channels_ace.crypto import blind_indexes, keys_around
from channels_ace.inbound import receive_text, resolve
from channels_ace.inbound_models import ConsentRecord, InboundText
from channels_ace.index_rotation import IndexColumn, index_columns, move
from channels_ace.index_writing import alone, index_to_write, indexed_columns
from channels_ace.models import Delivery
from channels_ace.personal_data import stop_and_forget
from notifications.reach import addresses, ways
from tests.channels_ace.saying import say
from tests.factories import NOW, make_contact, make_user

NUMBER = "+12065550100"
OUTER, NEXT = "o" * 40, "n" * 40


def step(settings: Settings, rotation: str, *outer: str) -> None:
    """This function will be the settings of one step of docs/settings.md."""
    settings.FIELD_INDEX_OUTER_KEYS, settings.FIELD_INDEX_ROTATION = list(outer or [OUTER]), rotation


def run(*words: str) -> str:
    out = StringIO()
    call_command("rotate_keys", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def kept_under() -> set[int]:
    """This function will tell under how many outer keys anything is kept."""
    return {keys_around(index) for model, name in indexed_columns() for index in model._base_manager.values_list(name, flat=True)}


def is_stopped(user_id: int) -> bool:
    """This function will say something by text, and tell whether a suppression held it back."""
    message = say([user_id])
    return Delivery.objects.get(message=message, channel="sms").reason == "suppressed_stop"


def text_in(words: str, event: str, number: str = NUMBER) -> InboundText:
    return receive_text("eum", event, number, "12345", words, NOW)


def contact_column() -> IndexColumn:
    return next(column for column in index_columns() if column.model is ContactPoint)


def test_every_column_under_which_addresses_are_kept_is_known() -> None:
    assert {column.label for column in index_columns()} == {
        "carillon_channels.ContactPoint.index",
        "carillon_channels.Suppression.index",
        "carillon_channels.InboundText.index",
        "carillon_channels.ConsentRecord.index",
        "accounts.PhoneCode.index",
    }


def test_a_stop_holds_through_every_step_of_a_rotation_and_the_next_one(db: None, settings: Settings) -> None:
    person = make_user(phone=NUMBER)
    text_in("STOP", "1")
    held = []
    for keys in ([OUTER], [OUTER, NEXT]):
        for rotation in ("prepare", "move"):
            step(settings, rotation, *keys)
            held.append(is_stopped(person.pk))
        run()
        held.append(is_stopped(person.pk))
        step(settings, "", *keys)
        held.append(is_stopped(person.pk))

    assert held == [True] * 8
    assert kept_under() == {2}
    assert Suppression.objects.count() == 1


def test_an_opt_out_whose_number_is_gone_is_moved_too_and_holds_when_the_number_comes_back(db: None, settings: Settings) -> None:
    make_user(phone=NUMBER)
    text_in("STOP", "1")
    ContactPoint.objects.all().delete()

    step(settings, "move")
    run()
    step(settings, "")

    assert is_stopped(make_user("other", phone=NUMBER).pk)


@pytest.mark.parametrize("writes", ["prepare", "move"])
@pytest.mark.parametrize("is_moved", [False, True])
def test_what_is_written_during_a_rotation_joins_what_is_there(db: None, settings: Settings, writes: str, is_moved: bool) -> None:
    person = make_user(phone=NUMBER, device="a-token")
    if is_moved:
        # As another process does that is one step ahead.
        step(settings, "move")
        run()
    step(settings, writes)

    text_in("STOP", "1")
    make_contact(person, "device_token", "a-token")
    suppress(channel="sms", kind="phone", address=NUMBER, reason="stop", now=NOW)

    assert is_stopped(person.pk)
    assert kept_under() == {1 if is_moved else 0}
    assert (Suppression.objects.count(), ConsentRecord.objects.count(), ContactPoint.objects.count()) == (1, 1, 2)


@pytest.mark.parametrize(("writes", "around"), [("prepare", 0), ("move", 1)])
def test_a_new_address_is_written_by_the_step_of_its_process(db: None, settings: Settings, writes: str, around: int) -> None:
    step(settings, writes)
    person = make_user()

    add_contact_points([(person.pk, "phone", NUMBER), *((person.pk, "device_token", f"device-{n}") for n in range(150))], now=NOW)

    assert kept_under() == {around}
    assert people_found(NUMBER) == [person.pk]


def test_a_device_has_one_owner_through_a_rotation(db: None, settings: Settings) -> None:
    before, after = make_user("before", device="a-token"), make_user("after")
    step(settings, "move")
    run()

    add_contact_point(user_id=after.pk, kind="device_token", address="a-token", now=NOW, verified=True)

    point = ContactPoint.objects.get()
    assert (point.user, point.owner_key) == (after, point.index)
    assert not before.carillon_contact_points.exists()


def test_a_start_lifts_the_stop_of_before(db: None, settings: Settings) -> None:
    person = make_user(phone=NUMBER)
    text_in("STOP", "1")
    step(settings, "move")
    run()

    text_in("START", "2")

    assert not is_stopped(person.pk)


def test_what_was_in_hand_while_its_address_moved_still_fits(db: None, settings: Settings) -> None:
    person = make_user(phone=NUMBER, email="ada@example.org")
    unclear = text_in("please no more of that stuff, stop", "1")
    mail = person.carillon_contact_points.get(kind="email")
    link = signing.dumps([person.pk, mail.index], salt=_SALT)
    points = addresses(person.pk)
    ask_for_code(PhoneCode.Use.VERIFY, NUMBER, NOW, address="192.0.2.1", user_id=person.pk)

    step(settings, "move")
    run()

    assert unclear.intent == "unsure"
    assert {way["key"] for way in ways(points) if way["key"] == "sms" and way["available"]} == set()
    assert resolve(unclear, ConsentRecord.Decision.STOPPED, NOW)
    assert is_stopped(person.pk)
    assert address_to_confirm(link).pk == mail.pk
    assert replace_contact_point(user_id=person.pk, kind="phone", address=NUMBER, now=NOW) is None
    assert send_codes(NOW) == 1
    assert redeem(PhoneCode.Use.VERIFY, NUMBER, digits(PhoneCode.objects.get().seed), NOW, user_id=person.pk) == person
    assert kept_under() == {1}


def test_the_texts_of_who_is_erased_are_found_by_an_index_of_before(db: None, settings: Settings) -> None:
    person = make_user(phone=NUMBER)
    text_in("hello", "1")
    step(settings, "move")
    run()
    step(settings, "")

    stop_and_forget(person.pk, NOW)

    assert InboundText.objects.get().text == ""


def test_a_run_that_was_stopped_goes_on_where_it_was(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [make_user(phone=f"+1206555{number:04d}") for number in range(7)]
    for number in range(7):
        text_in("STOP", str(number), f"+1206555{number:04d}")
    step(settings, "move")
    monkeypatch.setattr(index_rotation, "BATCH", 3)

    next(move(contact_column()))
    assert all(is_stopped(person.pk) for person in people)
    assert {keys_around(index) for index in Suppression.objects.values_list("index", flat=True)} == {0, 1}

    again = contact_column()
    assert [so_far.older for so_far in move(again)] == [3, 4]
    assert "ContactPoint.index: 0 values found by an older index key" in run()
    assert all(is_stopped(person.pk) for person in people)


@pytest.mark.parametrize(("rotation", "words"), [("prepare", []), ("move", ["--dry-run"]), ("", [])])
def test_only_the_second_step_moves_and_the_others_count(db: None, settings: Settings, rotation: str, words: list[str]) -> None:
    make_user(phone=NUMBER)
    step(settings, rotation)

    with pytest.raises(CommandError, match="1 values are found by an older index key") as left:
        run(*words)

    assert left.value.returncode == 1
    assert kept_under() == {0}


def test_a_rotation_without_a_new_key_is_refused(db: None, settings: Settings) -> None:
    settings.FIELD_INDEX_ROTATION = "move"

    assert [error.id for error in check_index_keys(None)] == ["carillon_channels.E009"]
    with pytest.raises(CommandError) as refused:
        run()
    assert refused.value.returncode == 2


@pytest.mark.parametrize("is_lifted", [False, True])
def test_of_two_suppressions_that_a_forgotten_process_left_the_one_that_blocks_stays(db: None, settings: Settings, is_lifted: bool) -> None:
    old = blind_indexes("phone", NUMBER)[0]
    step(settings, "")
    new = blind_indexes("phone", NUMBER)[0]
    Suppression.objects.create(index=new, channel="sms", reason="stop", since=NOW, lifted_at=NOW)
    Suppression.objects.create(index=old, channel="sms", reason="stop", since=NOW, lifted_at=NOW if is_lifted else None)

    step(settings, "move")
    run()

    assert [(block.index, block.lifted_at is None) for block in Suppression.objects.all()] == [(new, not is_lifted)]


def test_a_batch_takes_as_many_statements_however_many_addresses(db: None, settings: Settings) -> None:
    counts = []
    for more in (2, 30):
        ContactPoint.objects.all().delete()
        settings.FIELD_INDEX_OUTER_KEYS, settings.FIELD_INDEX_ROTATION = [], ""
        for number in range(more):
            make_user(phone=f"+1206555{number:04d}")
        step(settings, "move")
        with CaptureQueriesContext(connection) as captured:
            list(move(contact_column()))
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_nobody_asks_under_which_key_to_write_outside_the_transaction_that_writes(transactional_db: None, settings: Settings) -> None:
    step(settings, "move")
    with pytest.raises(transaction.TransactionManagementError):
        index_to_write(blind_indexes("phone", NUMBER))


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], object]], Thread]]:
    """Runs a function in a thread with a connection of its own."""
    threads: list[Thread] = []

    def start(act: Callable[[], object]) -> Thread:
        def and_close() -> None:
            try:
                act()
            finally:
                connection.close()

        threads.append(Thread(target=and_close))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join()


def test_a_stop_that_comes_while_its_number_is_moved_waits_and_holds(
    transactional_db: None, settings: Settings, beside: Callable[[Callable[[], object]], Thread]
) -> None:
    person = make_user(phone=NUMBER)
    step(settings, "move")
    with alone():
        stop = beside(lambda: text_in("STOP", "1"))
        index_rotation._move({blind_indexes("phone", NUMBER)[-1]})
        assert stop.is_alive()
    stop.join()

    assert is_stopped(person.pk)
    assert kept_under() == {1}


def test_a_rotation_waits_for_who_writes(
    transactional_db: None, settings: Settings, beside: Callable[[Callable[[], object]], Thread]
) -> None:
    person = make_user(phone=NUMBER)
    step(settings, "move")
    with transaction.atomic():
        text_in("STOP", "1")
        rotation = beside(run)
        assert not Suppression.objects.filter(index__startswith="1:").exists()
    rotation.join()

    assert is_stopped(person.pk)
    assert kept_under() == {1}
