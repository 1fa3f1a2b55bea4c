from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Message
from notifications.api import InboxItem, notify
from notifications.inbox_lines import lines
from tests.factories import COURSE, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> User:
    return make_user("reader")


@pytest.fixture
def client(reader: User) -> Client:
    client = Client()
    client.force_login(reader)
    return client


def tell(*people: User, title: str = "Hello", scope: str = "", link: str = "") -> Message:
    return notify(type="other.announcement", audience=people, context={"title": title}, scope=scope, link=link, now=timezone.now())


def post(client: Client, address: str, body: object = None) -> Any:
    return client.post(address, body or {}, content_type="application/json")


def answered(person: User) -> Message:
    return notify(type="discussion.new_response", audience=[person], context={"replier_name": "Ada", "post_title": "Week 2"})


def test_an_item_tells_what_it_says_and_where_it_leads(client: Client, reader: User) -> None:
    message = tell(reader, title="The labs open at noon", scope=COURSE, link="/labs/")

    (item,) = client.get("/api/v1/inbox/").json()["items"]

    assert item["id"] == message.public_id
    assert (item["type"], item["category"], item["course"]) == ("other.announcement", "other", COURSE)
    assert "The labs open at noon" in item["title"] + item["text"]
    assert item["link"].endswith("/labs/")
    assert item["created_at"].endswith("Z")
    assert (item["seen_at"], item["read_at"]) == (None, None)


def test_words_come_in_the_readers_language() -> None:
    spanish = make_user(language="es")
    title = {"in_languages": {"en": "Hello", "es": "Buenos días"}}
    notify(type="other.announcement", audience=[spanish], context={"title": title})
    client = Client()
    client.force_login(spanish)

    (item,) = client.get("/api/v1/inbox/").json()["items"]

    assert "Buenos días" in item["title"] + item["text"]


def test_pages_of_twenty_lead_through_the_whole_inbox(client: Client, reader: User) -> None:
    expected = [tell(reader, title=f"Number {number}").public_id for number in range(45)][::-1]

    found: list[str] = []
    sizes = []
    address: str | None = "/api/v1/inbox/"
    while address:
        page = client.get(address).json()
        sizes.append(len(page["items"]))
        found += [item["id"] for item in page["items"]]
        address = page["next_cursor"] and f"/api/v1/inbox/?cursor={page['next_cursor']}"

    assert sizes == [20, 20, 5]
    assert found == expected


def test_filters_narrow_the_inbox(client: Client, reader: User) -> None:
    read, unread, answer = tell(reader), tell(reader), answered(reader)
    post(client, f"/api/v1/inbox/{read.public_id}/reading/")

    by_category = client.get("/api/v1/inbox/?category=discussion").json()["items"]
    not_read = client.get("/api/v1/inbox/?unread=true&category=other").json()["items"]

    assert [item["id"] for item in by_category] == [answer.public_id]
    assert [item["id"] for item in not_read] == [unread.public_id]


def test_a_page_takes_as_many_queries_for_twenty_items_as_for_one(client: Client, reader: User) -> None:
    client.get("/api/v1/inbox/")
    tell(reader)
    with CaptureQueriesContext(connection) as one:
        client.get("/api/v1/inbox/")
    for _ in range(19):
        tell(reader)
    with CaptureQueriesContext(connection) as twenty:
        client.get("/api/v1/inbox/")
    with CaptureQueriesContext(connection) as again:
        client.get("/api/v1/inbox/")

    # What the process has not written yet is one statement more, however much that is.
    assert len(twenty) == len(one) == len(again) + 1


def test_a_page_is_one_statement_whatever_stands_in_it(reader: User) -> None:
    lines(reader.pk, timezone.now(), before=None, size=20)
    for number in (0, 1, 25):
        for _ in range(number):
            tell(reader)
        for before in (None, 2**40):
            with CaptureQueriesContext(connection) as asked:
                lines(reader.pk, timezone.now(), before=before, size=20)
            assert len(asked) == 1


