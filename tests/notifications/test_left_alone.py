from datetime import datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db.models import F, Value

from channels_ace.api import Question, Refused, Rule, verdict
from notifications.cadences import cadence_in, cadence_of, choose_cadence, chosen_cadences
from notifications.models import EmailCadence, Mute, Rest
from notifications.policies import LeftAlone, Preferred
from notifications.preferences import NotChangeable, choose_channel
from notifications.registry import NotificationType, find, registered
from notifications.resting import choose_days, choose_hours, mute, pause, unmute
from tests.factories import make_user

pytestmark = pytest.mark.django_db

# A Wednesday, 15:10 in London, 18:10 in Nairobi and 20:55 in Kathmandu.
WEDNESDAY = datetime.fromisoformat("2026-11-25T15:10:00+00:00")
COURSE = "course-v1:a+b+c"


def held(channel: str, *, type_name: str = "discussion.new_response", scope: str = "", now: datetime = WEDNESDAY) -> dict[int, Rule]:
    """Who is held back and by which rule, asked once about everybody."""
    question = Question(
        type=find(type_name), channel=channel, contact_kinds=(), now=now, scope=Value(scope), zone="carillon_recipient__time_zone"
    )
    rules = [*Preferred().rules(question), *LeftAlone().rules(question)]
    rows = get_user_model()._default_manager.annotate(verdict=verdict(rules)).exclude(verdict=0)
    return {user_id: rules[number - 1] for user_id, number in rows.values_list("pk", "verdict")}


def test_a_pause_holds_back_what_disturbs_and_lets_the_inbox_collect() -> None:
    ana, _ben = make_user(), make_user()
    pause(ana.pk, WEDNESDAY + timedelta(days=2), now=WEDNESDAY)
    assert {user: rule.reason for user, rule in held("email").items()} == {ana.pk: "paused"}
    assert held("inbox") == {}


def test_a_pause_ends_by_itself_and_can_be_ended() -> None:
    ana = make_user()
    pause(ana.pk, WEDNESDAY + timedelta(days=2), now=WEDNESDAY)
    assert held("email", now=WEDNESDAY + timedelta(days=2)) == {}
    pause(ana.pk, None, now=WEDNESDAY)
    assert held("email") == {}


@pytest.mark.parametrize("days", [0, -1, 400])
def test_a_pause_that_does_not_end_within_a_year_is_refused(days: int) -> None:
    ana = make_user()
    with pytest.raises(Refused):
        pause(ana.pk, WEDNESDAY + timedelta(days=days), now=WEDNESDAY)
    assert not Rest.objects.exists()


def test_what_is_locked_goes_past_a_pause_and_a_channel_that_is_off() -> None:
    ana = make_user()
    pause(ana.pk, WEDNESDAY + timedelta(days=2), now=WEDNESDAY)
    choose_channel(ana.pk, "email", is_on=False, now=WEDNESDAY)
    assert held("email", type_name="account.password_changed") == {}


def test_a_channel_that_is_off_beats_a_type_that_is_on_and_comes_back_as_it_was() -> None:
    ana = make_user()
    choose_channel(ana.pk, "email", is_on=False, now=WEDNESDAY)
    assert held("email")[ana.pk].reason == "channel_turned_off"
    assert held("push") == {}
    choose_channel(ana.pk, "email", is_on=True, now=WEDNESDAY)
    assert held("email") == {}


def test_a_muted_course_is_heard_of_nowhere_and_other_courses_are() -> None:
    ana, _ben = make_user(), make_user()
    mute(ana.pk, COURSE, "Algebra", now=WEDNESDAY)
    mute(ana.pk, COURSE, "Algebra", now=WEDNESDAY)
    assert {user: rule.reason for user, rule in held("inbox", scope=COURSE).items()} == {ana.pk: "muted"}
    assert held("email", scope="course-v1:x+y+z") == {}
    assert held("email") == {}
    assert unmute(ana.pk, COURSE)
    assert held("inbox", scope=COURSE) == {}
    assert not Mute.objects.exists()


