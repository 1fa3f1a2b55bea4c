import pytest
from icalendar import Calendar

from notifications.calendar_feed import write_calendar
from studies.api import withdraw
from tests.factories import NOW, make_user
from tests.scheduling.worlds import join, make_study

pytestmark = pytest.mark.django_db


def test_a_participants_calendar_holds_their_sessions_until_they_leave() -> None:
    enrollment = join(make_study(NOW), NOW)
    found = Calendar.from_ical(write_calendar(enrollment.user_id, NOW)).walk("VEVENT")
    assert {str(event["SUMMARY"]) for event in found} == {"Daily Moments"}
    assert all("DTEND" in event for event in found)
    withdraw(enrollment, now=NOW)
    assert b"VEVENT" not in write_calendar(enrollment.user_id, NOW)


def test_nobody_elses_sessions_are_there() -> None:
    join(make_study(NOW), NOW)
    assert b"VEVENT" not in write_calendar(make_user().pk, NOW)
