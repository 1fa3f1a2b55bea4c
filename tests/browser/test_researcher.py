from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from scheduling.api import tick
from scheduling.models import ActivityEvent
from studies.api import Enrollment, StudyRole, import_protocol
from tests.factories import make_user
from tests.scheduling.test_tracks import two_series
from tests.scheduling.worlds import MPOWER, join, make_study, mpower_document

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenPage = Callable[..., Page]
CheckAccess = Callable[[Page], None]


def make_researcher() -> None:
    person = make_user("rosa", time_zone="America/New_York")
    person.user_permissions.add(Permission.objects.get(codename="add_study", content_type__app_label="studies"))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_researcher_brings_a_protocol_to_life(open_page: OpenPage, check_access: CheckAccess, width: int) -> None:
    make_researcher()
    page = open_page("rosa", width, path="/studies/new/")

    page.get_by_label("Name", exact=True).fill("mPower 2.0")
    page.get_by_label("Name for participants").fill("Daily Moments")
    check_access(page)
    page.get_by_role("button", name="Create the study").click()

    page.get_by_label("Or paste the document").fill('{"schema": "carillon-protocol/1",\n "id": ')
    page.get_by_role("button", name="Import and check").click()
    expect(page.get_by_text("This is not JSON from line 2")).to_be_visible()
    page.get_by_label("Or paste the document").fill("")
    page.get_by_label("File").set_input_files(MPOWER)
    page.get_by_role("button", name="Import and check").click()

    expect(page.get_by_text("9 bursts of 2 weeks.")).to_be_visible()
    page.get_by_label("Enrolls on").fill("2027-02-01")
    page.get_by_label("Time zone").select_option("Asia/Kolkata")
    page.get_by_role("button", name="Draw it for them").click()
    expect(page.get_by_text("1 Feb", exact=True)).to_be_visible()
    check_access(page)

    page.get_by_role("link", name="Go on to publish").click()
    check_access(page)
    page.get_by_role("button", name="Publish this version").click()
    expect(page.get_by_role("heading", name="mPower 2.0")).to_be_visible()
    expect(page.get_by_text("Protocol version 1")).to_be_visible()
    check_access(page)


@pytest.mark.parametrize("width", [1280, 390])
def test_an_owner_sees_whom_a_new_version_moves_and_brings_it_to_all(open_page: OpenPage, check_access: CheckAccess, width: int) -> None:
    # given
    now = timezone.now()
    study = make_study(now - timedelta(days=100))
    for number in range(3):
        join(study, now - timedelta(days=100 - 40 * number), phone=f"+1206555010{number}")
    StudyRole.objects.create(study=study, user=make_user("olga"), role=StudyRole.Role.OWNER)
    document = mpower_document()
    document["burst_series"][0] |= {"count": 10, "interval": {"value": 10, "unit": "week"}}
    import_protocol(study, document, actor_id=study.roles.get(user__username="olga").user_id, now=now)
    page = open_page("olga", width, path=reverse("study_publish", args=[study.public_id]))

    # when
    expect(page.get_by_text("3 participants get other dates.")).to_be_visible()
    check_access(page)
    page.get_by_role("radio", name="Everybody in the study, from now on").check()
    page.get_by_role("button", name="Publish this version").click()

    # then
    expect(page.get_by_text("Version 2 is published.")).to_be_visible()
    assert study.versions.get(number=1).amended_by == study.versions.get(number=2)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_coordinator_finds_who_is_behind_and_moves_a_burst(open_page: OpenPage, check_access: CheckAccess, javascript: bool) -> None:
    # given: five days into a burst, of which the third day's noon has passed everywhere
    now = timezone.now()
    study = make_study(now - timedelta(days=6))
    silent = join(study, now - timedelta(days=5))
    for hours in range(24):
        tick(now - timedelta(days=1) + timedelta(hours=hours))
    coordinator = make_user("cora")
    StudyRole.objects.create(study=study, user=coordinator, role=StudyRole.Role.COORDINATOR)

    page = open_page("cora", path="/studies/", javascript=javascript)
    page.get_by_role("link", name="mPower 2.0").click()
    page.get_by_role("navigation", name="Which participants").get_by_role("link", name="Behind").click()
    if javascript:
        check_access(page)
    page.get_by_role("table", name="Participants").get_by_role("link", name=silent.code).click()
    if javascript:
        check_access(page)

    page.get_by_text("Move a burst", exact=True).click()
    page.locator("#id_move-burst").select_option(index=1)
    to = silent.enrolled_date + timedelta(days=98)
    page.get_by_label("Starts on, where they are").fill(to.isoformat())
    page.get_by_label("Why").first.fill("On holiday")
    page.get_by_role("button", name="Move the burst").click()
    expect(page.get_by_text("On holiday")).to_be_visible()
    assert ActivityEvent.objects.get().date == to

    page.get_by_text("Withdraw the participant").click()
    page.get_by_label("Why").last.fill("Moved abroad")
    page.get_by_label("Take this participant out of the study for good").check()
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.locator("main").get_by_text("Withdrawn", exact=True)).to_be_visible()
    silent.refresh_from_db()
    assert silent.state == Enrollment.State.WITHDRAWN


@pytest.mark.parametrize("width", [1280, 390])
def test_a_viewer_sees_who_is_in_which_series_and_why_they_were_told_or_not(
    open_page: OpenPage, check_access: CheckAccess, width: int
) -> None:
    # given: somebody on the fifth day of the further series, reminded on its fourth
    now = timezone.now()
    study = make_study(now - timedelta(days=40), two_series())
    silent = join(study, now - timedelta(days=34))
    for hours in range(24):
        tick(now - timedelta(days=1) + timedelta(hours=hours))
    viewer = make_user("vera")
    StudyRole.objects.create(study=study, user=viewer, role=StudyRole.Role.VIEWER)
    page = open_page("vera", width, path=reverse("study", args=[study.public_id]))

    # when
    page.get_by_role("navigation", name="Which participants").get_by_role("link", name="In a burst").click()
    people = page.get_by_role("table", name="Participants")
    expect(people.get_by_text("booster")).to_be_visible()
    check_access(page)
    people.get_by_role("link", name=silent.code).click()
    expect(page.get_by_role("heading", name="Burst 1 · booster")).to_be_visible()
    page.get_by_label("Day, where they are").fill((silent.enrolled_date + timedelta(days=20)).isoformat())
    page.get_by_role("button", name="Explain the day").click()

    # then
    told = page.get_by_role("table", name="What was decided on this day")
    expect(told.get_by_text("They are not in a burst.")).to_have_count(2)
    expect(told.get_by_text("booster")).to_have_count(2)
    check_access(page)
