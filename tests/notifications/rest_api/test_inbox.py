from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Message
from notifications.api import notify
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
    tell(reader)
    client.get("/api/v1/inbox/")
    with CaptureQueriesContext(connection) as one:
        client.get("/api/v1/inbox/")
    for _ in range(19):
        tell(reader)
    with CaptureQueriesContext(connection) as twenty:
        client.get("/api/v1/inbox/")

    assert len(twenty) == len(one)


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

    assert counts == {
        "unread": 3,
        "unseen_badge": 3,
        "by_category": {"discussion": 1, "course_dates": 0, "account": 0, "study": 0, "other": 2},
    }


def test_seeing_clears_the_badge_and_leaves_items_unread(client: Client, reader: User) -> None:
    tell(reader)

    counts = post(client, "/api/v1/inbox/seeing/").json()

    assert (counts["unread"], counts["unseen_badge"]) == (1, 0)
    assert client.get("/api/v1/inbox/").json()["items"][0]["seen_at"] is not None


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


def test_what_mark_all_covered_cannot_be_marked_unread(client: Client, reader: User) -> None:
    message = tell(reader)
    post(client, "/api/v1/inbox/readings/", {"through": message.public_id})

    answer = client.delete(f"/api/v1/inbox/{message.public_id}/reading/")

    assert answer.status_code == 409
    assert client.get("/api/v1/inbox/counts/").json()["unread"] == 0


def test_anothers_item_does_not_exist(client: Client) -> None:
    theirs = tell(make_user()).public_id

    assert post(client, f"/api/v1/inbox/{theirs}/reading/").status_code == 404
    assert client.delete(f"/api/v1/inbox/{theirs}/reading/").status_code == 404
    assert client.get(f"/api/v1/inbox/{theirs}/explanation/").status_code == 404
    assert post(client, "/api/v1/inbox/readings/", {"through": theirs}).status_code == 404


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
    assert answer.headers["WWW-Authenticate"].startswith("Session")
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
