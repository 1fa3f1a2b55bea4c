import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_ace.segments import count_segments, write_plainly


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        # 76 euros are 152 septets; the 77th does not fit into the 153rd alone.
        ("€" * 152, "GSM-7", 304, 2),
        ("€" * 153, "GSM-7", 306, 3),
        ("ñ" * 160, "GSM-7", 160, 1),
        ("ç" * 70, "UCS-2", 70, 1),
        ("ç" * 71, "UCS-2", 71, 2),
        ("ج" * 134, "UCS-2", 134, 2),
        ("ج" * 135, "UCS-2", 135, 3),
        ("🔔" * 35, "UCS-2", 70, 1),
        # 33 bells are 66 code units; no bell is cut in two.
        ("🔔" * 66, "UCS-2", 132, 2),
        ("🔔" * 67, "UCS-2", 134, 3),
        ("”" * 400, "UCS-2", 400, 6),
    ],
)
def test_a_text_is_counted_as_it_is_billed(text: str, encoding: str, units: int, parts: int) -> None:
    counted = count_segments(text)

    assert (counted.encoding, counted.units, counted.parts) == (encoding, units, parts)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("“Don’t” – wait…", '"Don\'t" - wait...'),
        ("9\u00a0am\u202f\u2013\u200911", "9 am - 11"),
        ("soft\u00adhyphen\u200b", "softhyphen"),
        ("cafe\u0301", "café"),
        ("a\u2028b", "a\nb"),
    ],
)
def test_typography_becomes_plain(written: str, plain: str) -> None:
    assert write_plainly(written) == plain


def test_a_text_that_needs_the_long_alphabet_anyway_keeps_its_typography() -> None:
    assert write_plainly("“جرس” …") == "“جرس” …"


@given(st.text())
def test_writing_plainly_twice_is_writing_it_once(text: str) -> None:
    assert write_plainly(write_plainly(text)) == write_plainly(text)


@given(st.text(min_size=1))
def test_parts_are_never_fewer_than_the_units_need(text: str) -> None:
    counted = count_segments(text)
    alone, joined = (160, 153) if counted.encoding == "GSM-7" else (70, 67)

    assert (counted.parts == 1) == (counted.units <= alone)
    assert counted.parts * max(joined, alone if counted.parts == 1 else 0) >= counted.units
