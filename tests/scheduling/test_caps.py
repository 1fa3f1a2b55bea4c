from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Q

from channels_ace.api import Delivery, deliver_all
from scheduling.api import Nudge, NudgeDecision, tick
from studies.api import Enrollment, enroll
from tests.factories import make_user
from tests.fakes import Doubles
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, mpower_document

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_caps_take_none_of_the_seventeen_texts_from_who_does_nothing(doubles: Doubles) -> None:
    # The text before a burst and the early one are four days apart, across changes of clocks too.
    enrollment = join(make_study(ENROLLED), ENROLLED)

    for day in range(750):
        at = noon(enrollment.enrolled_date + timedelta(days=day))
        if tick(at):
            deliver_all(at)

    assert Counter(Delivery.objects.filter(channel="sms").values_list("state", "reason")) == {("accepted", "accepted"): 17}


def by_channel(channel: str, clock: str, **rule: Any) -> dict[str, Any]:
    document = mpower_document()
    document["nudges"] = [document["nudges"][0] | {"channels": [channel], "send_at": clock, **rule}]
    return document


def in_studies(*documents: dict[str, Any], days: Sequence[int]) -> list[Enrollment]:
    """This function will let one person, who is reached by every channel, join studies so many days after the first."""
    person = make_user(time_zone="America/New_York", phone="+12065550100", email="a@example.org", device="tablet")
    return [
        enroll(make_study(ENROLLED, one), user_id=person.pk, code="P", time_zone="America/New_York", now=ENROLLED + timedelta(days=day))
        for one, day in zip(documents, days, strict=True)
    ]


def told(enrollment: Enrollment) -> list[tuple[int, str]]:
    """This function will list the days, from the first enrollment on, and reasons of what was wanted for somebody."""
    found = NudgeDecision.objects.filter(
        Q(decision__in=["early", "late"]) | Q(reason__in=["capped", "reminded_lately"]), enrollment=enrollment
    )
    return [((on - ENROLLED.date()).days, reason) for on, reason in found.order_by("local_date").values_list("local_date", "reason")]


EARLY = "consecutive_missed_threshold_early"


@pytest.mark.django_db
@pytest.mark.parametrize("channel", ["push", "email", "sms"])
def test_a_nudge_of_any_channel_counts_for_all_of_a_persons_studies_for_a_day(channel: str) -> None:
    first, second = in_studies(by_channel(channel, "17:30"), by_channel("push", "12:00"), days=[0, 1])

    assert tick(at(3, "17:30")) == 1
    assert tick(at(4, "12:00")) == 0
    assert tick(at(5, "12:00")) == 1

    assert told(first) == [(3, EARLY)]
    assert told(second) == [(4, "capped"), (5, EARLY)]


@pytest.mark.django_db
def test_two_in_four_days_and_four_in_ten_are_the_most() -> None:
    documents = [by_channel("email", "12:00") for _ in range(6)]
    enrollments = in_studies(*documents, days=[0, 1, 2, 3, 4, 5])

    for day in range(3, 19):
        tick(at(day, "12:00"))

    days = sorted(day for one in enrollments for day, reason in told(one) if reason == EARLY)
    late = sorted((on - ENROLLED.date()).days for on in Nudge.objects.values_list("local_date", flat=True))
    assert days == late[: len(days)]
    assert late == [3, 4, 7, 8, 13, 14]


@pytest.mark.django_db
def test_what_reached_nobody_and_reminders_of_sessions_count_for_no_cap() -> None:
    first, second = in_studies(by_channel("email", "17:30"), by_channel("push", "12:00"), days=[0, 1])
    shared = {"burst": 1, "kind": "session", "variant": "1", "local_date": date(2026, 1, 13), "message_id": 0}
    Nudge.objects.create(enrollment=first, slot="session:daily:1:04:0:1", nudged_at=at(4, "09:00"), **shared)
    assert tick(at(3, "17:30")) == 1
    Delivery.objects.filter(channel="email").update(state=Delivery.State.UNDELIVERABLE, reason="refused_for_good")

    assert tick(at(4, "12:00")) == 1
    assert told(second) == [(4, EARLY)]


def at(day: int, clock: str) -> datetime:
    return datetime.combine(ENROLLED.date() + timedelta(days=day), time.fromisoformat(clock), ZoneInfo("America/New_York"))
