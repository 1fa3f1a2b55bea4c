import logging

import pytest

from channels_ace.channel import Channel, Outcome, Outgoing
from channels_ace.channels.console import ConsoleEmailChannel, ConsolePushChannel, ConsoleSmsChannel
from tests.channels_ace.channels.outgoing import DEVICE, EMAIL, PHONE, make_email, make_push, make_text, send_one


@pytest.mark.parametrize(
    ("channel", "outgoing", "words"),
    [
        (ConsoleEmailChannel(), make_email(), "Two new answers"),
        (ConsolePushChannel(), make_push(), "Time to play"),
        (ConsoleSmsChannel(), make_text(), "Your burst starts today."),
    ],
    ids=["email", "push", "sms"],
)
def test_the_log_shows_the_words_and_no_address(channel: Channel, outgoing: Outgoing, words: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="channels_ace"):
        receipt = send_one(channel, outgoing)

    assert receipt.outcome is Outcome.ACCEPTED
    assert words in caplog.text
    assert not any(address in caplog.text for address in (PHONE, EMAIL, DEVICE))
