from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from channels_ace.api import ZONES, ContactPoint, Recipient, suppress
from notifications.api import Preference, notify
from notifications.preferences import Cell, matrix
from notifications.preview import DIGEST, would_have_sent
from notifications.resting import mute, mutes_of, rest_of
from notifications.zone_choices import zone_choices
from tests.factories import NOW, make_contact, make_member, make_user

pytestmark = pytest.mark.django_db

COURSE = "course-v1:a+b+c"
JSON = {"Accept": "application/json"}


def date_in(days: int) -> str:
    return (timezone.now() + timedelta(days=days)).date().isoformat()


@pytest.fixture
def ana() -> User:
    return make_user("ana", time_zone="Africa/Lagos", language="en", email="ana@example.org", device="device-1")


@pytest.fixture
def browser(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def cell(person: User, scope: str, channel: str) -> Cell:
    rows = [row for section in matrix(person.pk) for row in (section.row, *section.rows)]
    return next(cell for row in rows if row.scope == scope for cell in row.cells if cell.channel == channel)


def change(browser: Client, name: str, value: str) -> Any:
    return browser.post("/settings/", {"changed": name, "value": value}, headers=JSON)


def form_of(page: Any) -> dict[str, str]:
    """This function will give what a browser without JavaScript posts from the page as it stands."""
    reachable = {channel["key"] for channel in page.context["channels"] if channel["available"]}
    rows = [page.context["everything"], *(row for category in page.context["categories"] for row in category["rows"])]
    cells = [cell for row in rows for cell in row["cells"] if cell["available"] and not cell["locked"] and cell["channel"] in reachable]
    switches = {cell["name"]: "on" for cell in cells if cell["checked"]}
    days = {name: "on" for name, _label, checked in page.context["rest"]["days"] if checked}
    return {**switches, **days, "zone": page.context["zone"]["value"], "language": page.context["language"]["value"]}


def test_a_visitor_is_sent_to_sign_in(client: Client) -> None:
    assert client.get("/settings/").headers["Location"] == "/sign-in/?next=/settings/"
    assert change(client, "zone", "UTC").status_code == 401


def test_looking_changes_nothing(browser: Client) -> None:
    assert browser.get("/settings/").status_code == 200
    assert not Preference.objects.exists()


def test_a_switch_saves_itself_and_the_answer_tells_what_now_holds(ana: User, browser: Client) -> None:
    answer = change(browser, "dates.assignment_due:email", "off").json()
    assert answer["saved"] is True
    assert answer["holds"]["dates.assignment_due:email"] == "off"
    assert answer["holds"]["zone"] == "Africa/Lagos"
    assert not cell(ana, "dates.assignment_due", "email").is_on


def test_a_categorys_switch_answers_with_the_switches_it_moved(browser: Client) -> None:
    change(browser, "dates.assignment_due:email", "off")
    answer = change(browser, "course_dates:email", "on").json()
    assert answer["holds"]["dates.assignment_due:email"] == "on"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("account.password_changed:email", "off"),  # locked
        ("dates.assignment_due:sms", "on"),  # not sent this way
        ("dates.assignment_due:pigeon", "on"),
        ("nonsense", "on"),
        ("discussion.content_reported:email", "off"),  # for moderators
        ("dates.assignment_due:email", "maybe"),
        ("zone", "Mars/Olympus"),
        ("zone", ""),
        ("language", "tlh"),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_a_sentence_for_its_field(ana: User, browser: Client, name: str, value: str) -> None:
    answer = change(browser, name, value)
    assert answer.status_code == 400
    assert answer.json()["field"] == name
    assert answer.json()["detail"].endswith(".")
    assert not Preference.objects.exists()
    assert Recipient.objects.get(user=ana).time_zone == "Africa/Lagos"


def test_the_form_as_it_stands_changes_nothing(browser: Client) -> None:
    change(browser, "dates.assignment_due:email", "off")
    before = set(Preference.objects.values_list("scope", "channel", "is_on"))
    browser.post("/settings/", form_of(browser.get("/settings/")))
    assert set(Preference.objects.values_list("scope", "channel", "is_on")) == before


def test_the_form_saves_every_difference_and_says_so_once(ana: User, browser: Client) -> None:
    form = form_of(browser.get("/settings/"))
    del form["dates.assignment_due:push"]
    form |= {"other.announcement:email": "on", "zone": "Asia/Kolkata", "language": "es"}
    page = browser.post("/settings/", form, follow=True)
    assert page.redirect_chain == [("/settings/", 302)]
    assert page.context["saved"]
    assert not browser.get("/settings/").context["saved"]
    assert not cell(ana, "dates.assignment_due", "push").is_on
    assert cell(ana, "other.announcement", "email").is_on
    recipient = Recipient.objects.get(user=ana)
    assert (recipient.time_zone, recipient.language) == ("Asia/Kolkata", "es")


def test_in_the_form_a_category_moves_its_types_and_a_type_set_beside_it_holds(ana: User, browser: Client) -> None:
    form = form_of(browser.get("/settings/"))
    del form["other:inbox"], form["grading.ora_grade_assigned:email"]
    browser.post("/settings/", form)
    assert not cell(ana, "other.announcement", "inbox").is_on
    assert not cell(ana, "grading.ora_grade_assigned", "email").is_on
    assert cell(ana, "updates.course_updates", "email").is_on


def test_a_switch_of_a_channel_that_does_not_reach_the_person_keeps_its_value(ana: User, browser: Client) -> None:
    form = form_of(browser.get("/settings/"))
    assert "studies.nudge:sms" not in form
    browser.post("/settings/", form)
    assert cell(ana, "studies.nudge", "sms").is_on


def test_a_form_that_was_cut_short_turns_nothing_off(browser: Client) -> None:
    page = browser.post("/settings/", {})
    assert page.status_code == 400
    assert "Nothing was saved." in page.content.decode()
    assert not Preference.objects.exists()


def test_a_form_with_a_wrong_zone_saves_nothing_and_says_it_beside_the_field(browser: Client) -> None:
    form = form_of(browser.get("/settings/")) | {"zone": "Mars/Olympus"}
    del form["dates.assignment_due:push"]
    page = browser.post("/settings/", form)
    assert page.status_code == 400
    assert page.context["zone"]["error"] == "Choose a time zone from the list."
    assert 'aria-invalid="true"' in page.content.decode()
    assert not Preference.objects.exists()


def test_saving_needs_the_token_of_the_page(ana: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    assert change(client, "zone", "UTC").status_code == 403


def test_what_is_only_for_moderators_is_shown_to_moderators(browser: Client, ana: User) -> None:
    assert "Reported content" not in browser.get("/settings/").content.decode()
    make_member(ana, role="moderator")
    assert "Reported content" in browser.get("/settings/").content.decode()


def test_a_locked_switch_says_so_and_has_no_switch(browser: Client) -> None:
    html = browser.get("/settings/").content.decode()
    assert "This is always sent: it cannot be turned off." in html
    assert 'name="account.password_changed:email"' not in html


def reason_of(browser: Client, key: str) -> str:
    return next(str(way["unavailable_reason"]) for way in browser.get("/settings/").context["channels"] if way["key"] == key)


def test_a_channel_without_an_address_says_who_can_add_it(browser: Client) -> None:
    assert "We have no verified phone number of yours." in reason_of(browser, "sms")
    assert reason_of(browser, "email") == ""
    assert reason_of(browser, "inbox") == ""


def test_a_channel_whose_address_is_not_verified_says_so(ana: User, browser: Client) -> None:
    make_contact(ana, "phone", "+12065550100", verified=False)
    assert reason_of(browser, "sms") == "…0100 has not been verified yet, so nothing is sent there."


def test_a_channel_whose_address_said_stop_says_how_to_lift_it(ana: User, browser: Client) -> None:
    make_contact(ana, "phone", "+12065550100")
    suppress(channel="sms", kind="phone", address="+12065550100", reason="stop", now=NOW)
    assert "The number replied STOP." in reason_of(browser, "sms")


def test_a_stop_for_one_study_leaves_the_channel_to_the_others(ana: User, browser: Client) -> None:
    make_contact(ana, "phone", "+12065550100")
    suppress(channel="sms", kind="phone", address="+12065550100", reason="stop", now=NOW, scope="study:1")
    assert reason_of(browser, "sms") == ""


def test_addresses_are_never_shown_in_clear(ana: User, browser: Client) -> None:
    make_contact(ana, "phone", "+12065550100")
    html = browser.get("/settings/").content.decode()
    assert "a…@example.org" in html
    assert "…0100" in html
    assert "ana@example.org" not in html
    assert "2065550100" not in html


def test_an_address_can_be_removed_and_is_not_used_any_more(ana: User, browser: Client) -> None:
    point = next(point for point in browser.get("/settings/").context["contact_points"] if point["label"] == "a…@example.org")
    page = browser.post(point["remove_url"], follow=True)
    assert "a…@example.org is removed." in page.content.decode()
    assert "We have no e-mail address of yours." in reason_of(browser, "email")
    assert ContactPoint.objects.get(user=ana, kind="email").removed_at is not None
    assert browser.post(point["remove_url"]).status_code == 404


def test_another_persons_address_cannot_be_removed(browser: Client) -> None:
    ben = make_user("ben", email="ben@example.org")
    other = Client()
    other.force_login(ben)
    url = other.get("/settings/").context["contact_points"][0]["remove_url"]
    assert browser.post(url).status_code == 404
    assert ContactPoint.objects.get(user=ben).removed_at is None


def test_a_get_does_not_remove_an_address(browser: Client) -> None:
    url = browser.get("/settings/").context["contact_points"][0]["remove_url"]
    assert browser.get(url).status_code == 405


def test_zones_are_listed_once_by_country_and_are_all_known() -> None:
    listed = [zone for _country, zones in zone_choices("") for zone, _label in zones]
    assert len(listed) == len(set(listed))
    assert set(listed) <= ZONES
    assert ("America/Argentina/Buenos_Aires", "Buenos Aires, Argentina") in dict(zone_choices(""))["Argentina"]


def test_a_zone_of_no_country_is_listed_while_it_is_the_persons_own() -> None:
    assert zone_choices("US/Pacific")[0] == ("Your zone now", [("US/Pacific", "US/Pacific")])
    assert zone_choices("Africa/Lagos")[0][0] == "Afghanistan"


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("cadence:discussion.activity", "daily", "Diario"),
        ("*:email", "off", "maybe"),
        ("opens", "10", "24"),
        ("closes", "18", "0"),
        ("day:6", "off", ""),
        ("paused_until", date_in(7), date_in(-1)),
    ],
)
def test_each_choice_saves_itself_and_a_wrong_one_is_refused(browser: Client, name: str, value: str, wrong: str) -> None:
    assert change(browser, name, value).json()["holds"][name] == value
    refused = change(browser, name, wrong)
    assert (refused.status_code, refused.json()["field"]) == (400, name)
    assert browser.get("/settings/").status_code == 200
    assert change(browser, "language", "en").json()["holds"][name] == value


