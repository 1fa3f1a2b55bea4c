import pytest

from channels_ace.channel import seconds_of, without_addresses
from tests.channels_ace.channels.outgoing import make_text


@pytest.mark.parametrize(
    ("said", "address", "kept"),
    [
        ("Destination +12065550123 opted out", "+12065550123", "Destination [address] opted out"),
        ("Destination +1 (206) 555-0123 opted out", "+12065550123", "Destination [address] opted out"),
        ("<Ada@Learn.example>: unknown", "ada@learn.example", "<[address]>: unknown"),
        ("relay of other@firm.example denied", "ada@learn.example", "relay of [address] denied"),
        ("call 12065550199", "", "call [number]"),
        ("device " + "x" * 60 + " gone", "", "device [token] gone"),
        ("550 5.1.1 first\r\nsecond\x00line", "", "550 5.1.1 first second line"),
    ],
)
def test_a_kept_error_text_names_no_address(said: str, address: str, kept: str) -> None:
    assert without_addresses(said, address) == kept


def test_a_kept_error_text_is_short() -> None:
    assert len(without_addresses("why " * 500)) == 200


def test_an_outgoing_in_a_log_line_shows_no_address_and_no_words() -> None:
    assert "2065550123" not in repr(make_text())
    assert "burst starts" not in repr(make_text())


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), (None, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("²", None)]
)
def test_only_a_wait_in_seconds_is_read(header: str | None, seconds: int | None) -> None:
    assert seconds_of(header) == seconds
