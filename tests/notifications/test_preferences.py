from itertools import product

import pytest
from django.contrib.auth import get_user_model
from django.db.models import Value

from accounts.models import User
from channels_ace.api import Question, verdict
from notifications.models import Preference
from notifications.policies import Preferred
from notifications.preferences import Cell, NotChangeable, choose, matrix
from notifications.registry import find, registered
from tests.factories import NOW, make_member, make_user

pytestmark = pytest.mark.django_db

ON_BY_DEFAULT = ("discussion.new_response", "email")
OFF_BY_DEFAULT = ("discussion.new_question_post", "email")
LOCKED = ("account.password_changed", "email")


def cell_of(user: User, scope: str, channel: str) -> Cell:
    rows = [row for section in matrix(user.pk) for row in (section.row, *section.rows)]
    return next(cell for row in rows if row.scope == scope for cell in row.cells if cell.channel == channel)


def allowed(type_name: str, channel: str) -> set[int]:
    """Whom the policy, asked once about everybody, lets through."""
    question = Question(type=find(type_name), channel=channel, contact_kinds=(), now=NOW, scope=Value(""))
    rows = get_user_model()._default_manager.annotate(verdict=verdict(list(Preferred().rules(question))))
    return set(rows.filter(verdict=0).values_list("pk", flat=True))


@pytest.mark.parametrize(("type_name", "channel"), [ON_BY_DEFAULT, OFF_BY_DEFAULT, LOCKED], ids=["on", "off", "locked"])
def test_the_policy_over_a_set_decides_as_the_settings_page_shows(type_name: str, channel: str) -> None:
    known = find(type_name)
    people = []
    for of_type, of_category in product((True, False, None), repeat=2):
        user = make_user()
        for scope, is_on in ((known.scope, of_type), (str(known.category), of_category)):
            if is_on is not None:
                Preference.objects.create(user=user, scope=scope, channel=channel, is_on=is_on, changed_at=NOW)
        people.append((user, of_type, of_category))

    let_through = allowed(type_name, channel)

    for user, of_type, of_category in people:
        expected = (
            True if channel in known.locked else next((is_on for is_on in (of_type, of_category) if is_on is not None), channel in known.on)
        )
        assert (user.pk in let_through, cell_of(user, known.scope, channel).is_on) == (expected, expected), (of_type, of_category)


def test_without_any_choice_page_and_policy_agree_on_every_switch() -> None:
    user = make_member(role="instructor")
    make_member(user, role="moderator")
    for known in registered():
        for channel in known.channels:
            assert cell_of(user, known.scope, channel).is_on == (user.pk in allowed(known.name, channel)), (known.name, channel)


def test_another_persons_choice_and_another_channels_choice_count_for_nothing() -> None:
    user, other = make_user(), make_user()
    choose(other.pk, "discussion.activity", "email", is_on=False, now=NOW)
    choose(user.pk, "discussion.activity", "push", is_on=False, now=NOW)
    assert allowed("discussion.new_response", "email") == {user.pk}
    assert allowed("discussion.new_response", "push") == {other.pk}


def test_one_choice_covers_every_type_of_its_line() -> None:
    user = make_user()
    choose(user.pk, "discussion.activity", "inbox", is_on=False, now=NOW)
    assert not [known.name for known in registered() if known.row == "discussion.activity" and user.pk in allowed(known.name, "inbox")]


def test_a_category_switch_does_what_it_shows() -> None:
    user = make_user()
    choose(user.pk, "discussion.new_question_post", "email", is_on=True, now=NOW)
    choose(user.pk, "discussion", "email", is_on=False, now=NOW)
    assert not cell_of(user, "discussion", "email").is_on
    assert not cell_of(user, "discussion.new_question_post", "email").is_on
    choose(user.pk, "discussion", "email", is_on=True, now=NOW)
    assert cell_of(user, "discussion.new_question_post", "email").is_on
    choose(user.pk, "discussion.new_question_post", "email", is_on=False, now=NOW)
    assert not cell_of(user, "discussion.new_question_post", "email").is_on
    assert cell_of(user, "discussion.activity", "email").is_on


def test_a_category_switch_above_a_locked_line_does_what_it_shows() -> None:
    user = make_user()
    assert not cell_of(user, "account.maintenance", "email").is_on
    choose(user.pk, "account", "email", is_on=True, now=NOW)
    assert cell_of(user, "account", "email").is_on
    assert cell_of(user, "account.maintenance", "email").is_on
    choose(user.pk, "account", "email", is_on=False, now=NOW)
    assert not cell_of(user, "account", "email").is_on
    assert not cell_of(user, "account.maintenance", "email").is_on
    assert cell_of(user, "account.password_changed", "email").is_on


@pytest.mark.parametrize(
    ("scope", "channel"),
    [
        ("account.password_changed", "email"),
        ("account.password_changed", "sms"),
        ("discussion.new_question_post", "push"),
        ("discussion.new_response", "email"),
        ("discussion.activity", "pigeon"),
        ("discussion.content_reported", "email"),
        ("account", "push"),
        ("nothing.known", "email"),
        ("", "email"),
    ],
)
def test_a_switch_that_is_locked_or_not_there_cannot_be_changed(scope: str, channel: str) -> None:
    user = make_user()
    with pytest.raises(NotChangeable):
        choose(user.pk, scope, channel, is_on=False, now=NOW)
    assert not Preference.objects.exists()


def test_a_moderator_sees_and_changes_what_moderators_get() -> None:
    user = make_member(role="moderator")
    choose(user.pk, "discussion.content_reported", "email", is_on=False, now=NOW)
    assert user.pk not in allowed("discussion.content_reported", "email")


def test_a_switch_flipped_twice_is_one_row() -> None:
    user = make_user()
    for is_on in (False, True):
        choose(user.pk, "discussion.activity", "email", is_on=is_on, now=NOW)
    assert Preference.objects.get().is_on


def test_the_matrix_takes_as_many_queries_for_a_busy_person(django_assert_max_num_queries: pytest.FixtureRequest) -> None:
    user = make_member(role="moderator")
    for scope in ("discussion.activity", "discussion.content_reported", "grading.ora_reminder"):
        choose(user.pk, scope, "email", is_on=False, now=NOW)
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        matrix(user.pk)