@pytest.mark.parametrize("name", ["day:7", "day:", "cadence:", "cadence:nothing.known", "*:pigeon", "opens:", ":", "*"])
def test_a_field_that_is_not_there_is_refused(browser: Client, name: str) -> None:
    assert change(browser, name, "on").status_code == 400


@pytest.mark.parametrize("value", ["", "nonsense", "99", "²", "-1"])
def test_an_hour_that_is_none_is_refused(browser: Client, value: str) -> None:
    assert change(browser, "opens", value).status_code == 400


@pytest.mark.parametrize("value", ["nonsense", "9999-12-31", "0001-01-01", date_in(500)])
def test_a_date_that_a_pause_cannot_end_on_is_refused(browser: Client, value: str) -> None:
    assert change(browser, "paused_until", value).status_code == 400


def test_both_ends_of_ones_hours_move_together_without_javascript(ana: User, browser: Client) -> None:
    for opens, closes in ((9, 12), (18, 22)):
        browser.post("/settings/", form_of(browser.get("/settings/")) | {"opens": str(opens), "closes": str(closes)})
        assert (rest_of(ana.pk).opens, rest_of(ana.pk).closes) == (opens, closes)


def test_the_last_day_stays(browser: Client) -> None:
    for day in range(6):
        change(browser, f"day:{day}", "off")
    assert change(browser, "day:6", "off").json()["detail"] == "Leave at least one day."


