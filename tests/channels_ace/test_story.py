"""What an operator reads of one delivery, and how it is found among many."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from channels_ace.admin import paging
from channels_ace.admin.history import DeliveryAdmin
from channels_ace.admin.story import Story, story_of
from channels_ace.api import Attempt, Delivery, deliver_all, suppress, sweep
from channels_ace.receipts import Kind, record_receipt
from tests.channels_ace.saying import CODE, NEWS, TEXT, make_people, say
from tests.factories import NOW, make_user
from tests.fakes import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State
LIST = "admin:carillon_channels_delivery_changelist"


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator", "operator@example.org", "a long password"))
    return client


def told(delivery: Delivery, minutes: int = 0) -> Story:
    delivery.refresh_from_db()
    return story_of(delivery, NOW + timedelta(minutes=minutes))


def whats(story: Story) -> list[str]:
    return [line.what for line in story.lines]


def test_a_text_that_was_refused_sent_and_arrived(doubles: Doubles) -> None:
    doubles.faults.script("eum", "throttle")
    say(make_people(1))
    deliver_all(NOW)
    deliver_all(NOW + timedelta(minutes=1))
    delivery = Delivery.objects.get()
    last = Attempt.objects.latest("pk")
    price = {"eventType": "TEXT_DELIVERED", "totalMessagePrice": 0.00645, "totalCarrierFee": 0.003}
    record_receipt("eum", "1", last.token, Kind.DELIVERED, NOW + timedelta(minutes=2), price, NOW + timedelta(minutes=3))

    story = told(delivery)

    assert (story.state, story.glyph, story.contact) == ("Delivered", "✓", "Phone number …1000")
    assert whats(story) == ["Planned", "Attempt 1", "Answer", "Attempt 2", "Answer", "Receipt", "Delivered"]
    refused, accepted, receipt = story.lines[2], story.lines[4], story.lines[5]
    assert ("code", "throttling") in refused.facts
    assert ("the provider's id", last.provider_message_id) in accepted.facts
    assert ("price", "0.00945 USD") in receipt.facts
    assert story.next == ("Nothing more happens.",)


def test_what_was_held_back_at_planning_says_why() -> None:
    (person,) = make_people(1)
    suppress(channel="sms", kind="phone", address="+12065551000", reason="stop", now=NOW)
    say([person])

    story = told(Delivery.objects.get())

    assert (whats(story), story.lines[0].words) == (["Planned"], "The number replied STOP. Only a START from that number lifts this.")
    assert story.lines[0].facts == (("code", "suppressed_stop"),)


def test_what_waits_says_for_what_and_what_would_be_decided_now() -> None:
    (person,) = make_people(1, time_zone="Asia/Tokyo")
    say([person], expires_at=NOW + timedelta(days=1))
    delivery = Delivery.objects.get()

    waits = told(delivery)
    suppress(channel="sms", kind="phone", address="+12065551000", reason="stop", now=NOW)
    stopped = told(delivery)

    assert waits.state == "Waiting"
    assert waits.next[0].startswith("Its turn comes at 2026-03-03 00:")
    assert waits.next[1].startswith("It is worth sending until 2026-03-03 12:00:00")
    assert waits.next[2].startswith("If it were its turn now, it would wait: It waits: texts go out between")
    assert stopped.next[2].startswith("If it were its turn now, it would not go: The number replied STOP.")


def test_what_is_due_says_so() -> None:
    say(make_people(1))

    assert told(Delivery.objects.get(), 5).next == (
        "It is due since 2026-03-02 12:00:00 UTC: the next worker of its lane takes it.",
        "If it were its turn now, nothing would stand against it.",
    )


@pytest.mark.parametrize(("kind", "end"), [(TEXT, "it is closed as unknown and not sent again."), (CODE, "it is sent again.")])
def test_what_is_unknown_says_what_becomes_of_it(doubles: Doubles, kind: Any, end: str) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1), kind, channels=["sms"])
    deliver_all(NOW)

    story = told(Delivery.objects.get())

    assert (story.state, story.glyph) == ("Unknown", "?")
    assert story.next == (f"If no receipt proves by 2026-03-02 12:10:00 UTC that it was taken, {end}",)


def test_what_was_never_explained_is_closed(doubles: Doubles) -> None:
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1))
    deliver_all(NOW)
    sweep(NOW + timedelta(hours=1))

    assert told(Delivery.objects.get()).next == ("Nothing more happens.",)


def test_the_page_tells_it_without_any_address(doubles: Doubles, operator: Client) -> None:
    say(make_people(1))
    deliver_all(NOW)
    delivery = Delivery.objects.get()

    page = operator.get(reverse("admin:carillon_channels_delivery_change", args=[delivery.pk])).content.decode()

    assert f"Person {delivery.user_id}" in page
    assert "…1000" in page
    assert "12065551000" not in page
    assert Attempt.objects.get().provider_message_id in page


def test_it_is_found_by_recipient_message_and_provider(doubles: Doubles, operator: Client) -> None:
    first, second = make_people(2)
    message = say([first])
    say([second])
    deliver_all(NOW)
    attempt = Attempt.objects.get(delivery__user=first)

    for term in (first.username, str(first.pk), "+1 206 555 1000", message.public_id, attempt.provider_message_id, str(attempt.token)):
        found = operator.get(reverse(LIST), {"q": term}).content.decode()
        assert found.count('class="field-reason_in_words"') == 1, term
        assert f"{first.pk} …1000" in found
    assert 'class="field-reason_in_words"' not in operator.get(reverse(LIST), {"q": "nobody"}).content.decode()


def test_it_is_filtered_by_state_channel_and_reason(operator: Client) -> None:
    say([make_user(phone="+12065551000")])
    say([make_user()])
    say([make_user(email="ada@learn.example")], NEWS, channels=["email"])

    for asked, rows in (({"state__exact": "suppressed"}, 1), ({"channel": "sms"}, 2), ({"reason": "no_contact_point"}, 1)):
        found = operator.get(reverse(LIST), asked).content.decode()
        assert found.count('class="field-reason_in_words"') == rows, asked


def test_no_list_counts_or_reads_a_whole_table(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging.UpToPaginator, "most", 3)
    monkeypatch.setattr(DeliveryAdmin, "list_per_page", 2)
    say(make_people(5))

    with CaptureQueriesContext(connection) as captured:
        page = operator.get(reverse(LIST)).content.decode()

    asked = [query["sql"] for query in captured if "carillon_channels_delivery" in query["sql"]]
    assert asked
    assert all("LIMIT" in sql for sql in asked)
    assert "DISTINCT" not in "".join(asked)
    assert "3 deliveries or more" in page


@pytest.mark.parametrize("model", ["attempt", "providerevent", "message", "inboundtext", "fanoutchunk"])
def test_nor_do_the_other_lists_that_grow(operator: Client, model: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        operator.get(reverse(f"admin:carillon_channels_{model}_changelist"))

    asked = [query["sql"] for query in captured if f"carillon_channels_{model}" in query["sql"]]
    counted = [sql for sql in asked if "COUNT(" in sql]
    assert counted
    assert all("LIMIT 10000" in sql for sql in counted)
    assert "DISTINCT" not in "".join(asked)
