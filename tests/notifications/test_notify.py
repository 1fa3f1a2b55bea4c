from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from channels_ace.api import Audience, Delivery, KeyReused, Message, Refused, UnknownType
from notifications.inbox import words
from notifications.models import InboxItem
from notifications.notify import notify
from notifications.preferences import choose
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db
State = Delivery.State
ANSWER = {"replier_name": "lee", "post_title": "Who answers?"}
poked: list[str] = []


def poke(lane: str) -> None:
    poked.append(lane)


def states() -> set[tuple[str, str, str]]:
    return set(Delivery.objects.values_list("channel", "state", "reason"))


def test_one_call_writes_the_inbox_and_a_delivery_for_each_channel() -> None:
    user = make_user(email="ana@example.org", device="device-1")
    message = notify(type="discussion.new_response", audience=[user], context=ANSWER, link="/inbox/", scope="course-v1:X", now=NOW)
    item = InboxItem.objects.get()
    assert (item.user_id, item.message_id, item.category) == (user.pk, message.pk, "discussion")
    assert words(item, "en") == {"title": "lee answered your post “Who answers?”.", "text": ""}
    assert states() == {("email", State.READY, ""), ("push", State.READY, "")}
    assert (message.link, message.scope, message.created_at, message.fanned_out_at) == ("/inbox/", "course-v1:X", NOW, NOW)


def test_what_is_held_back_has_its_reason() -> None:
    user = make_user(email="ana@example.org")
    choose(user.pk, "discussion.activity", "inbox", is_on=False, now=NOW)
    choose(user.pk, "discussion", "email", is_on=False, now=NOW)
    notify(type="discussion.new_response", audience=[user], context=ANSWER, now=NOW)
    assert not InboxItem.objects.exists()
    assert states() == {
        ("inbox", State.SUPPRESSED, "turned_off"),
        ("email", State.SUPPRESSED, "category_turned_off"),
        ("push", State.SUPPRESSED, "no_contact_point"),
    }


def test_a_type_that_is_off_by_default_says_so() -> None:
    make_user(email="ana@example.org")
    notify(
        type="discussion.new_question_post", audience=get_user_model().objects.all(), context={"username": "x", "post_title": "y"}, now=NOW
    )
    assert states() == {("inbox", State.SUPPRESSED, "off_by_default"), ("email", State.SUPPRESSED, "off_by_default")}


@pytest.mark.parametrize("kind", ["users", "ids", "queryset", "twice"])
def test_an_audience_is_users_or_their_ids_or_a_queryset(kind: str) -> None:
    ana, ben, _other = make_user(), make_user(), make_user()
    audiences: dict[str, Audience] = {
        "users": [ana, ben],
        "ids": [ana.pk, ben.pk],
        "queryset": get_user_model().objects.filter(pk__lte=ben.pk).order_by("-username"),
        "twice": [ana.pk, ben.pk, ana.pk],
    }
    notify(type="discussion.response_endorsed", audience=audiences[kind], context={"post_title": "x"}, now=NOW)
    assert set(InboxItem.objects.values_list("user_id", flat=True)) == {ana.pk, ben.pk}


def test_one_key_says_it_once() -> None:
    users = [make_user(email="ana@example.org"), make_user()]
    first = notify(type="discussion.new_response", audience=users, context=ANSWER, idempotency_key="k", now=NOW)
    second = notify(type="discussion.new_response", audience=users, context=ANSWER, idempotency_key="k", now=NOW + timedelta(hours=1))
    assert first == second
    assert (Message.objects.count(), InboxItem.objects.count(), Delivery.objects.filter(channel="email").count()) == (1, 2, 2)


def test_one_key_with_other_words_is_an_error() -> None:
    user = make_user()
    notify(type="discussion.new_response", audience=[user], context=ANSWER, idempotency_key="k", now=NOW)
    with pytest.raises(KeyReused):
        notify(type="discussion.new_response", audience=[user], context={**ANSWER, "replier_name": "eve"}, idempotency_key="k", now=NOW)
    assert Message.objects.get().context == ANSWER


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"type": "discussion.nobody_knows"}, UnknownType),
        ({"context": {"replier_name": "lee"}}, Refused),
        ({"context": {**ANSWER, "post_title": ""}}, Refused),
        ({"context": {**ANSWER, "more": object()}}, Refused),
        ({"context": {**ANSWER, "more": "\0"}}, Refused),
        ({"context": {**ANSWER, "more": {"deeper": "\\\\\0"}}}, Refused),
        ({"context": {**ANSWER, "more": "half a \ud83d smile"}}, Refused),
        ({"link": "javascript:alert(1)"}, Refused),
        ({"channels": ["sms"]}, Refused),
    ],
    ids=str,
)
def test_what_cannot_be_said_is_refused_and_nothing_is_written(changes: dict[str, object], error: type[Exception]) -> None:
    user = make_user()
    wanted: dict[str, object] = {"type": "discussion.new_response", "audience": [user], "context": ANSWER, "now": NOW, **changes}
    with pytest.raises(error):
        notify(**wanted)  # type: ignore[arg-type]
    assert not Message.objects.exists()
    assert not InboxItem.objects.exists()


def test_words_about_a_nul_character_are_no_nul_character() -> None:
    asked = {**ANSWER, "post_title": r"What is \u0000, and 👋?"}
    assert notify(type="discussion.new_response", audience=[make_user()], context=asked, now=NOW).context == asked


def test_a_limit_to_channels_is_kept() -> None:
    user = make_user(email="ana@example.org", device="device-1")
    notify(type="discussion.new_response", audience=[user], context=ANSWER, channels=["push"], now=NOW)
    assert states() == {("push", State.READY, "")}
    assert not InboxItem.objects.exists()


def test_what_is_to_be_said_later_is_planned() -> None:
    user = make_user(email="ana@example.org")
    notify(
        type="discussion.new_response", audience=[user], context=ANSWER, channels=["email"], send_after=NOW + timedelta(hours=1), now=NOW
    )
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.due_at) == (State.PLANNED, NOW + timedelta(hours=1))


def test_at_night_e_mail_waits_and_a_security_notice_does_not() -> None:
    user = make_user(email="ana@example.org", time_zone="Asia/Kolkata")
    night = NOW.replace(hour=20)
    notify(type="discussion.new_response", audience=[user], context=ANSWER, channels=["email"], now=night)
    notify(type="account.password_changed", audience=[user], channels=["email"], now=night)
    assert states() == {("email", State.DEFERRED, "quiet_hours"), ("email", State.READY, "")}


def test_the_poke_follows_the_commit(settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "POKE": "tests.notifications.test_notify.poke"}
    poked.clear()
    with django_capture_on_commit_callbacks(execute=True):
        notify(type="account.password_changed", audience=[make_user()], now=NOW)
        assert poked == []
    assert poked == ["urgent"]
