"""Codes and studies may text from numbers of their own: whether a STOP to the study's number leaves codes working, at each provider."""

import pytest
from pytest_django import Settings

from channels_ace.api import Delivery, deliver_all
from channels_ace.inbound import receive_text
from tests.channels_ace.saying import CODE, TEXT, say
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
PERSON, STUDY, CODES = "+14155550123", "+18885550100", "pool-codes"
CHANNELS = {
    "eum": "channels_ace.channels.sms_aws.EndUserMessagingChannel",
    "sns": "channels_ace.channels.sms_aws.SnsChannel",
    "twilio": "channels_ace.channels.sms_twilio.TwilioChannel",
}
State = Delivery.State


def text_by(provider: str, settings: Settings, **senders: str) -> None:
    """This function will text by one provider, studies from their number, and codes from where `senders` says."""
    known = settings.CHANNELS_ACE_PROVIDERS
    account, default = ("TWILIO", "sender") if provider == "twilio" else ("AWS", "origination_identity")
    own = {**known[account], default: STUDY, "senders": senders}
    settings.CHANNELS_ACE_PROVIDERS = {**known, account: own}
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": [CHANNELS[provider]]}


def say_both() -> dict[str, str]:
    """This function will say a study text and a code to somebody, and tell what became of them."""
    person = make_user(phone=PERSON)
    say([person])
    say([person], CODE, channels=["sms"])
    deliver_all(NOW)
    return dict(Delivery.objects.values_list("message__type", "state"))


@pytest.mark.parametrize("provider", ["eum", "twilio"])
def test_a_stop_to_the_studys_number_leaves_codes_working(doubles: Doubles, settings: Settings, provider: str) -> None:
    text_by(provider, settings, **{CODE.name: CODES})
    doubles.account.lists.update({STUDY: "studies", CODES: "codes"})
    # The provider hears the STOP first, and keeps it on the list of the number that it was sent to.
    doubles.account.opted_out["studies"] = [(PERSON, NOW)]
    receive_text(provider, "1", PERSON, STUDY, "STOP", NOW)

    assert say_both() == {TEXT.name: State.SUPPRESSED, CODE.name: State.ACCEPTED}
    (entry,) = doubles.ledger.entries()
    assert CODES in entry["extra"].values()


@pytest.mark.parametrize("provider", ["eum", "sns", "twilio"])
def test_a_stop_that_only_we_know_of_leaves_codes_working_from_the_same_number(doubles: Doubles, settings: Settings, provider: str) -> None:
    text_by(provider, settings)
    receive_text(provider, "1", PERSON, STUDY, "STOP", NOW)

    assert say_both() == {TEXT.name: State.SUPPRESSED, CODE.name: State.ACCEPTED}
    assert doubles.ledger.summary() == {provider: {"accepted": 1, "not_accepted": 0}}


@pytest.mark.parametrize("provider", ["eum", "sns", "twilio"])
def test_where_one_list_is_for_all_the_provider_refuses_codes_too(doubles: Doubles, settings: Settings, provider: str) -> None:
    # SNS has one list whatever the number: a sender of their own does not help codes there.
    text_by(provider, settings, **{CODE.name: CODES} if provider == "sns" else {})
    doubles.account.lists[STUDY] = "all"
    doubles.account.opted_out["all"] = [(PERSON, NOW)]
    doubles.account.sns_opted_out.append(PERSON)

    say([make_user(phone=PERSON)], CODE, channels=["sms"])
    deliver_all(NOW)

    assert list(Delivery.objects.values_list("state", "reason")) == [(State.UNDELIVERABLE, "opted_out")]
