from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from channels_ace.models import Delivery, Recipient
from notifications.settings_form import change
from scheduling.api import report_zone, tick
from scheduling.models import Nudge, NudgeDecision, PlannerRow
from studies.api import AuditEntry, Enrollment
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

# In Tokyo it is the next day already.
ENROLLED = datetime(2026, 1, 10, 20, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def enrolled(policy: str, zone: str = "America/New_York") -> Enrollment:
    return join(make_study(ENROLLED, {**mpower_document(), "time_zone_policy": policy}), ENROLLED, zone=zone)


@pytest.mark.parametrize(
    ("policy", "during", "after"),
    [
        ("follow", "Asia/Tokyo", "Asia/Tokyo"),
        ("pin", "America/New_York", "America/New_York"),
        ("pin_for_burst", "America/New_York", "Asia/Tokyo"),
    ],
)
def test_a_flight_on_the_fourth_day_changes_what_the_policy_lets_it(policy: str, during: str, after: str) -> None:
    enrollment = enrolled(policy)

    report_zone(enrollment.user_id, "Asia/Tokyo", ENROLLED + 4 * DAY)
    enrollment.refresh_from_db()
    assert enrollment.time_zone == during
    for day in range(5, 40):
        tick(noon(date(2026, 1, 10) + day * DAY, enrollment.time_zone))
        enrollment.refresh_from_db()

    assert enrollment.time_zone == after
    plan = PlannerRow.objects.get(enrollment=enrollment)
    assert (plan.time_zone, plan.burst, plan.burst_start) == (after, 2, date(2026, 4, 11))


def test_between_bursts_a_pinned_zone_follows() -> None:
    enrollment = enrolled("pin_for_burst")

    report_zone(enrollment.user_id, "Asia/Tokyo", ENROLLED + 40 * DAY)

    enrollment.refresh_from_db()
    assert enrollment.time_zone == "Asia/Tokyo"


@pytest.mark.parametrize("policy", ["follow", "pin", "pin_for_burst"])
def test_the_first_zone_is_taken_and_settles_the_local_date(policy: str) -> None:
    enrollment = enrolled(policy, zone="")
    assert PlannerRow.objects.get(enrollment=enrollment).time_zone == ""

    report_zone(enrollment.user_id, "Asia/Tokyo", ENROLLED + DAY)

    enrollment.refresh_from_db()
    assert (enrollment.time_zone, enrollment.enrolled_date) == ("Asia/Tokyo", date(2026, 1, 11))
    plan = PlannerRow.objects.get(enrollment=enrollment)
    assert (plan.time_zone, plan.burst_start) == ("Asia/Tokyo", date(2026, 1, 11))
    assert AuditEntry.objects.get(what="time_zone").details["after"] == "Asia/Tokyo"


def test_who_travels_west_after_their_noon_is_decided_about_once_and_spoils_nobody_elses_run() -> None:
    study = make_study(ENROLLED)
    traveller, at_home = (
        join(study, ENROLLED, phone="+12065550101"),
        join(study, ENROLLED, zone="America/Los_Angeles", phone="+12065550102"),
    )
    third = date(2026, 1, 13)

    assert tick(noon(third)) == 1
    report_zone(traveller.user_id, "America/Los_Angeles", noon(third) + timedelta(hours=1))
    assert tick(noon(third, "America/Los_Angeles")) == 1

    assert NudgeDecision.objects.filter(rule="missed", local_date=third).count() == 2
    assert set(Nudge.objects.values_list("enrollment_id", flat=True)) == {traveller.pk, at_home.pk}
    assert Delivery.objects.filter(channel="sms", message__type="studies.nudge").count() == 2


def test_who_travels_across_the_date_line_is_reminded_once() -> None:
    enrollment = enrolled("follow", zone="Pacific/Auckland")

    for hour in range(24 * 12):
        at = ENROLLED + timedelta(hours=hour)
        if hour in (60, 100, 140):
            report_zone(enrollment.user_id, {60: "Pacific/Honolulu", 100: "Pacific/Kiritimati", 140: "Europe/Berlin"}[hour], at)
        tick(at)

    assert Nudge.objects.count() == 1


@pytest.mark.parametrize(
    ("policy", "during", "between"),
    [
        ("follow", "Asia/Tokyo", "Europe/Madrid"),
        ("pin", "America/New_York", "America/New_York"),
        ("pin_for_burst", "America/New_York", "Europe/Madrid"),
    ],
)
@pytest.mark.parametrize("way", ["page", "api"])
def test_a_zone_chosen_in_the_settings_is_a_report_of_it(client: Client, way: str, policy: str, during: str, between: str) -> None:
    enrollment = enrolled(policy)
    client.force_login(enrollment.user)
    seen = []
    for zone, later in (("Asia/Tokyo", 4 * DAY), ("Europe/Madrid", 40 * DAY)):
        with time_machine.travel(ENROLLED + later, tick=False):
            if way == "page":
                client.post("/settings/", {"changed": "zone", "value": zone}, headers={"Accept": "application/json"})
            else:
                client.patch("/api/v1/preferences/place/", {"zone": zone}, content_type="application/json")
        enrollment.refresh_from_db()
        seen.append(enrollment.time_zone)

    assert seen == [during, between]
    assert Recipient.objects.get(user=enrollment.user).time_zone == "Europe/Madrid"
    assert PlannerRow.objects.get(enrollment=enrollment).time_zone == between


def test_a_chosen_zone_is_the_first_of_an_enrollment_without_one(client: Client) -> None:
    enrollment = enrolled("pin", zone="")

    change(enrollment.user_id, "zone", "Asia/Tokyo", now=ENROLLED + DAY)

    enrollment.refresh_from_db()
    assert (enrollment.time_zone, enrollment.enrolled_date) == ("Asia/Tokyo", date(2026, 1, 11))


def test_where_nobody_asks_to_be_told_a_chosen_zone_is_the_persons_alone(settings: Any) -> None:
    del settings.AFTER_ZONE
    enrollment = enrolled("follow")

    change(enrollment.user_id, "zone", "Asia/Tokyo", now=ENROLLED + DAY)

    enrollment.refresh_from_db()
    assert enrollment.time_zone == "America/New_York"
    assert Recipient.objects.get(user=enrollment.user).time_zone == "Asia/Tokyo"
