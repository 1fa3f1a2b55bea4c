"""Why somebody was reminded on a day, or was not: as it was kept, or as it follows."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from scheduling.api import report_zone, set_event, tick
from scheduling.events import Who
from scheduling.explain import explain_day
from scheduling.models import RunLedger
from studies.api import Enrollment, pause, resume, withdraw
from tests.factories import make_user
from tests.scheduling.test_nudges import noon
from tests.scheduling.test_tracks import two_series
from tests.scheduling.worlds import join, make_study

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = noon(date(2026, 6, 1))
STAFF = Who(is_staff=True)


@pytest.fixture
def person() -> Enrollment:
    return join(make_study(ENROLLED), ENROLLED)


def reasons(person: Enrollment, on: date, now: datetime = LATER) -> dict[str, str]:
    person.refresh_from_db()
    return {found.rule.id: found.reason for found in explain_day(person, on, now)}


def test_what_was_kept_is_told_as_it_was(person: Enrollment) -> None:
    for day in range(5):
        tick(noon(person.enrolled_date + day * DAY))
    set_event(person, "custom:activityBurst1Start", None, now=LATER, who=STAFF)

    assert reasons(person, date(2026, 1, 11))["missed"] == "blackout_start"
    assert reasons(person, date(2026, 1, 13))["missed"] == "consecutive_missed_threshold_early"
    assert reasons(person, date(2026, 1, 14))["missed"] == "already_notified"
    (found, _before) = explain_day(person, date(2026, 1, 13), LATER)
    assert found.decided is not None
    assert (found.decided.decision, found.decided.channel) == ("early", "sms")


@pytest.mark.parametrize(
    ("on", "missed", "before"),
    [
        (date(2026, 1, 9), "not_joined_yet", "not_joined_yet"),
        (date(2026, 1, 12), "run_missed", "nothing_near"),
        (date(2026, 2, 20), "not_in_burst", "nothing_near"),
        (date(2026, 4, 10), "not_in_burst", "run_missed"),
        (date(2026, 7, 10), "not_in_burst", "not_decided_yet"),
        (date(2026, 7, 12), "not_decided_yet", "nothing_near"),
        (date(2200, 1, 1), "not_in_burst", "nothing_near"),
    ],
)
def test_of_a_day_without_a_decision_it_follows_from_their_dates(person: Enrollment, on: date, missed: str, before: str) -> None:
    found = list(reasons(person, on).values())

    assert found == [missed, before]


def test_what_kept_them_out_then_is_found_in_the_studys_record(person: Enrollment) -> None:
    on, at = date(2026, 1, 13), noon(date(2026, 1, 13))
    pause(person, now=at - DAY)
    resume(person, now=at + DAY)
    assert reasons(person, on)["missed"] == "paused"
    assert reasons(person, on + 2 * DAY)["missed"] == "run_missed"

    withdraw(person, now=at + 3 * DAY)
    assert reasons(person, on)["missed"] == "paused"
    assert reasons(person, on + 4 * DAY)["missed"] == "withdrawn"


def test_without_consent_or_zone_it_says_so() -> None:
    study = make_study(ENROLLED)
    without = join(study, ENROLLED, consented=False)
    nowhere = join(study, ENROLLED, zone="", phone="+12065550101")
    on = date(2026, 1, 12)

    assert reasons(without, on)["missed"] == "not_consented"
    assert reasons(nowhere, on)["missed"] == "no_time_zone"
    report_zone(nowhere.user_id, "Asia/Tokyo", noon(date(2026, 1, 13), "Asia/Tokyo"))
    assert reasons(nowhere, on)["missed"] == "no_time_zone"
    assert reasons(nowhere, on + DAY)["missed"] == "run_missed"


def test_a_run_that_looked_at_others_is_told_from_one_that_never_came(person: Enrollment) -> None:
    on = date(2026, 1, 13)
    RunLedger.objects.create(version=person.version, rule="missed", time_zone="America/New_York", local_date=on, ran_at=noon(on))

    assert reasons(person, on)["missed"] == "stood_elsewhere"


def test_every_series_and_event_has_its_line() -> None:
    document = two_series()
    document["events"] = [{"id": "custom:visit"}]
    missed = document["nudges"][0] | {"id": "after-visit", "event": "custom:visit", "length_days": 5, "counts": "study-burst-task"}
    missed.pop("series", None)
    document["nudges"].append(missed | {"complete_after_days": 5})
    person = join(make_study(ENROLLED, document), ENROLLED)
    set_event(person, "custom:visit", date(2026, 3, 1), now=ENROLLED, who=STAFF)

    found = reasons(person, date(2026, 3, 2))

    assert found == {
        "missed": "not_in_burst",
        "before": "nothing_near",
        "booster-missed": "not_in_burst",
        "booster-before": "nothing_near",
        "after-visit": "run_missed",
    }
    assert reasons(person, date(2026, 2, 10))["booster-missed"] == "run_missed"


def page(client: Client, person: Enrollment, query: str) -> str:
    return client.get(reverse("participant", args=[person.study.public_id, person.public_id]) + query).content.decode()


def test_a_researcher_asks_about_any_day_on_the_page(client: Client, person: Enrollment) -> None:
    viewer = make_user()
    person.study.roles.create(user=viewer, role="viewer")
    client.force_login(viewer)

    asked, future, wrong, none = (page(client, person, query) for query in ("?day=2026-02-20", "?day=2100-12-31", "?day=soon", ""))

    assert "They are not in a burst." in asked
    assert "What was decided on this day" in future
    assert "What was decided on this day" not in wrong
    assert "Enter a valid date." in wrong
    assert "Explain the day" in none
    assert "Enter a valid date." not in none


def test_bursts_of_several_series_are_told_apart_on_the_page(client: Client) -> None:
    now = timezone.now()
    study = make_study(now - 45 * DAY, two_series())
    person = join(study, now - 40 * DAY)
    client.force_login(study.roles.get().user)

    shown = page(client, person, "")

    assert "Burst 1 · <bdi>booster</bdi>" in shown
    assert "Burst 1 · <bdi>activityBurst</bdi>" in shown
    assert "· booster</option>" in shown
    assert "Burst 2 starts · booster" in shown


def test_with_one_series_nobody_is_told_its_name(client: Client) -> None:
    person = join(make_study(ENROLLED), ENROLLED)
    client.force_login(person.study.roles.get().user)

    assert "· activityBurst" not in page(client, person, "")
