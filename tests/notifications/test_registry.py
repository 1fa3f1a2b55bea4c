import json

import pytest
from django.conf import settings

from channels_ace import message_types
from channels_ace.api import Hours, MessageType, UnknownType, registered_channels
from channels_ace.reasons import is_explained
from notifications.notification_types import ACTIVITY, PLATFORM_TYPES, platform_type
from notifications.registry import Category, NotificationType, find, register, registered
from tests.notifications.bad_events import DATA

# The facts of Open edX's notifications app: app.type -> inbox, e-mail and push by default.
OPEN_EDX_DEFAULTS = {
    "discussion.new_response": (True, True, True),
    "discussion.new_comment": (True, True, True),
    "discussion.new_comment_on_response": (True, True, True),
    "discussion.response_on_followed_post": (True, True, True),
    "discussion.comment_on_followed_post": (True, True, True),
    "discussion.response_endorsed_on_thread": (True, True, True),
    "discussion.response_endorsed": (True, True, True),
    "discussion.new_discussion_post": (False, False, False),
    "discussion.new_question_post": (False, False, False),
    "discussion.new_instructor_all_learners_post": (True, True, False),
    "discussion.content_reported": (True, True, False),
    "updates.course_updates": (True, True, False),
    "grading.ora_staff_notifications": (True, False, False),
    "grading.ora_grade_assigned": (True, True, False),
    "grading.ora_reminder": (True, True, False),
}


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_types, "_registered", dict(message_types._registered))


def a_type(**changes: object) -> NotificationType:
    facts: dict[str, object] = {"name": "tests.one", "category": Category.OTHER, "label": "One", "channels": ("inbox",)}
    return NotificationType(**{**facts, **changes})  # type: ignore[arg-type]


def test_every_type_of_the_platform_has_the_platforms_defaults() -> None:
    assert set(PLATFORM_TYPES.values()) == set(OPEN_EDX_DEFAULTS)
    for name, defaults in OPEN_EDX_DEFAULTS.items():
        assert tuple(channel in find(name).on for channel in ("inbox", "email", "push")) == defaults, name


def test_the_platforms_activity_notifications_share_one_line() -> None:
    shared = [known for known in registered() if known.row == ACTIVITY]
    assert len(shared) == 7
    assert {(str(known.label), known.scope, known.on) for known in shared} == {
        ("Activity notifications", ACTIVITY, frozenset({"inbox", "email", "push"}))
    }


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("discussion.content_reported", {"administrator", "moderator", "community_ta"}),
        ("grading.ora_staff_notifications", {"staff", "instructor"}),
        ("discussion.new_response", set()),
    ],
)
def test_some_types_are_only_for_some_roles(name: str, roles: set[str]) -> None:
    assert find(name).visible_to == roles


def test_every_category_has_a_type() -> None:
    assert {known.category for known in registered()} == set(Category)
    assert find("grading.ora_reminder").category == Category.COURSE_DATES


def test_every_type_uses_channels_and_lanes_that_exist() -> None:
    for known in registered():
        assert set(known.channels) <= set(registered_channels()), known.name
        assert known.locked <= known.on <= set(known.channels), known.name
        assert known.lane in settings.LANES, known.name


def test_security_notices_cannot_be_turned_off_and_wait_for_nothing() -> None:
    known = find("account.password_changed")
    assert (known.locked, known.hours, known.lane) == (frozenset({"inbox", "email"}), Hours.ANY, "urgent")


def test_every_event_of_the_platform_asks_for_what_its_type_needs() -> None:
    for line in (DATA / "lms_events.jsonl").read_text().splitlines():
        (said,) = json.loads(line)["data"].values()
        known = platform_type(said["app_name"], said["notification_type"])
        if known is not None:
            assert set(known.variables) <= set(said.get("context", said.get("content_context"))), known.name


@pytest.mark.parametrize(("app", "name"), [("account", "password_changed"), ("studies", "nudge"), ("updates", "new_response"), ("", "")])
def test_a_platform_can_only_say_what_is_its_own(app: str, name: str) -> None:
    assert platform_type(app, name) is None


def test_a_type_locks_only_what_is_on(own_registry: None) -> None:
    with pytest.raises(ValueError, match="locks inbox"):
        register(a_type(locked=frozenset({"inbox"})))


def test_two_types_cannot_share_a_name(own_registry: None) -> None:
    register(a_type())
    register(a_type())
    with pytest.raises(ValueError, match="Two message types"):
        register(a_type(label="Another"))


def test_a_plain_message_type_is_no_notification_type(own_registry: None) -> None:
    message_types.register(MessageType(name="tests.plain", channels=("sms",)))
    with pytest.raises(TypeError, match="no notification type"):
        find("tests.plain")
    with pytest.raises(UnknownType):
        find("tests.nobody")


@pytest.mark.parametrize(
    "reason",
    ["turned_off", "category_turned_off", "off_by_default", "withdrawn", "paused", "not_consented", "study_paused", "not_enrolled"],
)
def test_the_reason_of_every_policy_has_words(reason: str) -> None:
    assert is_explained(reason)
