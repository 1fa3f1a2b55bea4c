"""What PostgreSQL touches for one reader among many: their own rows, found by an index, and no more statements for more of them."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Message
from notifications import inbox, inbox_lines, inbox_marks
from notifications.api import InboxItem
from notifications.inbox_changes import changes
from tests.factories import make_user

pytestmark = pytest.mark.django_db

MESSAGES, PEOPLE, EACH = 20_000, 200, 60
ITEMS = InboxItem._meta.db_table


@pytest.fixture
def reader() -> User:
    """One of many people; all hold as many items."""
    if connection.vendor != "postgresql":
        pytest.skip("These are plans of PostgreSQL")
    now = timezone.now()
    people = User.objects.bulk_create(User(username=f"person{number}") for number in range(PEOPLE))
    with connection.cursor() as cursor:
        # By statements of their own: a model for each would take most of the test's time.
        cursor.execute(
            """INSERT INTO carillon_channels_message
                (public_id, type, context, link, scope, channels, idempotency_key, fingerprint, created_at)
            SELECT 'm' || n, 'other.announcement', jsonb_build_object('title', 'Lab ' || n), '', '', '[]', 'k' || n, '', %s
            FROM generate_series(1, %s) n""",
            [now, MESSAGES],
        )
        cursor.execute(
            """INSERT INTO carillon_notifications_inboxitem (user_id, message_id, category) SELECT person, message.id, 'other'
            FROM unnest(%s::bigint[]) person CROSS JOIN generate_series(1, %s) n
            JOIN carillon_channels_message message ON message.public_id = 'm' || (1 + (person * 37 + n * 83) %% %s)""",
            [[person.pk for person in people], EACH, MESSAGES],
        )
        cursor.execute("ANALYZE")
    return people[PEOPLE // 2]


Deed = Callable[[int, Any], object]
DEEDS: dict[str, Deed] = {
    "list": lambda user, now: inbox.page(user, now),
    "page": lambda user, now: inbox_lines.lines(user, now, before=2**40, size=20),
    "archive": lambda user, now: inbox.page(user, now, inbox.Asked(show="archived")),
    "search": lambda user, now: inbox.page(user, now, inbox.Asked(search="lab")),
    "counts": lambda user, now: inbox.counts(user, now),
    "badge": lambda user, now: inbox.badge(user, now),
    "courses": lambda user, now: inbox.courses(user, now),
    "changes": lambda user, now: changes(user, now, changes(user, now, None).to),
    "mark all read": lambda user, now: inbox_marks.mark_all_read(user, now),
    "mark seen": lambda user, now: inbox_marks.mark_seen(user, now),
    "archive what is read": lambda user, now: inbox_marks.archive_read(user, now, through=2**40),
}


def test_only_the_readers_rows_are_touched(reader: User) -> None:
    for name, deed in DEEDS.items():
        with CaptureQueriesContext(connection) as asked:
            deed(reader.pk, timezone.now())

        looked = [node for query in asked.captured_queries for node in _plan(query["sql"])]

        assert [node for node in looked if node.get("Relation Name") == ITEMS], name
        assert [node for node in looked if node.get("Relation Name") == ITEMS and "user_id" not in node.get("Index Cond", "")] == [], name
        # Of the messages those alone that the reader's rows name.
        read = [node["Relation Name"] for node in looked if node["Node Type"] == "Seq Scan"]
        assert {ITEMS, Message._meta.db_table}.isdisjoint(read), name


KINDS = ["bigint", "timestamptz", "timestamptz", "bigint"]
PREPARED = {
    "badge": inbox._BELL,
    "counts": inbox._TALLY,
    "first page": inbox_lines._page(21, is_first=True),
    "page": inbox_lines._page(21, is_first=False),
}


# What PostgreSQL believes for a while after much was said or deleted: how many messages there are, and how many people have items.
STATISTICS = {
    "true": (MESSAGES, 200_000),
    "few messages": (1, 200_000),
    "many messages": (1e9, 200_000),
    "large inboxes": (MESSAGES, 2_000),
}


@pytest.mark.parametrize("believed", STATISTICS)
@pytest.mark.parametrize("name", PREPARED)
def test_a_plan_made_once_for_everybody_touches_their_rows_only(name: str, believed: str, reader: User) -> None:
    messages, people = STATISTICS[believed]
    now = timezone.now()
    # As if 200,000 people had ten million items; a hundred messages were said to everyone.
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO carillon_notifications_broadcast (message_id, through_user_id, begins_at)
            SELECT id, %s, created_at FROM carillon_channels_message ORDER BY id DESC LIMIT 100""",
            [reader.pk],
        )
        cursor.execute(f"ALTER TABLE {ITEMS} ALTER COLUMN user_id SET (n_distinct = {people})")
        cursor.execute(f"ANALYZE carillon_notifications_broadcast, {ITEMS}")
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        if cursor.fetchone() == (True,):
            cursor.execute("UPDATE pg_class SET reltuples = 1e7 WHERE oid = %s::regclass", [ITEMS])
            cursor.execute("UPDATE pg_class SET reltuples = 2e5 WHERE oid = %s::regclass", [User._meta.db_table])
            cursor.execute("UPDATE pg_class SET reltuples = %s WHERE oid = %s::regclass", [messages, Message._meta.db_table])
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        values: list[int | datetime] = [reader.pk, now, now, *([2**40] if "page" in name else [])]
        cursor.execute(f"PREPARE plan_of_it ({', '.join(KINDS[: len(values)])}) AS {PREPARED[name].numbered(*values)}")
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE plan_of_it ({', '.join(['%s'] * len(values))})", values)
        told = cursor.fetchone()[0]
        cursor.execute("DEALLOCATE plan_of_it")
    looked = list(_nodes((json.loads(told) if isinstance(told, str) else told)[0]["Plan"]))

    of_items = [node for node in looked if node.get("Relation Name") == ITEMS]
    assert of_items
    assert [node for node in of_items if "user_id = $1" not in node.get("Index Cond", "")] == []
    # Whether something said to everyone came in is looked up, by one key for each.
    assert [node for node in of_items if "message_id = " in node.get("Index Cond", "")]
    of_messages = [node for node in looked if node.get("Relation Name") == Message._meta.db_table]
    assert [node.get("Index Cond", "") for node in of_messages if "(id = " not in node.get("Index Cond", "")] == []
    read = [node["Relation Name"] for node in looked if node["Node Type"] == "Seq Scan"]
    assert {ITEMS, Message._meta.db_table, User._meta.db_table}.isdisjoint(read)


