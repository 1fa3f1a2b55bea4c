from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from notifications.date_import import BadDates, Counts, import_dates
from notifications.date_rows import Unreadable, read_dates
from notifications.models import CourseDate
from tests.factories import NOW, make_user
from tests.notifications.bad_dates import FILES, ROWS, event, line

pytestmark = pytest.mark.django_db


def take(data: bytes, *, course_key: str = "", now: datetime = NOW) -> Counts:
    rows, bad = read_dates(data, course_key=course_key)
    return import_dates(rows, now, bad=bad)


@pytest.mark.parametrize("data", FILES)
def test_a_file_that_cannot_be_read_is_refused_whole(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_dates(data, course_key="course-v1:X")


@pytest.mark.parametrize("data", ROWS)
def test_a_bad_row_is_named_and_nothing_is_written(data: bytes) -> None:
    with pytest.raises(BadDates) as refused:
        take(data, course_key="" if b"course_key" in data else "course-v1:X")
    assert len(refused.value.rows) == 1
    assert CourseDate.objects.count() == 0


def test_a_date_that_is_taken_in_again_stays_and_one_that_moves_counts() -> None:
    assert take(line()) == Counts(new=1)
    assert take(line()) == Counts(same=1)
    assert take(line(title="Lab 1")) == Counts(changed=1)
    assert take(line(title="Lab 1", when="2026-07-02"), now=NOW + timedelta(days=1)) == Counts(moved=1)
    stored = CourseDate.objects.get()
    assert (stored.title, stored.at, stored.on, stored.sequence) == ("Lab 1", None, date(2026, 7, 2), 1)


def test_a_learners_own_date_stands_beside_that_of_the_course() -> None:
    ana = make_user("ana")
    take(line())
    take(line(username="ana", when="2026-07-08"))
    assert set(CourseDate.objects.values_list("user", flat=True)) == {None, ana.pk}


def test_a_calendar_is_read_with_its_zones() -> None:
    data = event("DTSTART;TZID=Europe/Berlin:20260701T120000", "UID:lab-1", "SUMMARY:Lab\\, part 1", "STATUS:CANCELLED")
    ((row,), _bad) = read_dates(data, course_key="course-v1:X")
    assert (row.external_id, row.title, row.at, row.is_cancelled) == ("lab-1", "Lab, part 1", datetime(2026, 7, 1, 10, tzinfo=UTC), True)


def in_own_zone(*rule: str, zone: str) -> bytes:
    """This function will write a calendar that says itself what a zone is: an hour behind UTC, and by a rule."""
    change = ["BEGIN:STANDARD", "DTSTART:19700101T000000", *rule, "TZOFFSETFROM:-0100", "TZOFFSETTO:-0100", "END:STANDARD"]
    described = "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{zone}", *change, *change, "END:VTIMEZONE", "BEGIN:VEVENT"])
    return event(f"DTSTART;TZID={zone}:20260701T120000", "UID:1", "SUMMARY:Lab").replace(b"BEGIN:VEVENT", described.encode())


def test_a_zone_is_what_its_name_says_whatever_a_calendar_says_of_it() -> None:
    rows, bad = read_dates(in_own_zone(zone="Europe/Berlin"), course_key="course-v1:X")

    assert ([row.at for row in rows], bad) == ([datetime(2026, 7, 1, 10, tzinfo=UTC)], [])


# The rule of every second would take hours, were it followed.
@pytest.mark.parametrize("rule", ["RRULE:FREQ=YEARLY", "RRULE:FREQ=SECONDLY", "RRULE:FREQ=YEARLY;BYSECOND=0,1,2"])
def test_a_zone_that_nobody_knows_is_a_bad_row(rule: str) -> None:
    rows, bad = read_dates(in_own_zone(rule, zone="Our Zone"), course_key="course-v1:X")

    assert (rows, [row.reason for row in bad]) == ([], ["The time zone “Our Zone” is not known: name it as in Europe/Berlin."])


@pytest.mark.parametrize("begin", ["BEGIN:VEV\r\n ENT", "BEGIN;X=1:VEVENT", "begin:vevent", " BEGIN:VEVENT"])
def test_no_spelling_of_an_event_escapes_the_count(begin: str) -> None:
    data = event("UID:1", "SUMMARY:Lab", "DTSTART:20260701").replace(
        b"BEGIN:VEVENT", b"\r\n".join([begin.encode(), b"END:VEVENT"] * 3 + [b"BEGIN:VEVENT"])
    )

    with pytest.raises(Unreadable):
        read_dates(data, course_key="course-v1:X", most_rows=2)


def test_the_command_tells_every_bad_row_when_only_trying(tmp_path: Path) -> None:
    file, said = tmp_path / "dates.csv", StringIO()
    file.write_bytes(line(kind="party") + line(when="soon").split(b"\n", 1)[1] + line(username="nobody").split(b"\n", 1)[1])
    with pytest.raises(CommandError) as refused:
        call_command("import_dates", str(file), "--dry-run", stdout=said)
    assert refused.value.returncode == 2
    assert [told.split(":")[0] for told in said.getvalue().splitlines()] == ["row 2", "row 3", "row 4"]


def test_the_command_takes_a_file_in_and_only_trying_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "dates.csv"
    file.write_bytes(line())
    call_command("import_dates", str(file), "--dry-run", stdout=StringIO(), stderr=StringIO())
    assert not CourseDate.objects.exists()
    call_command("import_dates", str(file), stdout=StringIO(), stderr=StringIO())
    assert CourseDate.objects.get().external_id == "a1"


def test_a_file_that_is_not_there_is_one_line_and_code_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("import_dates", str(tmp_path / "none.csv"))
    assert refused.value.returncode == 2


def test_four_hundred_dates_take_a_few_statements(django_assert_max_num_queries: object) -> None:
    rows, _bad = read_dates(line() + b"".join(line(external_id=f"b{number}").split(b"\n", 1)[1] for number in range(400)))
    # SQLite takes fewer rows in one statement.
    with django_assert_max_num_queries(10):  # type: ignore[operator]
        import_dates(rows, NOW)
