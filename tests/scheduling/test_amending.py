"""A new version for those who are in the study already: what has come stays, what is to come is dated anew, the rest is not touched."""

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scheduling.amending import preview
from scheduling.api import complete, events_of, replan, restore_event, sessions_of, set_event, tick
from scheduling.events import Who
from scheduling.models import ActivityEvent, Nudge, PlannerRow
from studies.api import AuditEntry, Enrollment, ProtocolVersion, Study, enroll, import_protocol, publish, withdraw
from studies.models import DataGroup
from tests.factories import make_user
from tests.scheduling.test_after_events import with_visit
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
STAFF = Who(is_staff=True)


def amended(study: Study, now: datetime, **changes: Any) -> ProtocolVersion:
    """This function will publish the study's design with another burst series for those who are in it."""
    version = drafted(study, now, **changes)
    publish(version, actor_id=version.study.roles.get().user_id, now=now, for_enrolled=True)
    return version


def drafted(study: Study, now: datetime, *, series: dict[str, Any] | None = None, **changes: Any) -> ProtocolVersion:
    document = {**mpower_document(), **changes}
    document["burst_series"] = [{**document["burst_series"][0], **(series or {})}]
    return import_protocol(study, document, actor_id=study.roles.get().user_id, now=now)


def starts(enrollment: Enrollment) -> list[date | None]:
    return [event.date for event in events_of(enrollment) if event.event_id.startswith("custom:activityBurst")]


def rows_written(table: str, queries: CaptureQueriesContext) -> int:
    writing = (f'UPDATE "{table}"', f'INSERT INTO "{table}"')
    return sum(1 for query in queries.captured_queries if query["sql"].startswith(writing))


def test_without_being_asked_for_it_those_who_are_in_stay_with_the_version_they_joined() -> None:
    study = make_study(ENROLLED)
    first = join(study, ENROLLED)
    before = starts(first)

    version = drafted(study, ENROLLED, series={"interval": "P10W"})
    publish(version, actor_id=study.roles.get().user_id, now=ENROLLED)
    later = join(study, ENROLLED, phone="+12065550101")

    assert starts(first) == before
    assert starts(later)[1] == date(2026, 1, 10) + timedelta(weeks=10)


def test_what_has_come_stays_on_its_day_and_what_is_to_come_is_dated_anew() -> None:
    # given: in the middle of the second burst
    study = make_study(ENROLLED)
    person = join(study, ENROLLED)
    second = date(2026, 1, 10) + timedelta(weeks=13)
    now = datetime(2026, 4, 15, 16, 0, tzinfo=UTC)

    # when: bursts come every ten weeks from now on
    seen = preview(drafted(study, now, series={"interval": "P10W"}), now)
    assert starts(person)[2] == date(2026, 1, 10) + timedelta(weeks=26)
    version = study.versions.order_by("-number").get(published_at=None)
    publish(version, actor_id=study.roles.get().user_id, now=now, for_enrolled=True)

    # then
    dates = starts(person)
    assert dates[:2] == [date(2026, 1, 10), second]
    assert dates[2] == date(2026, 1, 10) + timedelta(weeks=20)
    assert (seen.people, seen.moved, seen.kept) == (1, 1, 1)
    kept = ActivityEvent.objects.get()
    assert (kept.event_id, kept.why) == ("custom:activityBurst2Start", "Kept: its day had come before version 2.")
    plan = PlannerRow.objects.get()
    assert (plan.burst, plan.burst_start) == (2, second)


def test_whose_dates_stay_is_not_touched() -> None:
    # given: people at several places in several zones
    study = make_study(ENROLLED)
    for day, zone in enumerate(["America/New_York", "Asia/Kolkata", "Pacific/Apia", ""]):
        join(study, ENROLLED + timedelta(days=day), zone=zone, phone=f"+1206555010{day}")
    now = ENROLLED + timedelta(days=5)
    version = drafted(study, now, nudges=[])

    # when: a version without nudges
    with CaptureQueriesContext(connection) as queries:
        publish(version, actor_id=study.roles.get().user_id, now=now, for_enrolled=True)

    # then
    for table in ("studies_enrollment", "scheduling_plannerrow", "scheduling_activityevent"):
        assert rows_written(table, queries) == 0
    assert tick(datetime(2026, 4, 15, 16, 0, tzinfo=UTC)) == 0


