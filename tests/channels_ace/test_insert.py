from datetime import UTC, datetime

import pytest
from django.db.models import F, Value

from accounts.models import User
from channels_ace.api import By, Into, insert_and_count, insert_each
from channels_ace.models import Message, Recipient
from tests.factories import make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_row_takes_the_element_of_its_number_and_lists_count_round() -> None:
    people = [make_user() for _ in range(5)]
    Recipient.objects.all().delete()
    rows = User.objects.annotate(turn=F("pk") - people[0].pk)
    inner = By("turn", ["c", "d"])

    written = insert_each(
        rows,
        Into(model=Recipient, columns={"user_id": "pk", "language": Value("")}, looked_up={"time_zone": By("turn", ["a", "b", inner])}),
    )

    assert written == 5
    assert list(Recipient.objects.order_by("user").values_list("time_zone", flat=True)) == ["a", "b", "c", "a", "b"]


def test_what_is_beyond_a_list_gets_what_is_left() -> None:
    people = [make_user() for _ in range(4)]
    Recipient.objects.all().delete()
    rows = User.objects.annotate(turn=F("pk") - people[0].pk)

    insert_each(
        rows,
        Into(
            model=Recipient,
            columns={"user_id": "pk", "language": Value("")},
            looked_up={"time_zone": By("turn", [None, "b"], otherwise="z")},
        ),
    )

    assert list(Recipient.objects.order_by("user").values_list("time_zone", flat=True)) == ["z", "b", "z", "z"]


def test_rows_are_read_once_although_the_first_table_changes_which_there_are() -> None:
    people = [make_user() for _ in range(3)]
    Recipient.objects.all().delete()
    rows = User.objects.filter(carillon_recipient=None).annotate(turn=F("pk") - people[0].pk)
    said = {"type": Value("tests.x"), "context": Value({}), "channels": Value([]), "fingerprint": Value(""), "created_at": Value(NOW)}
    other = {"link": Value(""), "scope": Value("")}

    counts = insert_and_count(
        rows,
        Into(model=Recipient, columns={"user_id": "pk", "time_zone": Value("UTC"), "language": Value("")}),
        Into(
            model=Message,
            columns={**said, **other},
            looked_up={"public_id": ["a", "b", "c"], "idempotency_key": ["a", "b", "c"]},
            only="<> 0",
        ),
        by="turn",
    )

    assert counts == [3, 2]
    assert Recipient.objects.count() == 3
    assert set(Message.objects.values_list("public_id", flat=True)) == {"b", "c"}
