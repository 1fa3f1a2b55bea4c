"""What a person does in the inbox by forms, and takes back."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Message
from notifications import inbox
from notifications.api import InboxItem, Mute, notify
from notifications.inbox_retention import forget_old_items
from notifications.snooze_times import BadTime, choices, read_time
from tests.factories import COURSE, make_user

pytestmark = pytest.mark.django_db

ONE_BY_ONE = ["reading", "archiving", "snoozing"]


@pytest.fixture
def ana() -> User:
    return make_user("ana", time_zone="America/New_York")


@pytest.fixture
def browser(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def tell(person: User, title: str = "Quiz", who: str = "lee", *, sort: str = "discussion.new_response") -> Message:
    context = {"course_name": "Science", "replier_name": who, "post_title": title, "assignment": title, "due_date": "2027-01-02"}
    return notify(type=sort, audience=[person], context=context, scope=COURSE)


def do(client: Client, message: Message, what: str, *, together: str = "", **fields: str) -> Any:
    query = f"?with={together}" if together else ""
    return client.post(f"/inbox/{message.public_id}/{what}/{query}", fields, headers={"Accept": "application/json"})


def titles(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/inbox/{query}")
    return [item["title"] for item in [*page.context["returned"], *page.context["items"]]]


def state(person: User) -> list[tuple[Any, ...]]:
    fields = ("message_id", "read_at", "archived_at", "snoozed_until")
    mark = inbox.mark_of(person.pk, timezone.now())
    return [*InboxItem.objects.filter(user=person).order_by("message_id").values_list(*fields), mark]


def undo(client: Client, answer: Any) -> Any:
    return client.post("/inbox/undoing/", {"token": answer.json()["undo"]}, headers={"Accept": "application/json"})


@pytest.mark.parametrize("what", [*ONE_BY_ONE, "unreading"])
def test_each_change_of_an_item_is_taken_back_exactly(ana: User, browser: Client, what: str) -> None:
    message = tell(ana)
    tell(ana, "Another")
    if what == "unreading":
        do(browser, message, "reading")
    browser.get("/inbox/")
    before = state(ana)

    answer = do(browser, message, what, until="tomorrow")
    assert (answer.status_code, state(ana) == before) == (200, False)

    assert undo(browser, answer).status_code == 200
    assert state(ana) == before


def test_a_form_without_script_is_told_what_was_done_and_offered_to_undo_it(ana: User, browser: Client) -> None:
    message = tell(ana)

    page = browser.post(f"/inbox/{message.public_id}/archiving/", {"next": "/inbox/?unread=1"}, follow=True)

    assert page.redirect_chain == [("/inbox/?unread=1", 302)]
    html = page.content.decode()
    assert "Archived." in html
    token = html.split('name="token" value="')[1].split('"')[0]
    browser.post("/inbox/undoing/", {"token": token, "next": "/inbox/?unread=1"})
    assert titles(browser) == ["lee answered your post “Quiz”."]


def test_archived_and_snoozed_items_have_pages_of_their_own(ana: User, browser: Client) -> None:
    do(browser, tell(ana, "Archived"), "archiving")
    do(browser, tell(ana, "Asleep"), "snoozing", until="week")
    tell(ana, "Here")

    assert [len(titles(browser, query)) for query in ("", "?show=archived", "?show=snoozed")] == [1, 1, 1]
    assert "Archived" in titles(browser, "?show=archived")[0]
    assert "Asleep" in titles(browser, "?show=snoozed")[0]


def test_what_slept_comes_back_on_top_as_new_and_stays_once_it_is_read(ana: User, browser: Client) -> None:
    old = tell(ana, "Old")
    tell(ana, "New")
    do(browser, old, "reading")
    do(browser, old, "snoozing", until="later")
    InboxItem.objects.filter(message=old).update(snoozed_until=timezone.now() - timedelta(minutes=1))

    assert browser.get("/inbox/count/").json()["unread"] == 2
    page = browser.get("/inbox/")
    assert [item["title"] for item in page.context["returned"]] == ["lee answered your post “Old”."]
    do(browser, old, "reading")
    assert titles(browser) == ["lee answered your post “New”.", "lee answered your post “Old”."]


def test_all_that_was_shown_is_marked_as_read_and_that_is_taken_back(ana: User, browser: Client) -> None:
    do(browser, tell(ana, "Read before"), "reading")
    tell(ana, "Shown")
    up_to = browser.get("/inbox/").context["read_up_to"]
    late = tell(ana, "Too late")
    before = state(ana)

    answer = browser.post("/inbox/reading/", {"up_to": up_to}, headers={"Accept": "application/json"})
    assert [item.message_id for item in inbox.unread(ana.pk, timezone.now())] == [late.pk]

    assert undo(browser, answer).status_code == 200
    assert state(ana) == before


def test_a_mark_that_has_moved_since_is_not_taken_back(ana: User, browser: Client) -> None:
    tell(ana)
    first = browser.post("/inbox/reading/", {"up_to": browser.get("/inbox/").context["read_up_to"]}, headers={"Accept": "application/json"})
    tell(ana)
    browser.post("/inbox/reading/", {"up_to": browser.get("/inbox/").context["read_up_to"]})
    after = state(ana)

    assert undo(browser, first).status_code == 409
    assert state(ana) == after


def test_what_is_read_is_archived_at_once_and_comes_back_at_once(ana: User, browser: Client) -> None:
    do(browser, tell(ana, "One by one"), "reading")
    tell(ana, "By the mark")
    browser.post("/inbox/reading/", {"up_to": browser.get("/inbox/").context["read_up_to"]})
    tell(ana, "Unread")
    page = browser.get("/inbox/")
    do(browser, tell(ana, "Read after the page was made"), "reading")

    answer = browser.post("/inbox/archiving/", {"up_to": page.context["read_up_to"]}, headers={"Accept": "application/json"})

    assert answer.json()["said"] == "2 notifications are archived."
    assert len(titles(browser)) == 2
    undo(browser, answer)
    assert len(titles(browser)) == 4


@pytest.mark.parametrize("address", ["/inbox/reading/", "/inbox/archiving/"])
@pytest.mark.parametrize("up_to", ["", "nonsense", "MTIz:abc", "\x00"])
def test_a_spoilt_key_changes_nothing_and_says_so(ana: User, browser: Client, address: str, up_to: str) -> None:
    tell(ana)
    before = state(ana)

    answer = browser.post(address, {"up_to": up_to}, headers={"Accept": "application/json"})

    assert (answer.status_code, "out of date" in answer.json()["detail"]) == (409, True)
    assert state(ana) == before


def test_a_token_is_good_for_its_person_only_and_not_for_ever(ana: User, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    message = tell(ana)
    answer = do(browser, message, "archiving")
    stranger = Client()
    stranger.force_login(make_user("ben"))

    assert undo(stranger, answer).status_code == 409
    assert browser.post("/inbox/undoing/", {"token": "x\x00"}, headers={"Accept": "application/json"}).status_code == 409
    monkeypatch.setattr("django.core.signing.time.time", lambda: timezone.now().timestamp() + 601)
    assert undo(browser, answer).status_code == 409
    assert titles(browser) == []


@pytest.mark.parametrize("what", [*ONE_BY_ONE, "unreading", "unarchiving", "unsnoozing", "muting"])
def test_another_persons_item_is_not_there_also_among_ones_own(ana: User, browser: Client, what: str) -> None:
    mine, theirs = tell(ana), tell(make_user("ben"))
    before = state(ana)

    assert do(browser, theirs, what, until="later").status_code == 404
    if what != "muting":
        assert do(browser, mine, what, together=theirs.public_id, until="later").status_code == 404
    assert browser.get(f"/inbox/{mine.public_id}/{what}/").status_code == (200 if what == "snoozing" else 405)
    assert state(ana) == before


def test_a_row_of_several_names_one_and_counts_the_others(ana: User, browser: Client) -> None:
    for who in ("ana", "lee", "lee", "kim"):
        tell(ana, "Week 2", who)
    tell(ana, "Another")

    page = browser.get("/inbox/")

    assert [item["title"] for item in page.context["items"]] == [
        "lee answered your post “Another”.",
        "kim (and 2 others) answered your post “Week 2”.",
    ]
    assert [len(item["others"]) for item in page.context["items"]] == [0, 3]


def test_what_is_done_to_a_row_is_done_to_all_its_items(ana: User, browser: Client) -> None:
    for who in ("lee", "kim"):
        tell(ana, "Week 2", who)
    (row,) = browser.get("/inbox/").context["items"]

    answer = browser.post(row["archive_url"], headers={"Accept": "application/json"})

    assert titles(browser) == []
    undo(browser, answer)
    assert titles(browser) == ["kim (and 1 other) answered your post “Week 2”."]


def test_what_is_new_does_not_hide_in_a_row_of_what_is_read(ana: User, browser: Client) -> None:
    do(browser, tell(ana, "Week 2", "lee"), "reading")
    tell(ana, "Week 2", "kim")

    assert [item["is_read"] for item in browser.get("/inbox/").context["items"]] == [False, True]


def test_a_lively_thread_is_one_row_and_the_pages_still_show_everything_once(ana: User, browser: Client) -> None:
    for number in range(50):
        tell(ana, "Lively", f"person {number}")
        tell(ana, f"Quiet {number}")
    seen: list[str] = []
    url = "/inbox/"
    while url:
        page = browser.get(url)
        for item in page.context["items"]:
            seen += [item["public_id"], *(other["read_url"].split("/")[2] for other in item["others"])]
        url = page.context["next_cursor_url"]

    assert len(seen) == len(set(seen)) == 100


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("essay", ["Essay"]),
        ("ESSAY  lee", ["Essay"]),
        ("essay kim", []),
        ("answers", ["Quiz", "Essay"]),
        ("science", ["Quiz", "Essay"]),
        ("course_name", []),
        ("100%", []),
        ("_", []),
        ("'", []),
        ("\\", []),
        ("ü", ["Quiz"]),
    ],
)
def test_items_are_found_by_all_words_in_what_they_say(ana: User, browser: Client, search: str, found: list[str]) -> None:
    tell(ana, "Essay")
    tell(ana, "Quiz", "Jürgen")

    page = browser.get("/inbox/", {"search": search})

    assert [item["title"].split("“")[1].split("”")[0] for item in page.context["items"]] == found


def test_only_one_course_is_shown_and_the_rest_is_offered(ana: User, browser: Client) -> None:
    tell(ana)
    notify(type="other.announcement", audience=[ana], context={"title": "Closed on Monday"})
    other = {"course_name": "Arts", "replier_name": "lee", "post_title": "Paint"}
    notify(type="discussion.new_response", audience=[ana], context=other, scope="course-v1:DemoX+ART+2026")

    page = browser.get("/inbox/", {"course": "course-v1:DemoX+ART+2026"})

    assert [item["title"] for item in page.context["items"]] == ["lee answered your post “Paint”."]
    assert page.context["courses"] == [("course-v1:DemoX+ART+2026", "Arts"), (COURSE, "Science")]


@pytest.mark.parametrize("query", ["?search=%00", "?course=%00", "?show=nonsense", "?search=" + "x" * 500, "?course=" + "x" * 500])
def test_a_strange_address_is_no_error(ana: User, browser: Client, query: str) -> None:
    tell(ana)

    assert browser.get(f"/inbox/{query}").status_code == 200


def test_the_panel_of_the_bell_marks_nothing_until_it_is_looked_at(ana: User, browser: Client) -> None:
    tell(ana)

    panel = browser.get("/inbox/?panel=1")
    assert "<html" not in panel.content.decode()
    assert browser.get("/inbox/count/").json()["unread"] == 1

    said = browser.post("/inbox/seeing/", {"seen_up_to": panel.context["seen_up_to"]}, headers={"Accept": "application/json"}).json()
    assert said["unread"] == 0


def test_an_item_leads_to_its_setting_and_its_course_can_be_muted(ana: User, browser: Client) -> None:
    message = tell(ana)
    (item,) = browser.get("/inbox/").context["items"]
    assert item["setting_url"] == "/settings/#type-discussion.activity"

    answer = browser.post(item["mute_url"], headers={"Accept": "application/json"})

    assert Mute.objects.get(user=ana).key == message.scope
    undo(browser, answer)
    assert not Mute.objects.exists()


def test_what_nobody_can_turn_off_offers_neither(ana: User, browser: Client) -> None:
    notify(type="account.password_changed", audience=[ana], context={})

    (item,) = browser.get("/inbox/").context["items"]

    assert (item["setting_url"], item["mute_url"]) == ("", "")


def test_a_time_of_ones_own_is_asked_for_on_a_page_and_told_when_it_is_bad(ana: User, browser: Client) -> None:
    message = tell(ana)
    where = f"/inbox/{message.public_id}/snoozing/"
    assert "America/New_York" in browser.get(where).content.decode()

    refused = browser.post(where, {"at": "2001-01-01T10:00"})
    assert (refused.status_code, "between five minutes and ninety days" in refused.content.decode()) == (400, True)
    at = timezone.now().astimezone(ZoneInfo("America/New_York")).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=2)
    assert browser.post(where, {"at": at.strftime("%Y-%m-%dT%H:%M")}).status_code == 302

    assert InboxItem.objects.get().snoozed_until == at


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("America/New_York", "2026-03-07T20:00+00:00", ["2026-03-07T18:00-05:00", "2026-03-08T08:00-04:00", "2026-03-09T08:00-04:00"]),
        ("Asia/Kolkata", "2026-06-15T20:00+00:00", ["2026-06-16T04:30+05:30", "2026-06-17T08:00+05:30", "2026-06-22T08:00+05:30"]),
        ("UTC", "2026-06-15T07:00+00:00", ["2026-06-15T10:00+00:00", "2026-06-16T08:00+00:00", "2026-06-22T08:00+00:00"]),
    ],
)
def test_the_times_that_are_offered_are_on_the_readers_clock(zone: str, now: str, expected: list[str]) -> None:
    offered = choices(datetime.fromisoformat(now), ZoneInfo(zone))

    assert [instant.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") for _name, _label, instant in offered] == expected


@pytest.mark.parametrize(
    "text", ["", "never", "2026-02-30T10:00", "2026-06-15", "٢٠٢٦-٠٦-١٥T10:00", "2026-06-15T16:02", "2026-12-01T10:00"]
)
def test_what_is_no_time_to_sleep_until_is_refused(now: datetime, text: str) -> None:
    with pytest.raises(BadTime):
        read_time(text, now, ZoneInfo("UTC"))


def test_every_page_costs_the_same_however_much_there_is(ana: User, browser: Client) -> None:
    def cost(query: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"/inbox/{query}")
        return len(captured)

    queries = ("", "?show=archived", "?show=snoozed", "?search=week", "?panel=1", f"?course={COURSE.replace('+', '%2B')}")
    tell(ana, "Week 1")
    cost("")
    few = [cost(query) for query in queries]
    for number in range(30):
        tell(ana, f"Week {number % 3}", f"person {number}")
    do(browser, tell(ana, "Asleep"), "snoozing", until="later")

    assert [cost(query) for query in queries] == few


def test_what_is_too_old_is_deleted_and_the_rest_stays(ana: User, settings: Any) -> None:
    settings.INBOX_DAYS = 30
    old, kept = tell(ana), tell(ana)
    Message.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    tell(make_user("ben"))

    assert forget_old_items(timezone.now()) == 1
    assert set(InboxItem.objects.filter(user=ana).values_list("message_id", flat=True)) == {kept.pk}
    assert forget_old_items(timezone.now() + timedelta(days=60)) == 2
    assert not InboxItem.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's")
@pytest.mark.parametrize("asked", [inbox.Asked(), inbox.Asked(search="week"), inbox.Asked(course=COURSE), inbox.Asked(show="archived")])
def test_only_the_readers_rows_are_touched(ana: User, asked: inbox.Asked) -> None:
    people = [make_user() for _ in range(200)]
    for number in range(5):
        context = {"course_name": "Science", "replier_name": "lee", "post_title": f"Week {number}"}
        notify(type="discussion.new_response", audience=[ana, *people], context=context, scope=COURSE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        with CaptureQueriesContext(connection) as captured:
            inbox.page(ana.pk, timezone.now(), asked)
        statement = next(query["sql"] for query in reversed(captured.captured_queries) if "inboxitem" in query["sql"])
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        plan = cursor.fetchone()[0]
    nodes = list(_nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
    rows = [
        node for node in nodes if node.get("Relation Name") == "notifications_inboxitem" or "inboxitem" in node.get("Relation Name", "")
    ]

    assert rows
    assert all("Index" in node["Node Type"] or "Bitmap" in node["Node Type"] for node in rows)
    assert all(node["Actual Rows"] <= 5 for node in rows)


def _nodes(plan: dict[str, Any]) -> Any:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)
