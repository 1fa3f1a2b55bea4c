from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from icalendar import Calendar

from accounts.models import User
from notifications.calendar_feed import make_link, write_calendar
from notifications.models import CalendarLink, CourseDate, DateChoice
from tests.factories import COURSE, NOW, make_member, make_user

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(days=3)


@pytest.fixture
def ana() -> User:
    return make_member(make_user("ana", email="ana@example.org"))


@pytest.fixture
def client(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def make_date(title: str = "Lab", **given: object) -> CourseDate:
    right = {"course_key": COURSE, "external_id": title, "kind": "assignment", "title": title, "changed_at": NOW}
    return CourseDate.objects.create(**(right | ({"at": SOON} if "on" not in given else {}) | given))


def events(user: User) -> dict[str, object]:
    return {str(event["SUMMARY"]): event for event in Calendar.from_ical(write_calendar(user.pk, NOW)).walk("VEVENT")}


def test_what_is_written_is_read_back_as_it_was(ana: User) -> None:
    title = "Lab; part 1, “العربية”\\n end"
    make_date(title, link="/courses/x/")
    make_date("Exam week", on=date(2026, 3, 29))
    found = events(ana)
    assert found[title]["DTSTART"].dt == SOON  # type: ignore[index]
    assert found["Exam week"]["DTSTART"].dt == date(2026, 3, 29)  # type: ignore[index]
    assert b"ana@example.org" not in write_calendar(ana.pk, NOW)


def test_an_hour_across_the_change_of_clocks_is_the_same_instant(ana: User) -> None:
    make_date("spring", at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC))
    assert b"DTSTART:20260329T013000Z" in write_calendar(ana.pk, NOW)


def test_an_own_date_moves_the_event_and_a_cancelled_one_says_so(ana: User) -> None:
    make_date("Lab", cancelled_at=NOW)
    of_course = events(ana)["Lab"]
    make_date("Lab", user=ana, at=SOON + timedelta(days=7), sequence=1)
    own = events(ana)["Lab"]
    assert (of_course["STATUS"], of_course["SEQUENCE"]) == ("CANCELLED", 1)  # type: ignore[index]
    assert own["UID"] == of_course["UID"]  # type: ignore[index]
    assert own["DTSTART"].dt == SOON + timedelta(days=7)  # type: ignore[index]


def test_other_courses_and_years_far_away_are_left_out(ana: User) -> None:
    make_date("other", course_key="course-v1:other")
    make_date("old", at=NOW - timedelta(days=91))
    make_date("far", at=NOW + timedelta(days=401))
    assert events(ana) == {}


def test_the_link_opens_the_calendar_and_is_answered_304_while_nothing_changes(ana: User) -> None:
    address = f"/calendar/{make_link(ana.pk, NOW)}.ics"
    first = Client().get(address)
    assert (first.status_code, first.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert Client().get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    make_date(at=datetime.now(UTC))
    assert Client().get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_a_link_is_shown_once_and_kept_as_a_hash(client: Client, ana: User) -> None:
    page = client.post("/settings/calendar/", {"do": "create"}, follow=True).content.decode()
    token = page.split("/calendar/")[-1].split(".ics")[0]
    assert Client().get(f"/calendar/{token}.ics").status_code == 200
    assert token not in client.get("/settings/calendar/").content.decode()
    assert CalendarLink.objects.get(user=ana).token_hash != token


def test_a_link_that_was_ended_or_replaced_opens_nothing(client: Client, ana: User) -> None:
    old = make_link(ana.pk, NOW)
    new = make_link(ana.pk, NOW)
    assert client.get(f"/calendar/{old}.ics").status_code == 404
    client.post("/settings/calendar/", {"do": "revoke"})
    assert client.get(f"/calendar/{new}.ics").status_code == 404


def test_choices_are_kept_and_the_default_leaves_no_row(client: Client, ana: User) -> None:
    client.post("/settings/calendar/", {"do": "choose", "changes_only": "on", "hours_before": "3"})
    choice = DateChoice.objects.get(user=ana)
    assert (choice.changes_only, choice.day_before, choice.hours_before) == (True, False, 3)
    client.post("/settings/calendar/", {"do": "choose", "day_before": "on", "hours_before": ""})
    assert not DateChoice.objects.exists()


@pytest.mark.parametrize("form", [{}, {"do": "dance"}, {"do": "choose", "hours_before": "5"}, {"do": "choose", "hours_before": "٣"}])
def test_a_form_of_another_shape_changes_nothing(client: Client, form: dict[str, str]) -> None:
    assert client.post("/settings/calendar/", form).status_code == 400
    assert not DateChoice.objects.exists()
