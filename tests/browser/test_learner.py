import re

import pytest
from playwright.sync_api import Route, expect

from accounts.models import User
from notifications.api import InboxItem, Preference, notify
from tests.browser.conftest import CheckAccess, OpenPage
from tests.factories import COURSE, make_contact, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a-learner-of-tests"
LINK = "https://lms.example.org/courses/1/posts/2"


@pytest.fixture
def ana() -> User:
    person = make_user("ana", time_zone="Africa/Lagos", email="ana@example.org", device="device-1")
    make_contact(person, "phone", verified=False)
    person.set_password(PASSWORD)
    person.save()
    # That the password is another now is told, too, and is not what these tests look for.
    InboxItem.objects.all().delete()
    for title in ("Confidence intervals", "Week 2 quiz"):
        context = {"course_name": "Statistics", "replier_name": "lee", "post_title": title}
        notify(type="discussion.new_response", audience=[person], context=context, link=LINK, scope=COURSE)
    return person


def test_a_learner_signs_in_sees_the_inbox_and_opens_an_item(ana: User, open_page: OpenPage) -> None:
    page = open_page(path="/inbox/")
    page.locator("#id_username").fill("ana")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#id_password").press("Enter")
    expect(page.get_by_role("heading", name="Inbox", level=1)).to_be_visible()
    # The platform is not there: what counts is where the browser goes.
    page.route(f"{LINK}*", lambda route: answer_for_the_platform(route))
    page.get_by_role("button", name=re.compile("lee answered your post “Week 2 quiz”")).first.click()
    expect(page.get_by_role("heading", name="The platform")).to_be_visible()
    assert page.url == LINK
    assert [item.read_at is not None for item in InboxItem.objects.filter(user=ana).order_by("message_id")] == [False, True]


def answer_for_the_platform(route: Route) -> None:
    route.fulfill(content_type="text/html", body="<!doctype html><link rel='icon' href='data:,'><h1>The platform</h1>")


def test_an_item_is_marked_as_read_without_leaving_and_that_can_be_undone(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/inbox/")
    page.get_by_role("button", name="Mark as read: lee answered your post “Week 2 quiz”.").click()
    expect(page.locator(".item.is-unread")).to_have_count(1)
    assert InboxItem.objects.filter(user=ana, read_at=None).count() == 1
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".item.is-unread")).to_have_count(2)
    assert InboxItem.objects.filter(user=ana, read_at=None).count() == 2


def test_the_keyboard_moves_through_the_inbox_and_marks_as_read(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/inbox/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("u")
    expect(page.locator(".item.is-unread")).to_have_count(1)
    expect(page.locator(".item").nth(1)).not_to_have_class(re.compile("is-unread"))


def test_a_switch_that_is_turned_off_stays_off(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/settings/")
    page.get_by_role("switch", name="Due dates: E-mail").uncheck()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("switch", name="Due dates: E-mail")).not_to_be_checked()
    expect(page.get_by_role("switch", name="Due dates: Inbox")).to_be_checked()


def test_a_categorys_switch_moves_those_below_it_and_undo_brings_each_back(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/settings/")
    everything = page.get_by_role("switch", name="Everything in “Other”: Inbox")
    page.get_by_role("switch", name="Announcements: Inbox").uncheck()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    everything.uncheck()
    expect(page.get_by_role("switch", name="Grades: Inbox")).not_to_be_checked()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("switch", name="Grades: Inbox")).to_be_checked()
    expect(page.get_by_role("switch", name="Announcements: Inbox")).not_to_be_checked()
    page.reload()
    expect(page.get_by_role("switch", name="Grades: Inbox")).to_be_checked()
    expect(page.get_by_role("switch", name="Announcements: Inbox")).not_to_be_checked()


def test_everything_works_without_javascript(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/settings/", javascript=False)
    page.get_by_role("switch", name="Due dates: E-mail").uncheck()
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Your settings are saved.")).to_be_visible()
    assert list(Preference.objects.values_list("scope", "channel", "is_on")) == [("dates.assignment_due", "email", False)]
    page.goto("/inbox/")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".item.is-unread")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_used_by_everyone(ana: User, open_page: OpenPage, check_access: CheckAccess, width: int, scheme: str) -> None:
    page = open_page("ana", width)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in ("/inbox/", "/inbox/?category=study", "/settings/"):
        page.goto(path)
        check_access(page)
    page.goto("/inbox/")
    page.locator(".item summary").first.click()
    page.get_by_role("link", name="Why did I get this?").click()
    expect(page.get_by_role("heading", name="Why did I get this?")).to_be_visible()
    check_access(page)