@pytest.mark.parametrize("name", ["badge", "counts"])
def test_a_count_is_one_statement(name: str) -> None:
    user = make_user()
    with CaptureQueriesContext(connection) as asked:
        DEEDS[name](user.pk, timezone.now())
    assert len(asked) == 1


def _plan(statement: str) -> Iterator[dict[str, Any]]:
    if not statement.startswith(("SELECT", "UPDATE", "DELETE")) or "pg_control" in statement:
        return
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) " + statement)
        told = cursor.fetchone()[0]
    yield from _nodes((json.loads(told) if isinstance(told, str) else told)[0]["Plan"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    # The target of an UPDATE is named by the node that changes it too; what finds it stands below.
    if node["Node Type"] != "ModifyTable" and node["Node Type"] != "Bitmap Heap Scan":
        yield node
    for below in node.get("Plans", ()):
        # A bitmap's own node has the condition, and the table's name stands above it.
        named = {"Relation Name": node["Relation Name"]} if node["Node Type"] == "Bitmap Heap Scan" else {}
        yield from _nodes({**named, **below})


@pytest.mark.parametrize("deed", DEEDS)
def test_more_items_take_no_more_statements(deed: str) -> None:
    now = timezone.now()
    few, many = (make_user() for _ in range(2))
    said = Message.objects.bulk_create(
        Message(type="other.announcement", context={"title": "Lab"}, idempotency_key=f"{number}", created_at=now) for number in range(45)
    )
    InboxItem.objects.bulk_create(InboxItem(user_id=many.pk, message=message, category="other") for message in said)
    InboxItem.objects.create(user_id=few.pk, message=said[0], category="other")

    with CaptureQueriesContext(connection) as one:
        DEEDS[deed](few.pk, now)
    with CaptureQueriesContext(connection) as all_of_them:
        DEEDS[deed](many.pk, now)

    assert len(all_of_them) <= len(one)
