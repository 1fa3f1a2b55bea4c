from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from channels_ace.api import Message
from notifications.api import InboxItem, notify
from tests.factories import COURSE, make_contact, make_user

pytestmark = pytest.mark.django_db

FOREIGN = "https://lms.example.org/courses/1/posts/2"


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def browser(ana: User) -> Client:
    return signed_in(ana)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def tell(person: User, title: str = "Quiz", *, link: str = "", sort: str = "discussion.new_response") -> Message:
    context = {"course_name": "Science", "replier_name": "lee", "post_title": title, "assignment": title, "due_date": "2027-01-02"}
    return notify(type=sort, audience=[person], context=context, link=link, scope=COURSE)


def address(message: Message, what: str = "reading") -> str:
    return f"/inbox/{message.public_id}/{what}/"


def item_of(person: User, message: Message) -> InboxItem:
    return InboxItem.objects.get(user=person, message=message)


def shown(response: Any) -> list[str]:
    return [item["title"] for item in response.context["items"]]


def bell(client: Client) -> int:
    return int(client.get("/inbox/count/").json()["unread"])


def test_a_visitor_is_sent_to_sign_in_and_comes_back(client: Client) -> None:
    assert client.get("/inbox/?unread=1").headers["Location"] == "/sign-in/?next=/inbox/%3Funread%3D1"
    assert client.post("/inbox/reading/").headers["Location"] == "/sign-in/?next=/inbox/"