def test_as_many_statements_for_many_as_for_few() -> None:
    counts = []
    for many in (2, 30):
        study = make_study(ENROLLED)
        for number in range(many):
            join(study, ENROLLED, phone=f"+1206556{many:02d}{number:02d}")
        version = drafted(study, ENROLLED, series={"count": 10})
        with CaptureQueriesContext(connection) as queries:
            publish(version, actor_id=study.roles.get().user_id, now=ENROLLED + timedelta(days=200), for_enrolled=True)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_a_burst_more_brings_those_back_for_whom_all_was_over() -> None:
    # given
    study = make_study(ENROLLED)
    person = join(study, ENROLLED)
    now = ENROLLED + timedelta(weeks=13 * 9, hours=2)
    tick(now)
    assert not PlannerRow.objects.get().is_eligible

    # when
    amended(study, now, series={"count": 10})

    # then
    plan = PlannerRow.objects.get()
    assert (plan.burst, plan.is_eligible) == (10, True)
    assert events_of(person)[-1].event_id == "custom:activityBurst10Start"


def test_bursts_that_the_design_loses_are_gone_and_their_people_end() -> None:
    study = make_study(ENROLLED)
    join(study, ENROLLED)
    now = ENROLLED + timedelta(weeks=13 * 4 + 1)
    version = drafted(study, now, series={"count": 4})

    assert preview(version, now).lost == [f"custom:activityBurst{number}Start" for number in range(5, 10)]
    publish(version, actor_id=study.roles.get().user_id, now=now, for_enrolled=True)

    assert not PlannerRow.objects.get().is_eligible


def test_what_a_person_dated_or_removed_stays_as_they_left_it() -> None:
    # given: the third burst moved, the fourth removed, the fifth moved and given back
    study = make_study(ENROLLED)
    person = join(study, ENROLLED)
    set_event(person, "custom:activityBurst3Start", date(2026, 7, 20), now=ENROLLED, who=STAFF)
    set_event(person, "custom:activityBurst4Start", None, now=ENROLLED, who=STAFF)
    set_event(person, "custom:activityBurst5Start", date(2027, 1, 20), now=ENROLLED, who=STAFF)
    restore_event(person, "custom:activityBurst5Start", now=ENROLLED, who=STAFF)

    # when
    amended(study, ENROLLED + timedelta(days=3), series={"interval": "P10W"})

    # then
    dates = {event.event_id: event.date for event in events_of(person)}
    assert dates["custom:activityBurst2Start"] == date(2026, 1, 10) + timedelta(weeks=10)
    assert dates["custom:activityBurst3Start"] == date(2026, 7, 20)
    assert dates["custom:activityBurst4Start"] is None
    assert dates["custom:activityBurst5Start"] == date(2026, 1, 10) + timedelta(weeks=40)


def test_what_was_done_counts_on_and_a_reminder_is_not_repeated() -> None:
    # given: day 1 done, reminded on day 4
    study = make_study(ENROLLED)
    person = join(study, ENROLLED)
    session = sessions_of(person, date(2026, 1, 10), date(2026, 1, 11), ENROLLED)[0]
    complete(person, session.id, started_at=ENROLLED, finished_at=ENROLLED + timedelta(minutes=5), now=ENROLLED + timedelta(minutes=6))
    for day in range(8):
        tick(datetime(2026, 1, 10 + day, 17, 0, tzinfo=UTC))
    reminded = Nudge.objects.count()
    done = PlannerRow.objects.get().done

    # when: texts change in the midst of a burst, and hours go on
    amended(study, datetime(2026, 1, 17, 17, 30, tzinfo=UTC), name="Another name")
    tick(datetime(2026, 1, 17, 17, 40, tzinfo=UTC))
    tick(datetime(2026, 1, 18, 17, 0, tzinfo=UTC))

    # then
    assert reminded == 1
    assert Nudge.objects.count() == 1
    assert PlannerRow.objects.get().done == done != 0