def test_every_line_has_an_address_and_a_shared_one_says_what_is_in_it(browser: Client) -> None:
    html = browser.get("/settings/").content.decode()
    assert 'id="type-discussion.activity"' in html
    assert 'id="type-account.password_changed"' in html
    assert "Comments in posts you follow" in html


def test_a_mute_is_added_listed_and_removed(ana: User, browser: Client) -> None:
    page = browser.post("/settings/mutes/", {"key": COURSE, "label": "Statistics"}, follow=True)
    assert "Statistics" in page.content.decode()
    assert [mute.key for mute in mutes_of(ana.pk)] == [COURSE]
    assert browser.get("/settings/mutes/removal/").status_code == 405
    browser.post("/settings/mutes/removal/", {"key": COURSE})
    assert mutes_of(ana.pk) == []
    assert browser.post("/settings/mutes/removal/", {"key": COURSE}).status_code == 404
    assert browser.post("/settings/mutes/", {"key": ""}).status_code == 404


def test_the_preview_counts_ones_own_messages_as_the_choices_of_now_would_have_sent_them(ana: User, browser: Client) -> None:
    now = timezone.now()
    for number in range(3):
        context = {"replier_name": "Lee", "post_title": f"Post {number}"}
        notify(type="discussion.new_response", audience=[ana], context=context, scope=COURSE, now=now - timedelta(days=2))
    notify(type="discussion.new_response", audience=[ana], context=context, scope=COURSE, now=now - timedelta(days=40))
    assert would_have_sent(ana.pk, now) == {"inbox": 3, "email": 3, "push": 3}
    answer = change(browser, "cadence:discussion.activity", "daily").json()
    assert "gathered in digests 3" in answer["preview"]
    change(browser, "discussion.activity:push", "off")
    assert would_have_sent(ana.pk, now) == {"inbox": 3, DIGEST: 3}
    change(browser, "*:email", "off")
    assert would_have_sent(ana.pk, now) == {"inbox": 3}
    mute(ana.pk, COURSE, "", now=now)
    assert would_have_sent(ana.pk, now) == {}
