import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db.models import Value
from django.test import Client
from django.urls import reverse

from accounts.models import User
from channels_ace.api import Question, verdict
from notifications.models import TypeOverride
from notifications.override_effects import people_changed
from notifications.overrides import types_here
from notifications.policies import ForTheirRole
from notifications.preferences import NotChangeable, choose, choose_channel
from notifications.registry import find
from tests.factories import COURSE, NOW, make_member, make_user
from tests.notifications.test_preferences import allowed, cell_of

pytestmark = pytest.mark.django_db

NEW_QUESTIONS = "discussion.new_question_post"
ACTIVITY = "discussion.activity"
ANSWERED = "discussion.new_response"


def override(scope: str, channel: str = "email", **changes: object) -> TypeOverride:
    return TypeOverride.objects.create(scope=scope, channel=channel, changed_at=NOW, **changes)


def test_a_default_turned_on_or_off_holds_at_once_for_those_who_chose_nothing() -> None:
    chose_nothing, chose_off, chose_on = make_user(), make_user(), make_user()
    choose(chose_off.pk, NEW_QUESTIONS, "email", is_on=False, now=NOW)
    choose(chose_on.pk, ACTIVITY, "email", is_on=True, now=NOW)

    override(NEW_QUESTIONS, is_on=True)
    override(ACTIVITY, is_on=False)

    assert allowed(NEW_QUESTIONS, "email") == {chose_nothing.pk, chose_on.pk}
    assert allowed(ANSWERED, "email") == {chose_on.pk}
    assert cell_of(chose_nothing, NEW_QUESTIONS, "email").is_on
    assert not cell_of(chose_nothing, ACTIVITY, "email").is_on


def test_a_lock_goes_past_every_choice_and_closes_the_switch() -> None:
    user = make_user()
    choose(user.pk, NEW_QUESTIONS, "email", is_on=False, now=NOW)
    choose_channel(user.pk, "email", is_on=False, now=NOW)

    override(NEW_QUESTIONS, is_locked=True)

    assert allowed(NEW_QUESTIONS, "email") == {user.pk}
    assert cell_of(user, NEW_QUESTIONS, "email").is_locked
    with pytest.raises(NotChangeable):
        choose(user.pk, NEW_QUESTIONS, "email", is_on=False, now=NOW)


def test_what_is_locked_by_its_declaration_stays_locked() -> None:
    user = make_user()
    override("account.password_changed", is_on=False)
    assert allowed("account.password_changed", "email") == {user.pk}
    assert cell_of(user, "account.password_changed", "email").is_locked


def test_an_override_taken_away_leaves_what_is_declared() -> None:
    override(ACTIVITY, is_on=False, cadence="weekly").delete()
    here = {known.name: known for known in types_here(make_user().pk)}
    assert ("email" in here[ANSWERED].on, here[ANSWERED].cadence) == (True, "now")


def test_the_preview_counts_those_for_whom_something_changes(django_assert_max_num_queries: pytest.FixtureRequest) -> None:
    users = [make_user() for _ in range(4)]
    choose(users[0].pk, ACTIVITY, "email", is_on=True, now=NOW)
    choose(users[1].pk, "discussion", "email", is_on=False, now=NOW)
    with django_assert_max_num_queries(2):  # type: ignore[operator]
        assert people_changed(TypeOverride(scope=ACTIVITY, channel="email", is_on=False)) == 2
    assert people_changed(TypeOverride(scope=ACTIVITY, channel="email", is_locked=True)) == 1
    assert people_changed(TypeOverride(scope=ACTIVITY, channel="email", is_on=True)) == 0


def test_the_preview_of_a_moderators_type_counts_moderators() -> None:
    make_user()
    make_member(role="moderator")
    assert people_changed(TypeOverride(scope="discussion.content_reported", channel="email", is_on=False)) == 1


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator", "operator@example.org", "a long password"))
    return client


ADD = "admin:carillon_notifications_typeoverride_add"
TURN_OFF = {"scope": ACTIVITY, "channel": "email", "is_on": "false", "cadence": ""}


def test_an_operator_sees_whom_it_touches_before_it_is_saved(operator: Client) -> None:
    make_user()
    make_user()
    shown = operator.post(reverse(ADD), TURN_OFF)
    assert "This changes what 3 people get. Save again to apply it." in shown.content.decode()
    assert not TypeOverride.objects.exists()

    operator.post(reverse(ADD), {**TURN_OFF, "seen": shown.context["adminform"].form.data["seen"]})
    saved = TypeOverride.objects.get()
    assert (saved.is_on, saved.changed_by and saved.changed_by.username) == (False, "operator")
    assert LogEntry.objects.get().user.username == "operator"


def test_the_form_names_the_third_answer_and_shows_what_was_saved(operator: Client) -> None:
    assert '<option value="unknown" selected>As declared</option>' in operator.get(reverse(ADD)).content.decode()
    kept = TypeOverride.objects.create(scope="other.announcement", channel="email", is_on=True, changed_at=NOW)
    page = operator.get(reverse("admin:carillon_notifications_typeoverride_change", args=[kept.pk])).content.decode()
    assert '<option value="true" selected>On</option>' in page


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"scope": "account.password_changed"}, "It is about people’s own accounts"),
        ({"channel": "sms"}, "Nothing of this type goes out by this channel."),
        ({"is_locked": "on"}, "What is always sent cannot be off."),
        ({"channel": "push", "cadence": "daily"}, "Only e-mail can wait for a digest."),
    ],
    ids=["declared lock", "channel", "locked and off", "cadence"],
)
def test_what_cannot_be_is_refused_beside_its_field(operator: Client, wrong: dict[str, str], says: str) -> None:
    assert says in operator.post(reverse(ADD), {**TURN_OFF, **wrong}).content.decode()
    assert not TypeOverride.objects.exists()


def of_the_role(type_name: str, scope: str) -> set[int]:
    question = Question(type=find(type_name), channel="email", contact_kinds=(), now=NOW, scope=Value(scope))
    rows = get_user_model()._default_manager.annotate(verdict=verdict(list(ForTheirRole().rules(question))))
    return set(rows.filter(verdict=0).values_list("pk", flat=True))


def test_what_is_for_moderators_reaches_those_of_the_course_it_is_about_and_nobody_else() -> None:
    make_user()
    make_member()
    make_member(role="moderator", is_active=False)
    elsewhere, here = make_member(course="course-v1:Other+X+1", role="moderator"), make_member(role="community_ta")

    assert of_the_role("discussion.content_reported", COURSE) == {here.pk}
    assert of_the_role("discussion.content_reported", "") == {elsewhere.pk, here.pk}


def test_what_is_for_everyone_asks_for_no_role() -> None:
    user = make_user()
    assert of_the_role(ANSWERED, COURSE) == {user.pk}
