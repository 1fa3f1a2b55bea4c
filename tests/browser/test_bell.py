"""The bell of every page: a link, and with JavaScript a panel that shows the inbox where the reader is."""

import pytest
from playwright.sync_api import expect

from accounts.models import User
from notifications.api import InboxItem, notify
from tests.browser.conftest import CheckAccess, OpenPage
from tests.factories import COURSE, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def tell(person: User, title: str) -> None:
    context = {"course_name": "Statistics", "replier_name": "lee", "post_title": title}
    notify(type="discussion.new_response", audience=[person], context=context, scope=COURSE)


@pytest.fixture
def ana() -> User:
    person = make_user("ana", time_zone="America/New_York")
    for title in ("Week 1", "Week 2", "Week 3"):
        tell(person, title)
    return person


def unseen() -> int:
    return InboxItem.objects.filter(seen_at=None).count()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_bell_opens_a_panel_by_keyboard_and_gives_the_focus_back(
    ana: User, open_page: OpenPage, check_access: CheckAccess, width: int
) -> None:
    page = open_page("ana", width, path="/settings/")
    bell = page.get_by_role("button", name="Inbox, new: 3")
    expect(bell).to_have_attribute("aria-expanded", "false")
    assert unseen() == 3

    bell.focus()
    page.keyboard.press("Space")
    panel = page.get_by_role("dialog", name="Inbox")
    expect(panel.locator("[data-item]")).to_have_count(3)
    expect(panel.get_by_role("heading", name="Inbox")).to_be_focused()
    # What is looked at is seen, and stays unread.
    expect(page.get_by_role("button", name="Inbox, new: 0")).to_have_attribute("aria-expanded", "true")
    assert unseen() == 0
    assert InboxItem.objects.filter(read_at=None).count() == 3
    check_access(page)

    panel.locator("summary", has_text="More: lee answered your post “Week 3”").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    # The first Escape closes the menu, the second the panel.
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("[data-bell]")).to_be_focused()
    assert page.url.endswith("/settings/")


def test_what_is_done_in_the_panel_is_taken_back_there_and_after_it_is_closed(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/settings/")
    page.locator("[data-bell]").click()
    panel = page.get_by_role("dialog", name="Inbox")

    def archive_first() -> None:
        panel.locator("summary", has_text="More:").first.click()
        panel.locator(".menu-sheet").first.get_by_role("button", name="Archive").click()
        expect(panel.locator("[data-item]")).to_have_count(2)

    archive_first()
    page.get_by_role("button", name="Undo").click()
    expect(panel.locator("[data-item]")).to_have_count(3)
    archive_first()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-bell]").click()
    expect(panel.locator("[data-item]")).to_have_count(3)


def test_the_panel_says_what_to_do_when_it_cannot_be_loaded(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/settings/")
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('offline')) }")
    page.locator("[data-bell]").click()
    expect(page.get_by_role("alert").get_by_role("link", name="Open the inbox")).to_be_visible()
    assert unseen() == 3


def test_without_javascript_and_on_its_own_page_the_bell_is_a_link(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/settings/", javascript=False)
    page.get_by_role("link", name="Inbox, new: 3").click()
    expect(page).to_have_url("/inbox/")
    # Looking changes nothing by itself; without a script to say that it was seen, a button does.
    assert unseen() == 3
    page.get_by_role("button", name="Mark as seen").click()
    expect(page.get_by_role("link", name="Inbox, new: 0")).to_be_visible()
    InboxItem.objects.update(seen_at=None)
    expect(open_page("ana", path="/inbox/").get_by_role("link", name="Inbox, new: 0")).to_be_visible()