def test_own_hours_are_read_on_the_clock_of_the_persons_zone() -> None:
    london, nairobi, kathmandu = (make_user(time_zone=zone) for zone in ("Europe/London", "Africa/Nairobi", "Asia/Kathmandu"))
    for person in (london, nairobi, kathmandu):
        choose_hours(person.pk, 9, 18)
    assert {user: rule.reason for user, rule in held("email").items()} == {nairobi.pk: "own_hours", kathmandu.pk: "own_hours"}
    assert held("inbox") == {}


def test_what_waits_for_own_hours_is_asked_again_at_the_next_full_hour() -> None:
    person = make_user(time_zone="Europe/London")
    choose_hours(person.pk, 16, 18)
    until = held("push")[person.pk].until
    assert until == datetime.fromisoformat("2026-11-25T16:00:00+00:00")
    assert held("push", now=until) == {}


def test_days_are_the_days_of_the_persons_own_calendar() -> None:
    # At 15:10 UTC it is already Thursday in Auckland.
    auckland, london = make_user(time_zone="Pacific/Auckland"), make_user(time_zone="Europe/London")
    wednesdays = 0b0000100
    for person in (auckland, london):
        choose_days(person.pk, wednesdays)
    assert set(held("email")) == {auckland.pk}


@pytest.mark.parametrize(("opens", "closes"), [(9, 9), (18, 9), (-1, 5), (0, 25)])
def test_hours_that_leave_no_time_are_refused(opens: int, closes: int) -> None:
    ana = make_user()
    with pytest.raises(Refused):
        choose_hours(ana.pk, opens, closes)


@pytest.mark.parametrize("days", [0, 128, -1])
def test_days_that_leave_none_are_refused(days: int) -> None:
    ana = make_user()
    with pytest.raises(Refused):
        choose_days(ana.pk, days)


def about(known: NotificationType) -> Question:
    return Question(type=known, channel="email", contact_kinds=(), now=WEDNESDAY)


def test_a_types_cadence_beats_its_categorys_which_beats_the_default() -> None:
    ana, ben, cleo = make_user(), make_user(), make_user()
    choose_cadence(ana.pk, "discussion", "weekly", now=WEDNESDAY)
    choose_cadence(ana.pk, "discussion.activity", "daily", now=WEDNESDAY)
    choose_cadence(ben.pk, "discussion", "weekly", now=WEDNESDAY)
    known = find("discussion.new_response")
    people = get_user_model()._default_manager.annotate(often=cadence_of(known, about(known)))
    assert dict(people.values_list("pk", F("often"))) == {ana.pk: "daily", ben.pk: "weekly", cleo.pk: known.cadence}
    assert [cadence_in(known, chosen_cadences(person.pk)) for person in (ana, ben, cleo)] == ["daily", "weekly", known.cadence]


def test_a_categorys_cadence_clears_those_of_its_types() -> None:
    ana = make_user()
    choose_cadence(ana.pk, "discussion.activity", "daily", now=WEDNESDAY)
    choose_cadence(ana.pk, "discussion", "weekly", now=WEDNESDAY)
    assert chosen_cadences(ana.pk) == {"discussion": "weekly"}


@pytest.mark.parametrize(
    ("scope", "cadence"),
    [("discussion", "hourly"), ("discussion", "Diario"), ("account.password_changed", "daily"), ("nothing.known", "daily"), ("", "now")],
)
def test_a_cadence_that_cannot_be_chosen_is_refused(scope: str, cadence: str) -> None:
    ana = make_user()
    with pytest.raises(NotChangeable):
        choose_cadence(ana.pk, scope, cadence, now=WEDNESDAY)
    assert not EmailCadence.objects.exists()


def test_security_mail_never_waits_for_a_digest() -> None:
    make_user()
    known = find("account.password_changed")
    people = get_user_model()._default_manager.annotate(often=cadence_of(known, about(known)))
    assert [person.often for person in people] == ["now"]


def test_every_type_declares_a_cadence_there_is() -> None:
    assert {known.cadence for known in registered()} <= {"now", "daily", "weekly"}