def test_a_script_of_a_visitor_is_told_and_not_redirected(client: Client) -> None:
    answer = client.get("/inbox/count/", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Your session has ended. Sign in again."}


def test_the_newest_comes_first_with_its_course_and_its_category(ana: User, browser: Client) -> None:
    tell(ana, "Older")
    tell(ana, "Newer", sort="dates.assignment_due")
    page = browser.get("/inbox/")
    assert shown(page) == ["“Newer” is due on Jan. 2, 2027.", "lee answered your post “Older”."]
    assert [item["category"] for item in page.context["items"]] == ["Course dates", "Discussion"]
    assert "Science" in page.content.decode()


def test_words_of_other_people_are_never_markup(ana: User, browser: Client) -> None:
    tell(ana, "<script>alert(1)</script>")
    html = browser.get("/inbox/").content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_tabs_count_what_is_unread_and_show_one_category_each(ana: User, browser: Client) -> None:
    tell(ana, "Quiz")
    tell(ana, "Lab", sort="dates.assignment_due")
    browser.post(address(tell(ana, "Essay", sort="dates.assignment_due")))
    page = browser.get("/inbox/?category=course_dates")
    counts = {tab["key"]: tab["count"] for tab in page.context["tabs"]}
    assert counts == {"all": 2, "discussion": 1, "course_dates": 1, "account": 0, "study": 0, "other": 0, "snoozed": 0, "archived": 0}
    assert shown(page) == ["“Essay” is due on Jan. 2, 2027.", "“Lab” is due on Jan. 2, 2027."]
    assert [tab["key"] for tab in page.context["tabs"] if tab["is_current"]] == ["course_dates"]


def test_the_unread_filter_hides_what_was_read_and_stays_on_across_tabs(ana: User, browser: Client) -> None:
    browser.post(address(tell(ana, "Read")))
    tell(ana, "Unread")
    page = browser.get("/inbox/?unread=1")
    assert shown(page) == ["lee answered your post “Unread”."]
    assert page.context["tabs"][1]["url"] == "/inbox/?category=discussion&unread=1"


@pytest.mark.parametrize("query", ["category=nonsense", "cursor=nonsense", "cursor=MTIz:abc", "cursor=%00", "unread=maybe", "cursor="])
def test_a_spoilt_address_shows_the_first_page(ana: User, browser: Client, query: str) -> None:
    tell(ana)
    page = browser.get(f"/inbox/?{query}")
    assert page.status_code == 200
    assert len(shown(page)) == 1
    assert not page.context["first_page_url"]


def test_pages_by_cursor_show_everything_once(ana: User, browser: Client) -> None:
    for number in range(45):
        tell(ana, f"Post {number}")
    found: list[str] = []
    url = "/inbox/"
    while url:
        page = browser.get(url)
        found += shown(page)
        url = page.context["next_cursor_url"]
    assert found == [f"lee answered your post “Post {number}”." for number in reversed(range(45))]
    assert page.context["first_page_url"] == "/inbox/"


def test_a_cursor_of_another_person_gives_the_first_page(ana: User, browser: Client) -> None:
    ben = make_user("ben")
    for number in range(25):
        tell(ana, f"Post {number}")
        tell(ben, f"Post {number}")
    url = signed_in(ben).get("/inbox/").context["next_cursor_url"]
    assert shown(browser.get(url))[0] == "lee answered your post “Post 24”."


def test_a_long_inbox_takes_no_more_queries_than_a_short_one(ana: User, browser: Client) -> None:
    tell(ana)
    browser.get("/inbox/")
    with CaptureQueriesContext(connection) as short:
        browser.get("/inbox/")
    for number in range(30):
        tell(ana, f"Post {number}")
    with CaptureQueriesContext(connection) as long:
        assert len(shown(browser.get("/inbox/"))) == 20
    assert len(long) == len(short)
    assert len(long) <= 16


def test_what_a_page_shows_is_seen_once_the_page_says_so_and_stays_unread(ana: User, browser: Client) -> None:
    message = tell(ana)
    page = browser.get("/inbox/")
    later = tell(ana)
    assert bell(browser) == 2

    browser.post("/inbox/seeing/", {"seen_up_to": page.context["seen_up_to"]})

    assert bell(browser) == 1
    assert (item_of(ana, message).read_at, item_of(ana, later).seen_at) == (None, None)
    assert item_of(ana, message).seen_at is not None


@pytest.mark.parametrize("query", ["", "?panel=1", "?unread=1", "?category=discussion", "?search=lee", "?show=archived"])
def test_no_get_changes_what_is_seen(ana: User, browser: Client, query: str) -> None:
    message = tell(ana)
    browser.get(f"/inbox/{query}")
    assert (bell(browser), item_of(ana, message).seen_at) == (1, None)


@pytest.mark.parametrize("query", ["?category=discussion", "?search=lee", "?course=course-v1:A+B+C", "?show=archived", "?show=snoozed"])
def test_who_looks_at_some_of_it_has_not_seen_the_rest(ana: User, browser: Client, query: str) -> None:
    tell(ana)
    assert browser.get(f"/inbox/{query}").context["seen_up_to"] == ""


def test_without_javascript_a_button_makes_the_bell_quiet(ana: User, browser: Client) -> None:
    tell(ana)
    assert "Mark as seen" in browser.get("/inbox/").content.decode()
    browser.post("/inbox/seeing/", {"seen_up_to": browser.get("/inbox/").context["seen_up_to"]})
    assert "Mark as seen" not in browser.get("/inbox/").content.decode()


@pytest.mark.parametrize("cursor", ["", "foo", "9" * 300])
def test_a_spoilt_page_marks_nothing_as_seen(ana: User, browser: Client, cursor: str) -> None:
    tell(ana)
    assert browser.post("/inbox/seeing/", {"seen_up_to": cursor}).status_code == 302
    assert bell(browser) == 1


def test_an_empty_inbox_says_what_will_come_and_where_to_choose(browser: Client) -> None:
    html = browser.get("/inbox/").content.decode()
    assert "Your inbox is empty" in html
    assert 'href="/settings/"' in html


def test_an_empty_filter_offers_to_show_everything(ana: User, browser: Client) -> None:
    browser.post(address(tell(ana)))
    assert "You have read everything" in browser.get("/inbox/?unread=1").content.decode()
    assert "Nothing in this category yet" in browser.get("/inbox/?category=study").content.decode()


def test_the_page_tells_how_long_notifications_are_kept(ana: User, browser: Client) -> None:
    tell(ana)
    assert "Notifications are kept for 60 days." in browser.get("/inbox/").content.decode()


def test_what_is_older_than_the_retention_is_gone(ana: User, browser: Client) -> None:
    message = tell(ana)
    Message.objects.filter(pk=message.pk).update(created_at=timezone.now() - timedelta(days=61))
    assert shown(browser.get("/inbox/")) == []
    assert browser.post(address(message)).status_code == 404


def test_opening_marks_as_read_and_goes_to_the_page_of_this_site(ana: User, browser: Client) -> None:
    message = tell(ana, link="/settings/")
    answer = browser.post(address(message), {"next": "/settings/"})
    assert answer.headers["Location"] == "/settings/"
    assert item_of(ana, message).read_at is not None


def test_opening_a_link_to_an_allowed_host_leads_there_by_a_page_of_its_own(ana: User, browser: Client) -> None:
    message = tell(ana, link=FOREIGN)
    answer = browser.post(address(message), {"next": FOREIGN})
    assert f'<meta http-equiv="refresh" content="0; url={FOREIGN}">' in answer.content.decode()
    assert item_of(ana, message).read_at is not None


def test_opening_without_a_link_comes_back(ana: User, browser: Client) -> None:
    answer = browser.post(address(tell(ana)), {"next": "/inbox/?category=discussion"})
    assert answer.headers["Location"] == "/inbox/?category=discussion"


def test_a_link_whose_host_is_no_longer_allowed_is_not_followed(ana: User, browser: Client, settings: Settings) -> None:
    message = tell(ana, link=FOREIGN)
    settings.LINK_HOSTS = []
    answer = browser.post(address(message), {"next": FOREIGN}, follow=True)
    assert answer.redirect_chain == [("/inbox/", 302)]
    assert "no longer allowed" in answer.content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", FOREIGN, ""])
def test_a_posted_address_that_is_not_the_items_own_leads_to_the_inbox(ana: User, browser: Client, target: str) -> None:
    answer = browser.post(address(tell(ana, link="/settings/")), {"next": target})
    assert answer.headers["Location"] == "/inbox/"


def test_a_script_that_marks_as_read_is_told_what_the_bell_shows(ana: User, browser: Client) -> None:
    first = tell(ana, "First")
    tell(ana, "Second")
    answer = browser.post(address(first), {"next": "/inbox/"}, headers={"Accept": "application/json"})
    assert answer.json()["unread"] == 1
    assert answer.json()["said"] == "Marked as read."


def test_reading_can_be_taken_back(ana: User, browser: Client) -> None:
    message = tell(ana)
    browser.post(address(message))
    browser.post(address(message, "unreading"))
    assert item_of(ana, message).read_at is None


@pytest.mark.parametrize("what", ["reading", "unreading", "why"])
def test_another_persons_item_does_not_exist(browser: Client, what: str) -> None:
    ben = make_user("ben")
    message = tell(ben)
    answer = browser.get(address(message, what)) if what == "why" else browser.post(address(message, what))
    assert answer.status_code == 404
    assert item_of(ben, message).read_at is None


@pytest.mark.parametrize("what", ["reading", "unreading"])
def test_a_get_does_not_change_what_is_read(ana: User, browser: Client, what: str) -> None:
    message = tell(ana)
    assert browser.get(address(message, what)).status_code == 405
    assert browser.get("/inbox/reading/").status_code == 405
    assert item_of(ana, message).read_at is None


def test_a_change_needs_the_token_of_the_page(ana: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    assert client.post(address(tell(ana))).status_code == 403


def test_mark_all_covers_what_the_page_showed_and_not_what_came_since(ana: User, browser: Client) -> None:
    tell(ana, "Shown")
    page = browser.get("/inbox/")
    tell(ana, "Since")
    browser.post(page.context["read_all_url"], {"up_to": page.context["read_up_to"], "next": "/inbox/"})
    assert shown(browser.get("/inbox/?unread=1")) == ["lee answered your post “Since”."]


def test_mark_all_is_offered_only_where_it_means_what_it_says(ana: User, browser: Client) -> None:
    for number in range(21):
        tell(ana, f"Post {number}")
    page = browser.get("/inbox/")
    assert page.context["read_all_url"]
    assert not browser.get(page.context["next_cursor_url"]).context["read_all_url"]
    assert not browser.get("/inbox/?category=discussion").context["read_all_url"]


@pytest.mark.parametrize("up_to", ["", "nonsense", "OTk5OTk5:abc"])
def test_mark_all_with_a_spoilt_key_changes_nothing_and_says_so(ana: User, browser: Client, up_to: str) -> None:
    tell(ana)
    answer = browser.post("/inbox/reading/", {"up_to": up_to, "next": "/inbox/"}, follow=True)
    assert "Nothing was marked as read" in answer.content.decode()
    assert shown(browser.get("/inbox/?unread=1")) != []


def test_the_explanation_names_the_setting_and_every_channel_with_its_reason(ana: User, browser: Client) -> None:
    html = browser.get(address(tell(ana), "why")).content.decode()
    assert "“Activity notifications”, under “Discussion”" in html
    assert "It was put into your inbox." in html
    assert "There is no address for this channel." in html


def test_the_explanation_speaks_to_the_reader_of_what_the_reader_chose(ana: User, browser: Client) -> None:
    make_contact(ana, "email")
    browser.post("/settings/", {"changed": "dates.assignment_due:email", "value": "off"})
    html = browser.get(address(tell(ana, sort="dates.assignment_due"), "why")).content.decode()
    assert "You turned this notification off for this channel." in html


def test_from_the_explanation_the_course_can_be_muted_and_heard_of_again(ana: User, browser: Client) -> None:
    message = tell(ana)
    assert 'action="/settings/mutes/"' in browser.get(address(message, "why")).content.decode()

    muted = browser.post("/settings/mutes/", {"key": COURSE, "label": "Science", "next": address(message, "why")}, follow=True)

    assert muted.redirect_chain == [(address(message, "why"), 302)]
    assert 'action="/settings/mutes/removal/"' in muted.content.decode()
    assert not InboxItem.objects.filter(user=ana, message=tell(ana, "Later")).exists()


def test_what_is_about_no_course_or_always_sent_offers_no_mute(ana: User, browser: Client) -> None:
    security = notify(type="account.password_changed", audience=[ana])
    assert "/settings/mutes/" not in browser.get(address(security, "why")).content.decode()


def test_a_message_of_a_sort_that_is_gone_can_still_be_read_and_explained(ana: User, browser: Client) -> None:
    message = tell(ana)
    Message.objects.filter(pk=message.pk).update(type="gone.away")
    assert shown(browser.get("/inbox/")) == ["There is news for you."]
    assert "no longer sends" in browser.get(address(message, "why")).content.decode()


def test_pages_speak_the_readers_language(browser: Client, ana: User) -> None:
    browser.post("/settings/", {"changed": "language", "value": "ar"})
    html = browser.get("/inbox/").content.decode()
    assert '<html lang="ar" dir="rtl"' in html
