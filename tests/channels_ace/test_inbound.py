from datetime import datetime, timedelta
from itertools import count

import pytest
from django.db import connection
from pytest_django import Settings

from channels_ace.api import Delivery, Message, Suppression, deliver_all, suppress
from channels_ace.inbound import receive_text, resolve
from channels_ace.models import ConsentRecord, InboundText
from studies.api import Enrollment, ProtocolVersion, Study
from tests.channels_ace.saying import CODE, say, states
from tests.factories import NOW, make_contact, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
PHONE = "+12065550123"
LATER = NOW + timedelta(minutes=5)
_numbers = count(1)
Decision, Reason = ConsentRecord.Decision, Suppression.Reason


def text(words: str, *, number: str = PHONE, now: datetime = NOW, sent_at: datetime | None = None, event: str = "") -> InboundText:
    return receive_text("eum", event or f"e{next(_numbers)}", number, "+12065550100", words, now, sent_at=sent_at)


def blocked() -> set[str]:
    return set(Suppression.objects.filter(lifted_at=None).values_list("reason", flat=True))


def decisions() -> list[tuple[str, str]]:
    return list(ConsentRecord.objects.order_by("pk").values_list("decision", "source"))


def test_a_stop_holds_what_is_planned_already_at_the_next_claim(doubles: Doubles) -> None:
    person, other = make_user(phone=PHONE), make_user(phone="+12065550124")
    say([person, other])
    assert states() == {("ready", ""): 2}

    text("STOP")
    deliver_all(NOW)

    assert dict(Delivery.objects.values_list("user_id", "reason")) == {person.pk: "suppressed_stop", other.pk: "accepted"}
    assert doubles.ledger.summary() == {"eum": {"accepted": 1, "not_accepted": 0}}
    assert decisions() == [(Decision.STOPPED, "text")]


def test_a_stop_holds_what_is_said_afterwards_in_every_scope(doubles: Doubles) -> None:
    person = make_user(phone=PHONE)
    text("stop texting me!")

    say([person], scope="study:1")
    say([person], scope="study:2")

    assert states() == {("suppressed", "suppressed_stop"): 2}


@pytest.mark.parametrize("words", ["STOP", "wrong number"])
def test_sign_in_codes_go_on_after_a_stop(doubles: Doubles, words: str) -> None:
    person = make_user(phone=PHONE)
    text(words)

    say([person], CODE, channels=["sms"])
    deliver_all(NOW)

    assert states() == {("accepted", "accepted"): 1}


def test_a_stop_leaves_other_numbers_and_channels_alone(doubles: Doubles) -> None:
    make_user(phone=PHONE)
    text("STOP")

    say([make_user(phone="+12065550124")])
    deliver_all(NOW)

    assert states() == {("accepted", "accepted"): 1}
    assert list(Suppression.objects.values_list("channel", "scope")) == [("sms", "")]


def test_only_a_start_from_the_same_number_takes_a_stop_back(doubles: Doubles) -> None:
    person = make_user(phone=PHONE)
    text("STOP")

    text("START", number="+12065550124", now=LATER)
    assert blocked() == {Reason.STOP}

    text("Start", now=LATER)
    say([person], now=LATER)
    deliver_all(LATER)

    assert blocked() == set()
    assert states() == {("accepted", "accepted"): 1}
    assert decisions()[-1] == (Decision.STARTED, "text")


@pytest.mark.parametrize("reason", ["operator", "bounce", "complaint"])
def test_a_start_takes_back_nothing_that_others_said(reason: str) -> None:
    suppress(channel="sms", kind="phone", address=PHONE, reason=reason, now=NOW)
    text("STOP")

    text("START", now=LATER)

    assert blocked() == {reason}


def test_a_start_that_comes_late_does_not_take_back_a_newer_stop() -> None:
    text("STOP", sent_at=NOW)
    text("STOP", sent_at=NOW + timedelta(minutes=2), now=LATER)

    text("START", sent_at=NOW + timedelta(minutes=1), now=LATER)
    assert blocked() == {Reason.STOP}

    text("START", sent_at=NOW + timedelta(minutes=3), now=LATER)
    assert blocked() == set()


def test_an_event_that_comes_again_does_nothing_again() -> None:
    for _ in range(3):
        text("STOP", event="one")
    text("START", event="two")
    text("STOP", event="one")

    assert blocked() == set()
    assert decisions() == [(Decision.STOPPED, "text"), (Decision.STARTED, "text")]


def test_an_unclear_text_pauses_until_a_person_has_read_it(doubles: Doubles) -> None:
    person = make_user(phone=PHONE)
    received = text("wrong number")
    say([person], scope="study:1")
    assert states() == {("suppressed", "suppressed_unsure"): 1}

    assert resolve(received, Decision.RESUMED, LATER)
    say([person], now=LATER)
    deliver_all(LATER)

    assert states() == {("suppressed", "suppressed_unsure"): 1, ("accepted", "accepted"): 1}
    assert decisions() == [(Decision.PAUSED, "text"), (Decision.RESUMED, "operator")]


