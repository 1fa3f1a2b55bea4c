import io
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.models import User
from channels_ace.api import Message
from notifications import ingest
from notifications.ingest import ingest_line, ingest_lines, read_lines, take_in
from notifications.models import InboxItem, IngestedEvent
from notifications.platform_event import LONGEST_LINE
from tests.factories import NOW, make_member, make_user
from tests.notifications.bad_events import DATA, bad_lines, course_event, user_event

pytestmark = pytest.mark.django_db
Outcome = IngestedEvent.Outcome


@pytest.fixture
def learners() -> list[User]:
    found = [make_user(f"learner{number}", platform_id=number) for number in range(101, 117)]
    for number, user in enumerate(found):
        make_member(user, mode="verified" if number % 2 else "audit", cohort=str(number % 3))
    make_member(make_user("teacher", platform_id=17), role="instructor", mode="")
    return found


def readers() -> set[str]:
    return set(InboxItem.objects.values_list("user__username", flat=True))


def test_the_platforms_own_events_are_taken_in(learners: list[User]) -> None:
    counts = ingest_lines(read_lines(io.BytesIO((DATA / "lms_events.jsonl").read_bytes())), NOW)
    # 24 lines: one again, one type that nobody knows, one that names nobody, one for moderators,
    # whom this course lacks, and one whose only reader would be its sender.
    assert counts == {"lines": 24, "notified": 19, "nobody": 3, "refused": 1, "again": 1, "unknown users": 0}
    assert set(IngestedEvent.objects.filter(outcome=Outcome.NOBODY).values_list("event_id", flat=True)) == {
        "evt-0018",
        "evt-0021",
        "evt-0022",
    }
    assert "unknown_future_type" in IngestedEvent.objects.get(event_id="evt-0017").reason
    first = IngestedEvent.objects.get(event_id="evt-0001")
    assert first.message is not None
    assert (first.type, first.message.type, first.message.idempotency_key) == (
        "discussion.new_response",
        "discussion.new_response",
        "platform:evt-0001",
    )


def test_taken_in_again_nothing_changes(learners: list[User]) -> None:
    lines = (DATA / "lms_events.jsonl").read_bytes().splitlines() + bad_lines()
    ingest_lines(lines, NOW)
    before = list(IngestedEvent.objects.order_by("pk").values()), Message.objects.count(), InboxItem.objects.count()
    counts = ingest_lines(lines, NOW)
    assert counts["again"] == counts["lines"] == len(lines)
    assert (list(IngestedEvent.objects.order_by("pk").values()), Message.objects.count(), InboxItem.objects.count()) == before


