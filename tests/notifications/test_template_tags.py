from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.utils import timezone, translation

from channels_ace.models import Delivery
from notifications.templatetags import carillon

NOW = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)


def render(body: str, **context: object) -> str:
    return Template("{% load carillon %}" + body).render(Context(context))


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1204, "1.2k"), (1999, "1.9k"), (12345, "12.3k"), (999_999, "999k"), (3_400_000, "3.4M")],
)
def test_counts_are_exact_up_to_999_and_never_rounded_up(count: int, shown: str) -> None:
    assert carillon.short_count(count) == shown


def test_a_short_count_tells_the_exact_number_on_focus() -> None:
    assert 'data-tip="1,204"' in render("{% exact_count 1204 %}")
    assert render("{% exact_count 999 %}").strip() == "999"


@pytest.mark.parametrize(("count", "shown"), [(1, "1"), (99, "99"), (100, "99+"), (12_000, "99+")])
def test_the_badge_stops_at_99(count: int, shown: str) -> None:
    assert carillon.badge_count(count) == shown


@pytest.mark.parametrize(
    ("distance", "told"),
    [
        (timedelta(seconds=-59), "now"),
        (timedelta(seconds=-60), "1 minute ago"),
        (timedelta(minutes=-59, seconds=-59), "59 minutes ago"),
        (timedelta(hours=-1), "1 hour ago"),
        (timedelta(hours=-24), "yesterday"),
        (timedelta(days=-6), "6 days ago"),
        (timedelta(days=-7), "10 Mar"),
        (timedelta(days=-365), "17 Mar 2025"),
        (timedelta(minutes=5), "in 5 minutes"),
        (timedelta(hours=3), "in 3 hours"),
        (timedelta(days=1), "tomorrow"),
        (timedelta(days=3), "in 3 days"),
    ],
)
def test_times_are_told_from_now_and_as_dates_after_a_week(distance: timedelta, told: str) -> None:
    assert carillon.tell_relative_time(NOW + distance, now=NOW) == told


def test_a_relative_time_follows_the_clock_of_the_page() -> None:
    shown = render("{% moment at %}", at=NOW - timedelta(hours=2), now=NOW)

    assert ">2 hours ago</time>" in shown
    assert 'datetime="2026-03-17T10:00:00+00:00"' in shown
    assert "data-ages" in shown


def test_an_old_time_does_not_age() -> None:
    assert "data-ages" not in render("{% moment at %}", at=NOW - timedelta(days=30), now=NOW)


def test_no_time_shows_nothing() -> None:
    assert render("{% moment at %}{% local_time at '' %}", at=None).strip() == ""


def test_a_participants_time_is_theirs_and_names_the_zone_with_the_readers_on_focus() -> None:
    with timezone.override(ZoneInfo("America/New_York")):
        shown = render("{% local_time at 'Asia/Kolkata' %}", at=NOW)

    assert "Tue 17 Mar, 17:30" in shown
    assert "Asia/Kolkata" in shown
    assert "08:00 America/New York" in shown


def test_a_time_without_a_known_zone_is_named_utc() -> None:
    assert '12:00 <bdi class="soft">UTC</bdi>' in render("{% local_time at '' %}", at=NOW)


def test_items_are_grouped_by_the_readers_days() -> None:
    times = [NOW, NOW - timedelta(hours=12, minutes=1), NOW - timedelta(days=3), NOW - timedelta(days=40)]
    with timezone.override(UTC):
        groups = carillon.group_by_day(Context({"now": NOW}), [{"created_at": at} for at in times])

    assert [(group["heading"], len(group["items"])) for group in groups] == [("Today", 1), ("Yesterday", 1), ("Earlier", 2)]


def test_every_state_of_a_delivery_has_a_sign_of_its_own_choosing() -> None:
    assert set(Delivery.State.values) <= set(carillon.STATE_SIGNS)


def test_a_state_is_shown_as_glyph_and_word() -> None:
    shown = render("{% state_chip 'suppressed' %}")

    assert '#pause"' in shown
    assert "Held back" in shown


def test_an_unheard_of_state_is_shown_as_unknown() -> None:
    assert "Unknown" in render("{% state_chip 'lost in a wood' %}")


def test_a_strip_of_days_is_summed_up_in_words() -> None:
    days = [{"state": state} for state in ("done", "done", "missed", "future")]

    assert carillon.sum_up_days(days) == "2 done, 1 missed, 1 to come"


def test_lengths_in_pictures_keep_the_point_in_languages_with_a_comma() -> None:
    with translation.override("de"):
        shown = render("{{ 1|percent_of:8 }} {% percent_middle 0 1 8 %}")

    assert shown == "12.500% 6.250%"


def test_a_channel_is_named_by_its_label_and_one_that_is_not_reachable_is_known() -> None:
    channels = [{"key": "sms", "label": "Text message", "available": False}, {"key": "email", "label": "E-mail", "available": True}]

    assert [carillon.label_of(channels, key) for key in ("sms", "pigeon")] == ["Text message", "pigeon"]
    assert [carillon.lacks(channels, key) for key in ("sms", "email")] == [True, False]


def test_every_glyph_of_a_sign_is_drawn_in_the_sprite() -> None:
    found = finders.find("carillon/icons.svg")
    assert isinstance(found, str)
    sprite = Path(found).read_text()

    signs = [*carillon.STATE_SIGNS.values(), *carillon.DAY_SIGNS.values()]

    assert [sign.glyph for sign in signs if sign.glyph and f'id="{sign.glyph}"' not in sprite] == []