def test_both_ways_to_a_page_say_the_same(client: Client, reader: User) -> None:
    """Without a filter it is written by the row, with one by objects: each kind of item, both ways."""
    odd = 'Lab: quotes " and \u2028 {braces} \\ ü'
    told = [tell(reader, title=odd, scope=COURSE, link="/labs/"), *(tell(reader, title=f"Lab {number}") for number in range(6))]
    for message, deed in zip(told[1:], ("reading", "archiving", "reading"), strict=False):
        post(client, f"/api/v1/inbox/{message.public_id}/{deed}/")
    mine = InboxItem.objects.filter(user=reader)
    mine.filter(message__in=[told[4], told[6]]).update(snoozed_until=timezone.now() - timedelta(minutes=1))
    mine.filter(message=told[5]).update(snoozed_until=timezone.now() + timedelta(hours=1))
    post(client, "/api/v1/inbox/readings/", {"through": told[4].public_id})

    plain, searched = (client.get(f"/api/v1/inbox/{query}") for query in ("", "?search=lab"))

    assert plain.json() == searched.json()
    assert plain.headers["Content-Type"] == searched.headers["Content-Type"]
    # What is back and unread stands above; "all read" covered what came back before it.
    assert [item["id"] for item in plain.json()["items"]] == [told[number].public_id for number in (6, 4, 3, 1, 0)]
    assert [item["read_at"] is None for item in plain.json()["items"]] == [True, False, False, False, False]


def test_a_message_that_took_the_number_of_another_says_its_own_words(client: Client, reader: User) -> None:
    """A database that goes back to an earlier state gives its numbers again."""
    before = tell(reader, title="Before")
    client.get("/api/v1/inbox/")
    Message.objects.filter(pk=before.pk).update(public_id="another", context={"title": "After"})

    assert "After" in client.get("/api/v1/inbox/").content.decode()


def test_a_page_is_written_anew_for_another_language_or_zone(client: Client, reader: User) -> None:
    tell(reader, title="Lab")
    title = {"in_languages": {"en": "Hello", "es": "Buenos días"}}
    notify(type="other.announcement", audience=[reader], context={"title": title})
    first, again = (client.get("/api/v1/inbox/", headers={"Accept-Language": language}).json() for language in ("en", "es"))
    assert [("Hello" in str(page), "Buenos" in str(page)) for page in (first, again)] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=foo",
        "cursor=%00",
        "cursor=cD1mb28",
        "cursor=",
        "category=politics",
        "category=%00",
        "category=other&category=study",
        "unread=1",
        "unraed=true",
        "cursor=" + "9" * 300,
        "cursor=%ED%A0%BD",
    ],
)
def test_a_query_that_means_nothing_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/api/v1/inbox/?{query}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["path"].startswith("?")


def test_a_cursor_is_good_for_its_owner_and_its_filter_only(client: Client, reader: User) -> None:
    stranger = make_user()
    for _ in range(21):
        tell(reader, stranger)
    cursor = client.get("/api/v1/inbox/").json()["next_cursor"]
    other = Client()
    other.force_login(stranger)

    assert client.get(f"/api/v1/inbox/?cursor={cursor}").status_code == 200
    assert client.get(f"/api/v1/inbox/?cursor={cursor}&unread=true").status_code == 400
    assert client.get(f"/api/v1/inbox/?cursor={cursor[:-1]}").status_code == 400
    assert other.get(f"/api/v1/inbox/?cursor={cursor}").status_code == 400


def test_counts_tell_unread_unseen_and_every_category(client: Client, reader: User) -> None:
    tell(reader)
    tell(reader)
    answered(reader)

    counts = client.get("/api/v1/inbox/counts/").json()

    version = counts.pop("version")
    assert counts == {
        "unread": 3,
        "unseen_badge": 3,
        "by_category": {"discussion": 1, "course_dates": 0, "account": 0, "study": 0, "other": 2},
    }
    assert client.get("/api/v1/inbox/counts/").json()["version"] >= version