def test_each_bad_line_is_refused_with_a_reason_and_stops_nobody(learners: list[User]) -> None:
    ingest_lines((DATA / "lms_events.jsonl").read_bytes().splitlines(), NOW)
    messages = Message.objects.count()
    bad = bad_lines()
    for line in bad:
        event = ingest_line(line, NOW)
        assert (event.outcome, bool(event.reason)) == (Outcome.REFUSED, True), line[:200]
        assert not event.reason.startswith("It could not be taken in"), event.reason
    assert len(bad) >= 20
    assert Message.objects.count() == messages
    assert ingest_line(user_event("good-after-bad"), NOW).outcome == Outcome.NOTIFIED


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (user_event("e")[:200], "The line is not JSON, or was cut short."),
        (b"\xff\xfe", "The line is not UTF-8 text."),
        (user_event("e", user_ids="101"), "user_ids is missing or not a list."),
        (user_event("e", user_ids=[True]), "user_ids holds something that is not a user's number."),
        (user_event("e", user_ids=[101.0]), "user_ids holds something that is not a user's number."),
        (user_event("e", context={"replier_name": ["lee"]}), "The context holds something that is not text."),
        (user_event("e", context={"replier_name": "lee", "post_title": "é" * 40_000}), "The context is larger than 64 kB."),
        (user_event("e", context={"replier_name": None, "post_title": "x"}), "discussion.new_response needs replier_name in its context."),
        (
            user_event("e", app_name="studies", notification_type="nudge"),
            "The platform has no notification type studies.nudge that we know.",
        ),
        (
            user_event("e", app_name="account", notification_type="activated"),
            "The platform has no notification type account.activated that we know.",
        ),
        (
            user_event("e", content_url="javascript:alert(1)"),
            "The link does not lead to this site or to a host that the operator has allowed.",
        ),
        (user_event("e", content_url=7), "content_url is missing, not text or longer than 2000 characters."),
        (course_event("e", audience_filters={"role": ["staff"]}), "There is no audience filter named role."),
        (course_event("e", audience_filters={"cohorts": [None]}), "audience_filters holds something that is not text."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_reason_says_what_is_wrong(learners: list[User], line: bytes, reason: str) -> None:
    event = ingest_line(line, NOW)
    assert (event.outcome, event.reason) == (Outcome.REFUSED, reason)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"user_ids": ["101", 102, 102]}, {"learner101", "learner102"}),
        ({"user_ids": [101, 999]}, {"learner101"}),
        ({"user_ids": [101, 102], "context": {"sender_id": 102, "replier_name": 5, "post_title": "x", "comment_id": None}}, {"learner101"}),
        ({"user_ids": [101, 102], "context": {"sender_id": "102", "replier_name": "lee", "post_title": "x"}}, {"learner101"}),
        ({"user_ids": [101], "context": {"sender_id": "no number", "replier_name": "lee", "post_title": "x"}}, {"learner101"}),
        ({"user_ids": [101], "content_url": None}, {"learner101"}),
        ({"user_ids": [101], "content_url": ""}, {"learner101"}),
    ],
    ids=str,
)
def test_lax_senders_are_understood(learners: list[User], changes: dict[str, Any], told: set[str]) -> None:
    event = ingest_line(user_event("e", **changes), NOW)
    assert (event.outcome, readers()) == (Outcome.NOTIFIED, told)
    assert event.message is not None
    assert all(isinstance(value, str) for value in event.message.context.values())
    assert "sender_id" not in event.message.context


def test_users_whom_nobody_here_knows_are_counted(learners: list[User]) -> None:
    ingested = take_in(user_event("e", user_ids=[101, 998, 999]), NOW)
    assert (ingested.unknown_users, ingested.event.reason) == (2, "2 of the users it names are not known here.")


@pytest.mark.parametrize("user_ids", [[], [998, 999], [0], [2**63 - 1]], ids=str)
def test_an_event_for_nobody_says_nothing(learners: list[User], user_ids: list[int]) -> None:
    event = ingest_line(user_event("e", user_ids=user_ids), NOW)
    assert (event.outcome, event.message) == (Outcome.NOBODY, None)
    assert event.reason
    assert not Message.objects.exists()


def test_a_course_event_reaches_whom_its_filters_mean_but_not_its_sender(learners: list[User]) -> None:
    context = {"sender_id": "101", "course_update_content": "<p>News</p>"}
    ingest_line(course_event("e", audience_filters={"cohorts": [0], "course_roles": ["instructor"]}, content_context=context), NOW)
    assert readers() == {"learner104", "learner107", "learner110", "learner113", "learner116", "teacher"}


def test_a_missing_filter_means_the_whole_course(learners: list[User]) -> None:
    ingest_line(course_event("e", audience_filters=None), NOW)
    assert len(readers()) == 17


def test_the_same_event_written_differently_is_the_same_event(learners: list[User]) -> None:
    line = user_event("e")
    ingest_line(line, NOW)
    redelivered = take_in(b"  " + line.replace(b'": ', b'" :   ').replace(b"2026-03-01", b"2026-03-02"), NOW)
    assert redelivered.is_again


