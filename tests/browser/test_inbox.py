"""The inbox by keyboard, by touch, and in every state that it can be in."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from notifications.api import InboxItem, notify
from tests.browser.conftest import CheckAccess, OpenPage
from tests.factories import COURSE, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def tell(person: User, title: str, who: str = "lee") -> None:
    context = {"course_name": "Statistics", "replier_name": who, "post_title": title}
    notify(type="discussion.new_response", audience=[person], context=context, scope=COURSE)


@pytest.fixture
def ana() -> User:
    person = make_user("ana", time_zone="America/New_York")
    for title, who in (("Week 1", "lee"), ("Week 2", "kim"), ("Week 2", "lee"), ("Week 3", "lee")):
        tell(person, title, who)
    return person


@pytest.mark.parametrize("width", [1280, 390])
def test_the_keyboard_archives_hides_finds_and_takes_back(ana: User, open_page: OpenPage, width: int) -> None:
    page = open_page("ana", width, path="/inbox/")
    expect(page.locator("[data-item]")).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("e")
    # The row of two left, the focus is on the next one, and the page says so.
    expect(page.locator("[data-item]")).to_have_count(2)
    expect(page.locator(".item-open").nth(1)).to_be_focused()
    expect(page.get_by_text("Archived.")).to_be_visible()
    assert InboxItem.objects.filter(archived_at__isnull=False).count() == 2
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Hide until: In three hours").nth(0)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Hide until: In three hours").nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-item]")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-item]")).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("week 3")
    page.keyboard.press("Enter")
    expect(page.locator("[data-item]")).to_have_count(1)
    expect(page.locator(".item-open")).to_contain_text("lee answered your post “Week 3”.")


def test_the_last_row_leaves_words_behind(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/inbox/?search=week+3")
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.get_by_text("Nothing was found")).to_be_visible()
    expect(page.get_by_role("link", name="Clear the search")).to_be_visible()


def test_all_is_marked_and_archived_and_taken_back_for_ten_seconds(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", path="/inbox/")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_text("All marked as read.")).to_be_visible()
    expect(page.locator(".item.is-unread")).to_have_count(0)
    page.get_by_role("button", name="Archive what is read").click()
    expect(page.get_by_text("4 notifications are archived.")).to_be_visible()
    expect(page.get_by_text("Your inbox is empty")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-item]")).to_have_count(3)


def test_everything_is_done_and_taken_back_without_javascript(ana: User, open_page: OpenPage) -> None:
    page = open_page("ana", 390, path="/inbox/", javascript=False)
    page.locator(".item summary", has_text="More: lee answered your post “Week 1”").click()
    page.get_by_role("link", name="Hide until another time").last.click()
    page.get_by_role("button", name="Next Monday morning").click()
    expect(page.locator("[data-item]")).to_have_count(2)
    expect(page.get_by_text("Hidden until")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    expect(page.locator("[data-item]")).to_have_count(3)
    page.locator(".item-others summary").click()
    expect(page.get_by_role("button", name="kim answered your post “Week 2”.")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_no_state_has_barriers(ana: User, open_page: OpenPage, check_access: CheckAccess, width: int, language: str) -> None:
    ana.carillon_recipient.language = language
    ana.carillon_recipient.save()
    first = InboxItem.objects.order_by("message_id").first()
    assert first is not None
    InboxItem.objects.filter(message_id=first.message_id).update(snoozed_until=timezone.now() - timedelta(hours=1))
    for title in ("Asleep", "Archived"):
        tell(ana, title)
    newest = list(InboxItem.objects.order_by("-message_id")[:2])
    InboxItem.objects.filter(message_id=newest[0].message_id).update(archived_at=timezone.now())
    InboxItem.objects.filter(message_id=newest[1].message_id).update(snoozed_until=timezone.now() + timedelta(hours=1))
    page = open_page("ana", width, path="/inbox/")
    for query in ("", "?show=archived", "?show=snoozed", "?search=nothing+like+it", "?category=study"):
        page.goto(f"/inbox/{query}")
        check_access(page)
    page.goto("/inbox/")
    page.locator(".item-others summary").click()
    page.locator(".item-side summary").first.click()
    check_access(page)
    page.goto(f"/inbox/{newest[1].message.public_id}/snoozing/")
    check_access(page)