def test_counts_that_did_not_change_are_not_sent_again(client: Client, reader: User) -> None:
    tell(reader)
    tag = client.get("/api/v1/inbox/counts/").headers["ETag"]

    unchanged = client.get("/api/v1/inbox/counts/", headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")

    tell(reader)
    assert client.get("/api/v1/inbox/counts/", headers={"If-None-Match": tag}).status_code == 200


def test_seeing_clears_the_badge_and_leaves_items_unread(client: Client, reader: User) -> None:
    tell(reader)

    counts = post(client, "/api/v1/inbox/seeing/").json()

    assert (counts["unread"], counts["unseen_badge"]) == (1, 0)
    assert client.get("/api/v1/inbox/").json()["items"][0]["seen_at"] is not None


def test_seeing_up_to_an_item_leaves_what_came_later_new(client: Client, reader: User) -> None:
    shown, _later = tell(reader), tell(reader)

    assert post(client, "/api/v1/inbox/seeing/", {"through": shown.public_id}).json()["unseen_badge"] == 1
    assert post(client, "/api/v1/inbox/seeing/", {"through": "nosuch"}).status_code == 404


def test_reading_twice_is_reading_once_and_can_be_undone(client: Client, reader: User) -> None:
    address = f"/api/v1/inbox/{tell(reader).public_id}/reading/"

    assert post(client, address).status_code == 204
    first = client.get("/api/v1/inbox/").json()["items"][0]["read_at"]
    assert post(client, address).status_code == 204
    assert client.get("/api/v1/inbox/").json()["items"][0]["read_at"] == first
    assert client.delete(address).status_code == 204
    assert client.get("/api/v1/inbox/counts/").json()["unread"] == 1


def test_readings_through_an_item_leave_what_came_later(client: Client, reader: User) -> None:
    tell(reader)
    middle = tell(reader)
    tell(reader)

    answer = post(client, "/api/v1/inbox/readings/", {"through": middle.public_id})

    assert answer.status_code == 200
    assert answer.json()["unread"] == 1


def test_what_is_read_is_archived_together_up_to_an_item(client: Client, reader: User) -> None:
    read, unread, later = (tell(reader) for _ in range(3))
    for message in (read, later):
        post(client, f"/api/v1/inbox/{message.public_id}/reading/")

    answer = post(client, "/api/v1/inbox/archivings/", {"through": unread.public_id}).json()

    assert answer["unread"] == 1
    assert [item["id"] for item in client.get("/api/v1/inbox/").json()["items"]] == [later.public_id, unread.public_id]
    (archived,) = client.get("/api/v1/inbox/?show=archived").json()["items"]
    assert archived["id"] == read.public_id


@pytest.mark.parametrize("address", ["readings", "archivings"])
def test_what_was_done_to_many_is_taken_back_once(client: Client, reader: User, address: str) -> None:
    message = tell(reader)
    tell(reader)
    post(client, f"/api/v1/inbox/{message.public_id}/reading/")
    before = client.get("/api/v1/inbox/").json()
    token = post(client, f"/api/v1/inbox/{address}/", {"through": message.public_id}).json()["undo"]
    stranger = Client()
    stranger.force_login(make_user())

    assert post(stranger, "/api/v1/inbox/undoings/", {"undo": token}).status_code == 409
    assert post(client, "/api/v1/inbox/undoings/", {"undo": token}).json()["unread"] == 1
    assert client.get("/api/v1/inbox/").json() == before
    assert post(client, "/api/v1/inbox/undoings/", {"undo": token}).status_code == 409


def test_an_undo_that_undoes_nothing_is_not_offered(client: Client, reader: User) -> None:
    message = tell(reader)

    assert post(client, "/api/v1/inbox/archivings/", {"through": message.public_id}).json()["undo"] is None
    post(client, "/api/v1/inbox/readings/", {"through": message.public_id})
    assert post(client, "/api/v1/inbox/readings/", {"through": message.public_id}).json()["undo"] is None


def test_a_call_whose_answer_was_lost_still_has_its_undo(client: Client, reader: User) -> None:
    message = tell(reader)
    post(client, f"/api/v1/inbox/{message.public_id}/reading/")

    def archive() -> Any:
        body = {"through": message.public_id}
        return client.post("/api/v1/inbox/archivings/", body, content_type="application/json", headers={"idempotency-key": "k"}).json()

    first = archive()

    assert first["undo"]
    assert archive() == first


def test_what_mark_all_covered_is_marked_unread_alone(client: Client, reader: User) -> None:
    tell(reader)
    message = tell(reader)
    newest = tell(reader)
    post(client, "/api/v1/inbox/readings/", {"through": newest.public_id})

    assert client.delete(f"/api/v1/inbox/{message.public_id}/reading/").status_code == 204

    unread = client.get("/api/v1/inbox/?unread=true").json()["items"]
    assert [item["id"] for item in unread] == [message.public_id]


def test_an_item_sleeps_and_is_found_there_until_it_is_woken(client: Client, reader: User) -> None:
    message = tell(reader)
    where = f"/api/v1/inbox/{message.public_id}/snoozing/"
    until = (timezone.now() + timedelta(hours=2)).isoformat()

    assert post(client, where, {"until": until}).status_code == 204
    assert client.get("/api/v1/inbox/").json()["items"] == []
    (asleep,) = client.get("/api/v1/inbox/?show=snoozed").json()["items"]
    assert (asleep["id"], asleep["snoozed_until"] is not None) == (message.public_id, True)
    assert client.delete(where).status_code == 204
    assert len(client.get("/api/v1/inbox/").json()["items"]) == 1


@pytest.mark.parametrize("until", [None, "tomorrow", "2026-03-03T08:00", "2000-01-01T00:00:00Z", "2199-01-01T00:00:00Z"])
def test_a_bad_time_leaves_the_item_where_it_is(client: Client, reader: User, until: object) -> None:
    message = tell(reader)

    assert post(client, f"/api/v1/inbox/{message.public_id}/snoozing/", {"until": until}).status_code == 400
    assert len(client.get("/api/v1/inbox/").json()["items"]) == 1


def test_anothers_item_does_not_exist(client: Client) -> None:
    theirs = tell(make_user()).public_id

    assert post(client, f"/api/v1/inbox/{theirs}/reading/").status_code == 404
    assert client.delete(f"/api/v1/inbox/{theirs}/reading/").status_code == 404
    assert client.get(f"/api/v1/inbox/{theirs}/explanation/").status_code == 404
    assert post(client, f"/api/v1/inbox/{theirs}/snoozing/", {"until": "never"}).status_code == 404
    assert post(client, "/api/v1/inbox/readings/", {"through": theirs}).status_code == 404
    assert post(client, "/api/v1/inbox/archivings/", {"through": theirs}).status_code == 404


def test_an_item_past_its_time_is_gone_everywhere(client: Client, reader: User) -> None:
    message = notify(type="other.announcement", audience=[reader], context={"title": "Old"}, now=timezone.now() - timedelta(days=61))

    assert client.get("/api/v1/inbox/").json()["items"] == []
    assert client.get(f"/api/v1/inbox/{message.public_id}/explanation/").status_code == 404


def test_an_explanation_says_why_a_channel_was_held_back(client: Client, reader: User) -> None:
    message = answered(reader)

    explanation = client.get(f"/api/v1/inbox/{message.public_id}/explanation/").json()

    channels = {channel["channel"]: channel for channel in explanation["channels"]}
    assert explanation["id"] == message.public_id
    assert channels["inbox"]["state"] == "delivered"
    assert (channels["email"]["state"], channels["email"]["reason"]) == ("suppressed", "no_contact_point")
    assert channels["email"]["words"] == "There is no address for this channel."


def test_a_visitor_is_told_to_sign_in() -> None:
    answer = Client().get("/api/v1/inbox/")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["status"] == 401


def test_someone_deactivated_is_a_visitor_at_once(client: Client, reader: User) -> None:
    User.objects.filter(pk=reader.pk).update(is_active=False)

    assert client.get("/api/v1/inbox/").status_code == 401


def test_what_changes_something_needs_the_csrf_token(reader: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(reader)

    answer = post(client, "/api/v1/inbox/seeing/")

    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