def test_the_same_id_with_another_body_is_refused_and_the_first_stays(learners: list[User]) -> None:
    first = ingest_line(user_event("e"), NOW)
    other = ingest_line(user_event("e", user_ids=[103]), NOW)
    again = take_in(user_event("e", user_ids=[103]), NOW)
    assert other.outcome == Outcome.REFUSED
    assert other.event_id.startswith("e#")
    assert other.reason == "An event with this id came before with another body."
    assert (again.is_again, again.event) == (True, other)
    assert readers() == {"learner101", "learner102"}
    first.refresh_from_db()
    assert first.outcome == Outcome.NOTIFIED


def test_a_conflict_of_the_longest_id_fits(learners: list[User]) -> None:
    ingest_line(user_event("e" * 150), NOW)
    assert ingest_line(user_event("e" * 150, user_ids=[]), NOW).outcome == Outcome.REFUSED


def test_a_fault_of_ours_is_kept_with_its_line_and_stops_nobody(learners: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "notify", _fail_with(ZeroDivisionError()))
    event = ingest_line(user_event("e"), NOW)
    assert (event.outcome, event.reason) == (Outcome.REFUSED, "It could not be taken in: ZeroDivisionError.")


def test_a_lost_database_leaves_the_line_for_the_next_time(learners: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(ingest, "notify", _fail_with(OperationalError("gone")))
        with pytest.raises(OperationalError):
            ingest_line(user_event("e"), NOW)
    assert not IngestedEvent.objects.exists()
    assert ingest_line(user_event("e"), NOW).outcome == Outcome.NOTIFIED


def test_a_line_cut_off_after_its_message_leaves_nothing_behind(learners: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    keep = IngestedEvent.save

    def lose_connection(event: IngestedEvent, *args: Any, **options: Any) -> None:
        if "update_fields" in options:
            raise OperationalError("gone")
        keep(event, *args, **options)

    with monkeypatch.context() as broken:
        broken.setattr(IngestedEvent, "save", lose_connection)
        with pytest.raises(OperationalError):
            ingest_line(user_event("e"), NOW)
    assert not any(model.objects.exists() for model in (IngestedEvent, Message, InboxItem))
    assert ingest_line(user_event("e"), NOW).outcome == Outcome.NOTIFIED


def test_lines_are_read_one_at_a_time_and_an_endless_one_only_at_its_start() -> None:
    stream = io.BytesIO(b"one\r\n\n  \n" + b"x" * (3 * LONGEST_LINE) + b"\ntwo")
    assert [len(line) for line in read_lines(stream)] == [3, LONGEST_LINE + 1, 3]


def test_the_command_ends_with_one_line_that_sums_up(learners: list[User], tmp_path: Path) -> None:
    assert _run(tmp_path, [user_event("a"), user_event("a"), user_event("b", user_ids=[]), b"{", user_event("c", user_ids=[101, 999])]) == (
        "lines: 5, notified: 2, kept: 0, for nobody: 1, refused: 1, again: 1, unknown users skipped: 1"
    )


def test_the_command_tells_how_far_it_is(tmp_path: Path) -> None:
    told = io.StringIO()
    _run(tmp_path, [b"{"] * 2500, stderr=told)
    assert told.getvalue().split("\n")[:2] == ["lines so far: 1000", "lines so far: 2000"]


def test_the_command_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.jsonl", tmp_path):
        with pytest.raises(CommandError, match=f"{path} cannot be read") as raised:
            call_command("ingest_events", str(path))
        assert raised.value.returncode == 2


def test_a_missing_file_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "ingest_events", str(tmp_path / "missing"), "--settings", "settings.test", "--skip-checks"],
        cwd=DATA.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_standard_input_is_named_by_a_dash(learners: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(user_event("a"))))
    told = io.StringIO()
    call_command("ingest_events", "-", stdout=told)
    assert told.getvalue().startswith("lines: 1, notified: 1,")


def _run(folder: Path, lines: Iterable[bytes], **streams: io.StringIO) -> str:
    path, told = folder / "events.jsonl", io.StringIO()
    path.write_bytes(b"\n".join(lines))
    call_command("ingest_events", str(path), stdout=told, **streams)
    return told.getvalue().strip()


def _fail_with(error: Exception) -> Any:
    def fail(**_: Any) -> None:
        raise error

    return fail