def test_versions_follow_one_another_and_who_joined_by_any_lives_by_the_last() -> None:
    study = make_study(ENROLLED)
    first = join(study, ENROLLED)
    amended(study, ENROLLED, series={"count": 10})
    second = join(study, ENROLLED, phone="+12065550101")
    amended(study, ENROLLED, series={"count": 11})

    assert [len(starts(person)) for person in (first, second)] == [11, 11]
    assert set(ProtocolVersion.objects.filter(number__lt=3).values_list("amended_by__number", flat=True)) == {3}


def test_arms_that_are_new_are_drawn_for_those_without_and_for_nobody_who_left() -> None:
    # given
    study = make_study(ENROLLED)
    people = [join(study, ENROLLED, phone=f"+1206555010{number}") for number in range(3)]
    DataGroup.objects.create(enrollment=people[0], name="loud")
    withdraw(people[1], now=ENROLLED)

    # when
    amended(study, ENROLLED, randomised_groups=[{"id": "voice", "groups": {"loud": 1, "soft": 1}}])
    amended(study, ENROLLED, randomised_groups=[{"id": "voice", "groups": {"loud": 1, "soft": 1}}])

    # then
    groups = [list(person.data_groups.filter(name__in=["loud", "soft"]).values_list("name", flat=True)) for person in people]
    assert groups[:2] == [["loud"], []]
    assert groups[2] in (["loud"], ["soft"])


def test_the_record_says_what_was_changed_for_whom() -> None:
    study = make_study(ENROLLED)
    join(study, ENROLLED)
    amended(study, ENROLLED + timedelta(days=3), series={"interval": "P10W"})

    entry = AuditEntry.objects.get(what="protocol_amended")
    assert entry.details == {"version": 2, "people": 1, "moved": 1, "kept": 0}
    assert entry.actor_id == study.roles.get().user_id


def test_other_studies_are_left_alone() -> None:
    mine, other = make_study(ENROLLED), make_study(ENROLLED)
    person = join(other, ENROLLED)
    before = starts(person)

    amended(mine, ENROLLED, series={"count": 3})

    assert starts(person) == before


def test_who_comes_back_joins_by_the_newest() -> None:
    study = make_study(ENROLLED)
    user = make_user(time_zone="America/New_York", phone="+12065550100")
    first = enroll(study, user_id=user.pk, code="P1", time_zone="America/New_York", now=ENROLLED)
    withdraw(first, now=ENROLLED)
    amended(study, ENROLLED, series={"count": 2})

    again = enroll(study, user_id=user.pk, code="P2", time_zone="America/New_York", now=ENROLLED, again=True)

    assert again.version.number == 2
    assert len(starts(again)) == 2


def test_a_rule_more_is_followed_by_those_who_are_in_and_one_less_leaves_nothing() -> None:
    # given: a design with a visit, and one without
    study = make_study(ENROLLED)
    person = join(study, ENROLLED)
    document = with_visit()

    # when
    amended(study, ENROLLED, events=document["events"], nudges=document["nudges"])
    set_event(person, "custom:visit", date(2026, 2, 20), now=ENROLLED, who=STAFF)

    # then
    assert list(PlannerRow.objects.order_by("track").values_list("track", "is_eligible")) == [(0, True), (1, True), (2, True)]
    amended(study, ENROLLED)
    assert list(PlannerRow.objects.values_list("track", flat=True)) == [0]


def test_what_was_done_in_a_session_that_the_design_loses_counts_on() -> None:
    study = make_study(ENROLLED)
    person = join(study, ENROLLED)
    session = sessions_of(person, date(2026, 1, 10), date(2026, 1, 11), ENROLLED)[0]
    complete(person, session.id, started_at=ENROLLED, finished_at=ENROLLED, now=ENROLLED)
    schedules = copy.deepcopy(mpower_document()["schedules"])
    schedules[0]["sessions"][0]["id"] = "renamed"

    amended(study, ENROLLED, schedules=schedules, series={"count": 10})
    replan([person.pk], ENROLLED)

    assert PlannerRow.objects.get().done == 1
