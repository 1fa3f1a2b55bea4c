"""What a study's team sees, and what it may change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from channels_ace.api import Delivery, local_date, parse_zone, suppress
from channels_ace.models import ContactPoint
from scheduling.api import Who, complete, events_of, sessions_of, set_event, tick
from scheduling.models import ActivityEvent, NudgeDecision, PlannerRow
from scheduling.monitoring import FILTERS, count_participants, figures, monitored, page
from scheduling.pictures import draw_example
from scheduling.texts import count_texts
from studies.api import AuditEntry, Enrollment, Study, StudyRole, protocol_of, withdraw
from tests.factories import make_contact, make_user
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

# 10:00 in New York; the fifth day of the burst of who enrolled then is 14 January.
ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
FIFTH_DAY = datetime(2026, 1, 14, 17, 30, tzinfo=UTC)


@pytest.fixture
def at_noon() -> Iterator[datetime]:
    with time_machine.travel(FIFTH_DAY, tick=False):
        yield FIFTH_DAY


def do_days(enrollment: Enrollment, *days: int) -> None:
    for day in days:
        on = enrollment.enrolled_date + timedelta(days=day - 1)
        at = datetime(on.year, on.month, on.day, 23, 0, tzinfo=UTC)
        session = sessions_of(enrollment, on, on + timedelta(days=1), at)[0]
        complete(enrollment, session.id, started_at=at, finished_at=at, now=at)


def sign_in(client: Client, study: Study, role: str = StudyRole.Role.OWNER) -> User:
    person = make_user()
    StudyRole.objects.create(study=study, user=person, role=role)
    client.force_login(person)
    return person


def standing(enrollment: Enrollment, now: datetime) -> object:
    return monitored(enrollment.study, now).get(enrollment=enrollment)


@pytest.mark.parametrize(
    ("done", "is_behind", "missed"),
    [
        ((), True, 4),
        ((1,), True, 3),
        ((2,), False, 3),
        ((4,), False, 3),
        ((1, 2, 3, 4), False, 0),
        ((1, 5), True, 3),
    ],
)
def test_who_missed_the_reminders_number_of_days_in_a_row_or_in_all_is_behind(done: tuple[int, ...], is_behind: bool, missed: int) -> None:
    # The protocol says 3 in a row or 4 in all. Today, the fifth day, is not over.
    enrollment = join(make_study(ENROLLED), ENROLLED)
    do_days(enrollment, *done)

    found = standing(enrollment, FIFTH_DAY)

    assert (found.day, found.is_behind, found.missed) == (4, is_behind, missed)  # type: ignore[attr-defined]


def test_a_day_of_a_burst_is_counted_on_the_participants_own_calendar() -> None:
    study = make_study(ENROLLED)
    here, there = join(study, ENROLLED, zone="America/New_York"), join(study, ENROLLED, zone="Pacific/Auckland", phone="+12065550101")
    evening = datetime(2026, 1, 12, 23, 0, tzinfo=UTC)

    assert standing(here, evening).day == 2  # type: ignore[attr-defined]
    # It is already the 13th there, but it was the 11th when they enrolled.
    assert local_date(evening, parse_zone("Pacific/Auckland")) == date(2026, 1, 13)
    assert standing(there, evening).day == 2  # type: ignore[attr-defined]


def test_nobody_is_in_a_burst_before_it_after_it_or_once_withdrawn() -> None:
    study = make_study(ENROLLED)
    stays, leaves = join(study, ENROLLED), join(study, ENROLLED, phone="+12065550101")
    withdraw(leaves, now=ENROLLED + timedelta(days=1))

    assert count_participants(study, FIFTH_DAY)["in_burst"] == 1
    assert standing(stays, ENROLLED + timedelta(days=13)).day == 13  # type: ignore[attr-defined]
    assert standing(stays, ENROLLED + timedelta(days=14)).day is None  # type: ignore[attr-defined]
    assert count_participants(study, ENROLLED + timedelta(days=14))["in_burst"] == 0


def test_counts_and_filters_speak_of_the_same_people() -> None:
    study = make_study(ENROLLED)
    busy = join(study, ENROLLED, phone="+12065550101")
    do_days(busy, 1, 2, 3, 4)
    silent = join(study, ENROLLED, phone="+12065550102")
    nobody = join(study, ENROLLED, phone=None)
    stopped = join(study, ENROLLED, phone="+12065550103")
    suppress(kind="phone", address="+12065550103", channel="sms", reason="stop", now=ENROLLED)
    lost = join(study, ENROLLED, zone="", phone="+12065550104")
    unverified = join(study, ENROLLED, phone=None)
    make_contact(unverified.user, ContactPoint.Kind.PHONE, verified=False)
    left = join(study, ENROLLED, phone="+12065550105")
    withdraw(left, now=ENROLLED)

    rows = monitored(study, FIFTH_DAY)

    assert {row.enrollment_id: row.blocked_by for row in rows} == {
        busy.pk: "",
        silent.pk: "",
        nobody.pk: "no_contact_point",
        stopped.pk: "suppressed_stop",
        lost.pk: "no_time_zone",
        unverified.pk: "contact_unverified",
        left.pk: "withdrawn",
    }
    counted = count_participants(study, FIFTH_DAY)
    assert counted == {"enrolled": 6, "in_burst": 6, "all": 7, "behind": 5, "blocked": 4, "opted_out": 1, "withdrawn": 1}
    for name, condition in FILTERS.items():
        assert rows.filter(condition).count() == counted[name], name


def test_the_worst_come_first_and_pages_leave_nobody_out() -> None:
    study = make_study(ENROLLED)
    people = [join(study, ENROLLED, phone=f"+120655501{number:02d}") for number in range(7)]
    for number, enrollment in enumerate(people[:5]):
        do_days(enrollment, *range(1, number + 1))

    rows, cursor = monitored(study, FIFTH_DAY), ""
    order: list[Enrollment] = []
    while cursor or not order:
        found = page(rows, cursor, size=3)
        order += [row.enrollment for row in found.rows]
        cursor = found.next_cursor

    assert order == [people[0], people[5], people[6], people[1], people[2], people[3], people[4]]


def test_figures_of_many_studies_take_no_more_statements_than_of_one() -> None:
    studies = [make_study(ENROLLED) for _ in range(3)]
    for study in studies:
        join(study, ENROLLED, phone=f"+1206555{study.pk:04d}")
    figures([study.pk for study in studies], FIFTH_DAY)

    with CaptureQueriesContext(connection) as one:
        figures([studies[0].pk], FIFTH_DAY)
    with CaptureQueriesContext(connection) as all_of_them:
        found = figures([study.pk for study in studies], FIFTH_DAY)

    assert len(all_of_them) == len(one)
    assert found[studies[2].pk] == {"enrolled": 1, "in_burst": 1, "behind": 1, "texts_sent": 0, "held_back": 0}


def test_texts_are_counted_by_what_became_of_them() -> None:
    study = make_study(ENROLLED)
    people = [join(study, ENROLLED, phone=f"+120655501{number:02d}") for number in range(4)]
    join(study, ENROLLED, phone=None)
    for day in range(3, 6):
        tick(FIFTH_DAY + timedelta(days=day - 4))
    states = ["delivered", "undeliverable", "unknown_final", "expired"]
    for enrollment, state in zip(people, states, strict=True):
        Delivery.objects.filter(user_id=enrollment.user_id).update(state=state, reason=f"because_{state}")

    tally = count_texts([study.pk])[study.pk]

    # The person without a phone was passed over on three days, and misses one text.
    assert NudgeDecision.objects.filter(reason="no_contact_point").count() == 3
    assert (tally.sent, tally.failed, tally.unknown, tally.held_back) == (1, 1, 1, 2)
    assert tally.reasons == {"because_undeliverable": 1, "because_expired": 1, "no_contact_point": 1}


def test_the_study_page_says_who_is_behind_in_their_own_time_and_why_no_text_went(client: Client, at_noon: datetime) -> None:
    study = make_study(ENROLLED)
    sign_in(client, study)
    join(study, ENROLLED, zone="Asia/Kolkata", phone=None)
    tick(at_noon - timedelta(hours=10))

    html = client.get(reverse("study", args=[study.public_id])).content.decode()

    assert "Asia/Kolkata" in html
    assert "Wed 14 Jan, 23:00" in html
    assert "There is no address for this channel." in html
    assert "Behind" in html


def test_the_study_page_asks_a_constant_number_of_questions(client: Client, at_noon: datetime) -> None:
    study = make_study(ENROLLED)
    sign_in(client, study)
    counts = []
    for people, zones in ((6, ["America/New_York"]), (60, ["America/New_York", "Asia/Kolkata", "Pacific/Auckland", ""])):
        for number in range(people):
            join(study, ENROLLED, zone=zones[number % len(zones)], phone=f"+1206{people:03d}{number:04d}")
        tick(at_noon)
        with CaptureQueriesContext(connection) as asked:
            response = client.get(reverse("study", args=[study.public_id]))
        assert response.status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_behind_is_a_filter_with_pages(client: Client, at_noon: datetime) -> None:
    study = make_study(ENROLLED)
    sign_in(client, study)
    people = [join(study, ENROLLED, phone=f"+120655501{number:02d}") for number in range(52)]
    do_days(people[0], 1, 2, 3, 4)
    url = reverse("study", args=[study.public_id])

    first = client.get(url, {"show": "behind"})
    second = client.get(first.context["next_cursor_url"])

    shown = [row["label"] for row in (*first.context["participants"], *second.context["participants"])]
    assert len(first.context["participants"]) == 50
    assert sorted(shown) == sorted(enrollment.code for enrollment in people[1:])
    assert client.get(url, {"show": "'", "after": "x_1; 2"}).status_code == 200


def test_a_strangers_study_does_not_exist(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    other = make_study(ENROLLED)
    sign_in(client, other)
    place = [enrollment.study.public_id, enrollment.public_id]

    assert client.get(reverse("study", args=place[:1])).status_code == 404
    assert client.get(reverse("participant", args=place)).status_code == 404
    assert client.post(reverse("participant_withdraw", args=place), {"why": "x", "confirmed": "on"}).status_code == 404
    # Nor does a participant of another study within one's own.
    assert client.get(reverse("participant", args=[other.public_id, enrollment.public_id])).status_code == 404


def test_a_viewer_sees_everything_and_changes_nothing(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study, StudyRole.Role.VIEWER)
    place = [enrollment.study.public_id, enrollment.public_id]

    shown = client.get(reverse("participant", args=place))
    moved = client.post(reverse("participant_move", args=place), {"move-burst": "custom:activityBurst2Start", "move-to": "2026-04-12"})
    left = client.post(reverse("participant_withdraw", args=place), {"why": "x", "confirmed": "on"})

    assert shown.status_code == 200
    assert '<form method="post"' not in shown.content.decode().split("<main", 1)[1]
    assert (moved.status_code, left.status_code) == (403, 403)
    assert not ActivityEvent.objects.exists()
    enrollment.refresh_from_db()
    assert enrollment.state == Enrollment.State.ACTIVE


def test_the_participants_page_tells_texts_decisions_and_days(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study)
    do_days(enrollment, 1)
    tick(at_noon)
    Delivery.objects.update(state="delivered", reason="delivered")

    response = client.get(reverse("participant", args=[enrollment.study.public_id, enrollment.public_id]))

    current = response.context["bursts"][0]
    assert [day["state"] for day in current["days"]] == ["done", "missed", "missed", "missed", *["future"] * 10]
    assert (current["done"], current["due"], current["is_current"]) == (1, 5, True)
    text = response.context["texts"][0]
    assert (text["state"], text["reason_code"]) == ("delivered", "delivered")
    assert "Daily Moments" in text["body"]
    assert [decision["reason_code"] for decision in response.context["decisions"]] == ["consecutive_missed_threshold_early"]
    assert len(response.context["events"]) == 10


def test_moving_a_burst_moves_that_burst_alone_and_is_remembered(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    person = sign_in(client, enrollment.study, StudyRole.Role.COORDINATOR)
    before = {event.event_id: event.date for event in events_of(enrollment)}
    place = [enrollment.study.public_id, enrollment.public_id]

    said = {"move-burst": "custom:activityBurst2Start", "move-to": "2026-04-18", "move-why": "In hospital"}
    response = client.post(reverse("participant_move", args=place), said, follow=True)

    assert response.status_code == 200
    assert {event.event_id: event.date for event in events_of(enrollment)} == {**before, "custom:activityBurst2Start": date(2026, 4, 18)}
    entry = AuditEntry.objects.get(what="event_moved")
    assert (entry.actor, entry.details["why"]) == (person, "In hospital")
    assert "In hospital" in response.content.decode()


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        ("2026-01-13", "This is in the past"),
        ("2026-01-20", "Burst 1 may last until then"),
        ("2026-07-01", "Burst 3 begins before this one could end"),
        ("soon", "Enter a valid date"),
    ],
)
def test_a_burst_cannot_be_moved_where_it_cannot_be(client: Client, at_noon: datetime, to: str, problem: str) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study)
    place = [enrollment.study.public_id, enrollment.public_id]

    said = {"move-burst": "custom:activityBurst2Start", "move-to": to, "move-why": "x"}
    response = client.post(reverse("participant_move", args=place), said)

    assert problem in response.content.decode()
    assert not ActivityEvent.objects.exists()


def test_the_last_burst_cannot_be_moved_to_the_end_of_the_calendar(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study)
    place = [enrollment.study.public_id, enrollment.public_id]

    for to in ("2101-01-01", "9999-12-01", "9999-12-31"):
        said = {"move-burst": "custom:activityBurst9Start", "move-to": to, "move-why": "x"}
        response = client.post(reverse("participant_move", args=place), said)
        assert "Choose a year between 2000 and 2100." in response.content.decode()

    assert not ActivityEvent.objects.exists()


def test_a_burst_in_which_something_was_done_stays_where_it_is(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study)
    do_days(enrollment, 1)
    place = [enrollment.study.public_id, enrollment.public_id]

    said = {"move-burst": "custom:activityBurst1Start", "move-to": "2026-01-16", "move-why": "x"}
    client.post(reverse("participant_move", args=place), said)

    assert not ActivityEvent.objects.exists()


def test_withdrawing_needs_a_reason_and_a_yes(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study)
    url = reverse("participant_withdraw", args=[enrollment.study.public_id, enrollment.public_id])

    client.post(url, {"why": "Moved abroad"})
    client.post(url, {"confirmed": "on"})
    enrollment.refresh_from_db()
    assert enrollment.state == Enrollment.State.ACTIVE

    client.post(url, {"why": "Moved abroad", "confirmed": "on"})
    enrollment.refresh_from_db()
    assert enrollment.state == Enrollment.State.WITHDRAWN
    assert not PlannerRow.objects.get(enrollment=enrollment).is_eligible
    assert AuditEntry.objects.get(what="withdrawn").details["why"] == "Moved abroad"


def test_a_moved_burst_is_shown_as_moved_and_the_others_as_generated(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study)
    set_event(enrollment, "custom:activityBurst4Start", None, now=at_noon, who=Who(is_staff=True))
    set_event(enrollment, "custom:activityBurst3Start", date(2026, 7, 20), now=at_noon, who=Who(is_staff=True))

    response = client.get(reverse("participant", args=[enrollment.study.public_id, enrollment.public_id]))

    states = {event["event_id"]: (event["state"], event["on"]) for event in response.context["events"]}
    assert states["custom:activityBurst2Start"] == ("Generated", date(2026, 4, 11))
    assert states["custom:activityBurst3Start"] == ("Moved", date(2026, 7, 20))
    assert states["custom:activityBurst4Start"] == ("Removed", None)


def test_the_picture_places_bursts_texts_and_clock_changes_on_study_days() -> None:
    version = make_study(ENROLLED, mpower_document()).versions.get()

    picture = draw_example(protocol_of(version), date(2026, 1, 10), "America/New_York")

    assert [bar["x"] for bar in picture["bursts"]] == list(range(0, 9 * 91, 91))
    assert [mark["x"] for mark in picture["texts"]] == list(range(90, 9 * 91 - 1, 91))
    assert picture["ticks"][:3] == [0, 8, 13]
    # 8 March and 1 November 2026, and so on.
    assert [change["x"] for change in picture["clock_changes"]][:2] == [57, 295]
    assert {"x": 0, "width": 3} in picture["blackouts"]
    assert {"x": 13, "width": 1} in picture["blackouts"]
    assert picture["months"][0] == {"x": 22, "label": "Feb"}
    assert all(bar["x"] + bar["width"] <= picture["width_days"] for bar in picture["bursts"])


def test_the_team_sees_who_opted_out_and_since_when(client: Client, at_noon: datetime) -> None:
    # given
    study = make_study(ENROLLED)
    here, elsewhere, back = (join(study, ENROLLED, phone=f"+1206555010{number}") for number in (1, 2, 3))
    said = FIFTH_DAY - timedelta(days=1)
    suppress(channel="sms", kind="phone", address="+12065550101", reason="stop", now=said)
    suppress(channel="sms", kind="phone", address="+12065550102", reason="stop", now=said, scope="study:another")
    lifted = suppress(channel="sms", kind="phone", address="+12065550103", reason="stop", now=said)
    lifted.lifted_at = at_noon
    lifted.save()
    sign_in(client, study, StudyRole.Role.VIEWER)

    # when
    listed = client.get(reverse("study", args=[study.public_id]), {"show": "opted_out"})

    # then
    assert [(row["label"], row["opted_out_at"]) for row in listed.context["participants"]] == [(here.code, said)]
    assert "Opted out:" in listed.content.decode()
    assert {row.enrollment_id: row.opted_out_at for row in monitored(study, at_noon)} == {here.pk: said, elsewhere.pk: None, back.pk: None}
    assert here.state == Enrollment.State.ACTIVE


def test_a_coordinator_removes_a_burst_and_brings_it_back(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study)
    url = reverse("participant_remove", args=[enrollment.study.public_id, enrollment.public_id])
    said = {"remove-burst": "custom:activityBurst2Start", "remove-why": "Abroad"}

    client.post(url, {"remove-burst": "custom:activityBurst2Start"})
    assert not ActivityEvent.objects.exists()
    client.post(url, said)
    removed = [event.event_id for event in events_of(enrollment) if event.state == "removed"]
    client.post(url, said)

    assert removed == ["custom:activityBurst2Start"]
    assert list(ActivityEvent.objects.order_by("pk").values_list("change", "why")) == [("removed", "Abroad"), ("restored", "Abroad")]


def test_a_coordinator_pauses_a_participant_and_lets_them_take_part_again(client: Client, at_noon: datetime) -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    sign_in(client, enrollment.study)
    url = reverse("participant_pause", args=[enrollment.study.public_id, enrollment.public_id])

    client.post(url, {"pause-why": ""})
    client.post(url, {"pause-why": "Ill"})
    assert not PlannerRow.objects.get(enrollment=enrollment).is_eligible
    assert tick(at_noon + timedelta(days=3)) == 0
    client.post(url, {"pause-why": "Well again"})

    assert PlannerRow.objects.get(enrollment=enrollment).is_eligible
    assert list(AuditEntry.objects.filter(what__in=["paused", "resumed"]).order_by("pk").values_list("what", flat=True)) == [
        "paused",
        "resumed",
    ]


def test_days_that_were_added_and_not_used_are_no_misses() -> None:
    enrollment = join(make_study(ENROLLED), ENROLLED)
    client = Client()
    client.force_login(enrollment.study.roles.get().user)
    with time_machine.travel(ENROLLED + timedelta(days=30), tick=False):
        page = client.get(reverse("participant", args=[enrollment.study.public_id, enrollment.public_id]))

    states = [day["state"] for day in page.context["bursts"][0]["days"]]
    assert states == ["missed"] * 14 + ["excused"] * 5
