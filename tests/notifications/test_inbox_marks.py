from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Delivery, Message
from notifications import inbox, inbox_marks
from notifications.api import InboxItem, notify
from tests.factories import make_contact, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def tell(person: User, *, sort: str = "other.announcement") -> Message:
    return notify(type=sort, audience=[person], context={"title": "Labs"})


def item_of(person: User, message: Message) -> InboxItem:
    return InboxItem.objects.get(user=person, message=message)


def listed(person: User, at: timedelta = timedelta(), *, archived: bool = False) -> list[tuple[int, bool]]:
    page = inbox.page(person.pk, timezone.now() + at, inbox.Asked(show="archived" if archived else "here"))
    return [(item.message_id, item.read_at is not None) for item in [*page.returned, *page.items]]


def test_an_archived_item_leaves_list_and_counts_and_comes_back_as_it_was(ana: User) -> None:
    message = tell(ana)
    inbox_marks.archive([item_of(ana, message)], timezone.now())
    assert (listed(ana), inbox.counts(ana.pk, timezone.now())) == ([], {})
    assert listed(ana, archived=True) == [(message.pk, False)]

    inbox_marks.unarchive([item_of(ana, message)], timezone.now())

    assert listed(ana) == [(message.pk, False)]


def test_a_snoozed_item_returns_as_new_at_its_time_whatever_was_marked_meanwhile(ana: User) -> None:
    message = tell(ana)
    now = timezone.now()
    inbox_marks.mark_read([item_of(ana, message)], now)
    inbox_marks.snooze([item_of(ana, message)], now + timedelta(hours=1), now)
    inbox_marks.mark_all_read(ana.pk, now)
    assert (listed(ana), inbox.badge(ana.pk, timezone.now())) == ([], 0)

    later = timedelta(hours=2)

    assert listed(ana, later) == [(message.pk, False)]
    assert inbox.badge(ana.pk, timezone.now() + later) == 1


@pytest.mark.parametrize(
    "act", [inbox_marks.mark_read, inbox_marks.archive, lambda items, now: inbox_marks.mark_all_read(items[0].user_id, now)]
)
def test_what_is_read_in_the_inbox_is_no_longer_sent(ana: User, act) -> None:  # type: ignore[no-untyped-def]
    make_contact(ana, "email", "ana@example.org")
    message, other = tell(ana), tell(make_user("ben"))
    mail = Delivery.objects.create(
        message=message,
        user=ana,
        channel="email",
        contact_point_id=77,
        lane="bulk",
        state="deferred",
        due_at=timezone.now(),
        created_at=timezone.now(),
        changed_at=timezone.now(),
    )

    act([item_of(ana, message)], timezone.now())

    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("cancelled", "read_elsewhere")
    assert not other.deliveries.filter(reason="read_elsewhere").exists()


def test_archiving_over_the_api_is_undone_by_delete(ana: User) -> None:
    client, message = Client(), tell(ana)
    client.force_login(ana)
    address = f"/api/v1/inbox/{message.public_id}/archiving/"

    assert client.post(address, {}, content_type="application/json").status_code == 204
    assert client.get("/api/v1/inbox/").json()["items"] == []
    assert client.delete(address).status_code == 204
    assert len(client.get("/api/v1/inbox/").json()["items"]) == 1
