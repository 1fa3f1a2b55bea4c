import json
from typing import Any

import pytest
from django.test import Client

from accounts.service_tokens import make_service_token
from notifications.models import CourseDate, KeptAnswer, Submission
from notifications.rest_api.date_files import MOST_BYTES, MOST_ROWS
from tests.factories import COURSE, NOW, make_member, make_user
from tests.notifications.bad_dates import FILES, event

pytestmark = pytest.mark.django_db
DATES = f"/api/v1/courses/{COURSE}/dates/"
HEAD = "external_id,kind,title,when,link,username,cancelled\n"
ROW = {"external_id": "lab3", "title": "Lab 3", "when": "2026-03-09"}
LAB = "lab3,assignment,Lab 3,2026-03-09T22:00:00+01:00,,,\n"


@pytest.fixture
def lms() -> dict[str, str]:
    clear = make_service_token(name="lms", scopes=["dates:read", "dates:write"], made_by_id=None, expires_at=None, now=NOW)
    return {"authorization": f"Bearer {clear}"}


def upload(lms: dict[str, str], data: str | bytes, kind: str = "text/csv", query: str = "", **headers: str) -> Any:
    return Client().post(DATES + query, data, content_type=kind, headers={**lms, **headers})


def test_a_table_and_a_calendar_are_taken_as_json_is(lms: dict[str, str]) -> None:
    table = upload(lms, HEAD + LAB)
    calendar = upload(lms, event("UID:lab3", "SUMMARY:Lab 3", "DTSTART:20260310T210000Z"), "text/calendar; charset=utf-8")
    told = {"dates": [{"external_id": "lab3", "title": "Lab 3", "when": "2026-03-10T21:00:00Z"}]}
    written = upload(lms, json.dumps(told), "application/json")

    assert (table.json()["new"], calendar.json()["moved"], written.json()["same"]) == (1, 1, 1)
    assert CourseDate.objects.get().course_key == COURSE


def test_a_dry_run_names_every_bad_row_with_its_reason_and_nothing_is_written(lms: dict[str, str]) -> None:
    rows = LAB + "b,party,Lab,2026-03-09,,,\nc,assignment,Lab,soon,,,\nd,assignment,Lab,2026-03-09,,nobody,\n" + LAB
    told = [upload(lms, HEAD + rows, query=query).json() for query in ("?dry_run=true", "")]

    assert [error["path"] for error in told[0]["errors"]] == ["/lines/3", "/lines/4", "/lines/5", "/lines/6"]
    assert "nobody" in told[0]["errors"][2]["message"]
    assert told[0]["errors"] == told[1]["errors"]
    assert not CourseDate.objects.exists()


def test_a_dry_run_of_good_rows_counts_them_and_writes_nothing(lms: dict[str, str]) -> None:
    answers = [
        upload(lms, HEAD + LAB, query="?dry_run=true"),
        upload(lms, json.dumps({"dates": [ROW]}), "application/json", "?dry_run=true"),
    ]

    assert [answer.json()["new"] for answer in answers] == [1, 1]
    assert not CourseDate.objects.exists()


def test_bad_json_rows_are_named_together_whatever_is_wrong_with_them(lms: dict[str, str]) -> None:
    rows = [{"external_id": "a", "title": "A", "when": "soon"}, {"external_id": "b", "title": "B", "when": "2026-03-09", "username": "x"}]

    told = upload(lms, json.dumps({"dates": rows, "dry_run": True}), "application/json").json()

    assert [error["path"] for error in told["errors"]] == ["/dates/0", "/dates/1"]


def test_a_calendar_counts_its_events(lms: dict[str, str]) -> None:
    told = upload(lms, event("UID:1", "SUMMARY:Lab", "DTSTART:20260701T120000"), "text/calendar").json()

    assert [error["path"] for error in told["errors"]] == ["/events/1"]


def test_a_date_of_another_course_is_refused(lms: dict[str, str]) -> None:
    told = upload(lms, "course_key," + HEAD + "course-v1:Other+X+1," + LAB + f"{COURSE}," + LAB.replace("lab3", "b")).json()

    assert [error["path"] for error in told["errors"]] == ["/lines/2"]
    assert not CourseDate.objects.exists()


@pytest.mark.parametrize("data", FILES)
@pytest.mark.parametrize("kind", ["text/csv", "text/calendar"])
def test_what_cannot_be_read_at_all_is_a_problem(lms: dict[str, str], data: bytes, kind: str) -> None:
    answer = upload(lms, data, kind)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (HEAD + LAB, "text/calendar", 400),
        (event("UID:1", "SUMMARY:Lab", "DTSTART:20260701T120000Z"), "text/csv", 400),
        (HEAD + "\n" * MOST_BYTES, "text/csv", 413),
        (HEAD + LAB * (MOST_ROWS + 1), "text/csv", 400),
        (event(*["END:VEVENT\r\nBEGIN:VEVENT"] * MOST_ROWS), "text/calendar", 400),
        (event(*["BEGIN:VALARM"] * 5, *["END:VALARM"] * 5), "text/calendar", 400),
        (HEAD + LAB, "text/csv; charset=utf-16", 415),
        (HEAD + LAB, "text/plain", 415),
        (HEAD + LAB, "text/csv", 200),
    ],
)
def test_size_rows_depth_and_kind_have_limits(lms: dict[str, str], data: str | bytes, kind: str, status: int) -> None:
    answer = upload(lms, data, kind)

    assert answer.status_code == status
    assert CourseDate.objects.exists() == (status == 200)


def test_a_query_that_is_not_known_is_refused_rather_than_taken_for_no_dry_run(lms: dict[str, str]) -> None:
    assert [upload(lms, HEAD + LAB, query=query).status_code for query in ("?dry=true", "?dry_run=yes")] == [400, 400]


def test_a_file_sent_again_under_its_key_is_answered_as_it_was(lms: dict[str, str]) -> None:
    answers = [upload(lms, HEAD + LAB, **{"idempotency-key": "k"}) for _ in range(2)]
    other = upload(lms, HEAD + LAB.replace("Lab 3", "Lab 4"), **{"idempotency-key": "k"})

    assert [answer.json()["new"] for answer in answers] == [1, 1]
    assert other.status_code == 422
    assert KeptAnswer.objects.count() == 1


def test_a_dry_run_of_submissions_counts_names_and_keeps_nothing(lms: dict[str, str]) -> None:
    make_member(make_user("ana"))
    works = f"/api/v1/courses/{COURSE}/submissions/"
    good = {"username": "ana", "external_id": "lab3"}

    def hand_in(*rows: dict[str, str]) -> Any:
        return Client().post(works, json.dumps({"submissions": rows, "dry_run": True}), content_type="application/json", headers=lms)

    counted, named = hand_in(good), hand_in({"username": "x", "external_id": "lab3"}, good, {"username": "y", "external_id": "b"})

    assert counted.json() == {"kept": 1, "withdrawn": 0}
    assert [error["path"] for error in named.json()["errors"]] == ["/submissions/0/username", "/submissions/2/username"]
    assert not Submission.objects.exists()
