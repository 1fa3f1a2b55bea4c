from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from channels_ace import tasks
from channels_ace.api import Suppression, deliver_all
from channels_ace.inbound import receive_text
from channels_ace.models import ConsentRecord
from channels_ace.opt_out_lists import sync_opt_outs
from tests.channels_ace.saying import say, states
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
PHONE = "+12065550123"
HOUR = timedelta(hours=1)


@pytest.fixture
def sns_texts(settings: Settings) -> None:
    channels = [path.replace("EndUserMessagingChannel", "SnsChannel") for path in settings.CHANNELS_ACE["CHANNELS"]]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": channels}


def answer(words: str, at: datetime) -> None:
    receive_text("eum", f"{words} {at}", PHONE, "+12065550100", words, at)


def active() -> int:
    return Suppression.objects.filter(channel="sms", scope="", reason="stop", lifted_at=None).count()


def test_every_number_on_every_page_of_the_lists_is_suppressed(doubles: Doubles, settings: Settings) -> None:
    settings.CHANNELS_ACE_PROVIDERS["AWS"]["opt_out_lists"] = ["Default", "studies"]
    doubles.account.opted_out["Default"] = [(f"+1206555010{number}", NOW) for number in range(5)]
    doubles.account.opted_out["studies"] = [("+12065550105", NOW)]

    assert (sync_opt_outs(NOW), sync_opt_outs(NOW)) == (6, 0)

    assert active() == 6
    assert set(ConsentRecord.objects.values_list("decision", "source", "evidence")) == {
        ("stopped", "provider", "eum:Default"),
        ("stopped", "provider", "eum:studies"),
    }


def test_sns_has_one_list_for_the_account(doubles: Doubles, sns_texts: None) -> None:
    doubles.account.sns_opted_out += [f"+1206555010{number}" for number in range(5)]

    assert (sync_opt_outs(NOW), active()) == (5, 5)


def test_texts_stop_at_the_next_claim(doubles: Doubles) -> None:
    say([make_user(phone=PHONE)])
    doubles.account.opted_out["Default"] = [(PHONE, NOW)]

    tasks.sync_opt_outs()
    deliver_all(NOW)

    assert states() == {("suppressed", "suppressed_stop"): 1}


def test_nobody_is_opted_in_by_leaving_a_list(doubles: Doubles) -> None:
    doubles.account.opted_out["Default"] = [(PHONE, NOW)]
    sync_opt_outs(NOW)

    doubles.account.opted_out["Default"] = []
    sync_opt_outs(NOW + HOUR)

    assert active() == 1


def test_a_start_beats_the_older_entry_and_not_the_newer(doubles: Doubles) -> None:
    answer("STOP", NOW)
    answer("START", NOW + HOUR)
    doubles.account.opted_out["Default"] = [(PHONE, NOW)]
    assert (sync_opt_outs(NOW + 2 * HOUR), active()) == (0, 0)

    doubles.account.opted_out["Default"] = [(PHONE, NOW + 2 * HOUR)]
    assert (sync_opt_outs(NOW + 3 * HOUR), active()) == (1, 1)


def test_on_a_list_without_times_a_start_holds_for_a_day(doubles: Doubles, sns_texts: None) -> None:
    answer("STOP", NOW)
    answer("START", NOW + HOUR)
    doubles.account.sns_opted_out.append(PHONE)

    assert (sync_opt_outs(NOW + 24 * HOUR), active()) == (0, 0)
    assert (sync_opt_outs(NOW + 26 * HOUR), active()) == (1, 1)


def test_what_is_no_number_on_a_list_harms_nobody(doubles: Doubles) -> None:
    doubles.account.opted_out["Default"] = [("AMAZON", NOW), (PHONE, NOW)]

    assert sync_opt_outs(NOW) == 1


def test_without_lists_nobody_is_asked(doubles: Doubles, settings: Settings) -> None:
    settings.CHANNELS_ACE_PROVIDERS["AWS"]["opt_out_lists"] = []
    before = doubles.requests

    assert (sync_opt_outs(NOW), doubles.requests) == (0, before)