def test_a_person_who_reads_a_stop_in_it_stops_texts_for_good() -> None:
    received = text("quit the study")

    assert resolve(received, Decision.STOPPED, LATER)
    assert not resolve(received, Decision.RESUMED, LATER)

    assert Reason.STOP in blocked()


def test_reading_one_unclear_text_does_not_settle_the_next() -> None:
    first, _second = text("wrong number"), text("is this spam")

    resolve(first, Decision.RESUMED, LATER)

    assert blocked() == {Reason.UNSURE}


def test_reading_an_unclear_text_never_takes_back_a_stop() -> None:
    received = text("wrong number")
    text("STOP")

    resolve(received, Decision.RESUMED, LATER)

    assert blocked() == {Reason.STOP}


def test_help_is_answered_once_an_hour_at_any_time_even_after_a_stop(doubles: Doubles, settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "TEXTS": {"PROGRAMME": "Sleep Study", "CONTACT": "help@example.org"}}
    make_user(phone=PHONE)
    midnight = NOW.replace(hour=0)
    text("STOP", now=midnight)

    for minutes in (1, 2, 59):
        text("help?", now=midnight + timedelta(minutes=minutes))
    deliver_all(midnight + timedelta(minutes=59))

    [sent] = doubles.ledger.entries()
    assert all(words in sent["body"] for words in ("Sleep Study", "help@example.org", "STOP"))
    assert not sent["type"].startswith("promotional")
    text("help", now=midnight + timedelta(hours=1))
    assert Message.objects.filter(type="account.sms_help").count() == 2


def test_one_answer_is_enough_where_several_people_have_one_phone(doubles: Doubles) -> None:
    for _ in range(3):
        make_contact(make_user(), "phone", PHONE)

    text("HELP")
    deliver_all(NOW)

    assert len(doubles.ledger.entries()) == 1


def test_a_number_that_nobody_has_is_heard_and_not_answered(doubles: Doubles) -> None:
    text("HELP")
    text("STOP")

    assert not Message.objects.exists()
    assert blocked() == {Reason.STOP}


@pytest.mark.parametrize(("confirms", "texts"), [(True, 1), (False, 0)])
def test_a_stop_is_confirmed_once_where_we_and_not_the_provider_do_so(
    doubles: Doubles, settings: Settings, confirms: bool, texts: int
) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "TEXTS": {"CONFIRM_STOP": confirms}}
    make_user(phone=PHONE)

    text("STOP")
    text("STOP!!", now=NOW + timedelta(minutes=1))
    deliver_all(NOW + timedelta(minutes=1))

    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [True] * texts
    assert all("START" in entry["body"] for entry in doubles.ledger.entries())


@pytest.mark.parametrize("number", ["12345", "AMAZON", "", "+1"])
def test_what_no_phone_sent_is_kept_and_harms_nobody(number: str) -> None:
    received = text("STOP", number=number)

    assert InboundText.objects.get() == received


@pytest.mark.parametrize("words", ["", "\x00", "thanks!", "x" * 10_000])
def test_any_other_text_changes_nothing(words: str) -> None:
    assert text(words).intent == "other"
    assert InboundText.objects.get().text == words
    assert (blocked(), decisions()) == (set(), [])


def test_neither_number_nor_words_are_in_the_table_in_clear() -> None:
    text("STOP my name is Ada")

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM carillon_channels_inboundtext")
        row = str(cursor.fetchall())

    assert "Ada" not in row
    assert "2065550123" not in row
    assert InboundText.objects.get().text == "STOP my name is Ada"


def test_a_stop_in_the_readers_language_is_understood() -> None:
    make_user(phone=PHONE, language="es")
    text("ALTO")

    text("alta", now=LATER)

    assert blocked() == set()


def test_who_stops_texts_stays_in_the_study() -> None:
    study = Study.objects.create(name="Sleep", participant_name="Moments", created_at=NOW)
    version = ProtocolVersion.objects.create(study=study, number=1, document={}, imported_at=NOW)
    person = make_user(phone=PHONE)
    Enrollment.objects.create(
        study=study, version=version, user=person, code="P1", enrolled_at=NOW, enrolled_date=NOW.date(), time_zone="UTC", consented_at=NOW
    )
    before = Enrollment.objects.values().get()

    for words in ("STOP", "quit", "I want to leave the study"):
        text(words)

    assert Enrollment.objects.values().get() == before
    assert blocked() == {Reason.STOP, Reason.UNSURE}
