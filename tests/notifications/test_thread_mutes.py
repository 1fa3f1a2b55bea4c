"""A thread is muted by itself: the rest of its course goes on."""

from datetime import datetime

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from channels_ace.api import Delivery, Message, deliver_all
from notifications.ingest import ingest_line
from notifications.models import InboxItem, Mute
from notifications.resting import kind_of, mutable, mute, muted_of
from tests.factories import COURSE, NOW, make_member, make_user
from tests.notifications.bad_events import user_event

pytestmark = pytest.mark.django_db
THREAD = f"thread:{COURSE}|64f0c000"


def context(thread_id: str = "64f0c000") -> dict[str, str]:
    return {"course_name": "Network Science 101", "replier_name": "lee", "post_title": "Who answers?", "thread_id": thread_id}


@pytest.fixture
def ana() -> User:
    return make_member(make_user("ana", email="ana@example.org", platform_id=101))


@pytest.fixture
def page(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def say(event_id: str, thread_id: str = "64f0c000", now: datetime = NOW) -> Message:
    event = ingest_line(user_event(event_id, user_ids=[101], context=context(thread_id)), now)
    assert event.message is not None
    return event.message


def test_a_muted_thread_is_heard_of_nowhere_and_another_is(ana: User) -> None:
    mute(ana.pk, THREAD, "Who answers?", now=NOW)
    muted, heard = say("a"), say("b", "64f0c001")

    assert list(InboxItem.objects.values_list("message", flat=True)) == [heard.pk]
    held = Delivery.objects.filter(message=muted, channel__in=["inbox", "email"])
    assert sorted(held.values_list("channel", "reason")) == [("email", "muted"), ("inbox", "muted")]
    assert (muted.thread, heard.thread) == (THREAD, f"thread:{COURSE}|64f0c001")


@pytest.mark.parametrize("thread_id", ["", "x" * 250])
def test_a_thread_without_a_name_that_fits_is_none(ana: User, thread_id: str) -> None:
    assert say("a", thread_id).thread == ""


def test_a_mute_holds_for_what_waits_to_be_sent(ana: User) -> None:
    message = say("a")
    waiting = Delivery.objects.get(message=message, channel="email")
    mute(ana.pk, THREAD, "Who answers?", now=NOW)
    deliver_all(NOW)

    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason) == ("suppressed", "muted")


def test_the_page_of_reasons_mutes_the_thread_or_the_course_and_takes_it_back(page: Client, ana: User) -> None:
    message = say("a", now=timezone.now())
    why = f"/inbox/{message.public_id}/why/"
    shown = page.get(why).content.decode()
    assert ("Mute Who answers?" in shown, "Mute Network Science 101" in shown) == (True, True)

    assert page.post("/settings/mutes/", {"key": THREAD, "label": "Who answers?", "next": why})["Location"] == why
    assert muted_of(ana.pk, [one.key for one in mutable(message)]) == {THREAD}
    settings = page.get("/settings/").content.decode()
    assert ("Discussion thread" in settings, "Who answers?" in settings) == (True, True)

    page.post("/settings/mutes/removal/", {"key": THREAD})
    assert not Mute.objects.exists()


def test_the_menu_of_a_row_mutes_the_thread_and_offers_nothing_foreign(page: Client, ana: User) -> None:
    message = say("a", now=timezone.now())
    muting = f"/inbox/{message.public_id}/muting/"
    assert f'value="{THREAD}"' in page.get("/inbox/").content.decode()

    assert page.post(muting, {"key": "course-v1:another"}).status_code == 404
    page.post(muting, {"key": THREAD})

    assert list(Mute.objects.values_list("key", "label")) == [(THREAD, "Who answers?")]


def test_a_message_about_nothing_can_not_be_muted() -> None:
    assert mutable(Message(type="discussion.new_response", context={})) == []


@pytest.mark.parametrize(("key", "word"), [(THREAD, "Discussion thread"), ("study:abc", "Study"), (COURSE, "Course")])
def test_what_is_muted_has_a_word(key: str, word: str) -> None:
    assert kind_of(key) == word
