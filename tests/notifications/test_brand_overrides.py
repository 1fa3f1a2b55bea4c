"""What one site decides about a type holds for its own people and courses, and nowhere else."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Value
from django.test import Client
from django.urls import reverse

from accounts.models import User
from channels_ace.api import Delivery, Question, deliver_all, verdict
from notifications.api import notify
from notifications.cadences import cadence_of, cadences_by_scope
from notifications.models import Brand, BrandMember, TypeOverride
from notifications.override_effects import people_changed, people_changed_without
from notifications.policies import LeftAlone, Preferred
from notifications.preferences import Row, choose, matrix
from notifications.preview import would_have_sent
from notifications.registry import find
from notifications.resting import pause
from tests.factories import NOW, make_member, make_user

pytestmark = pytest.mark.django_db
NEW_QUESTIONS, ACTIVITY, ANSWERED = "discussion.new_question_post", "discussion.activity", "discussion.new_response"
NORTH, SOUTH, ELSEWHERE = "course-v1:NorthX+A+1", "course-v1:SouthX+B+1", "course-v1:North+C+1"


@pytest.fixture
def brands() -> tuple[Brand, Brand]:
    return Brand.objects.create(name="North School", orgs=["NorthX", "Noord"]), Brand.objects.create(name="South School", orgs=["SouthX"])


def override(brand: Brand | None, scope: str, **changes: Any) -> TypeOverride:
    return TypeOverride.objects.create(brand=brand, scope=scope, channel=changes.pop("channel", "email"), changed_at=NOW, **changes)


def member_of(brand: Brand) -> User:
    user = make_user()
    BrandMember.objects.create(user=user, brand=brand)
    return user


def allowed(type_name: str, scope: str = "", now: datetime = NOW) -> set[int]:
    question = Question(type=find(type_name), channel="email", contact_kinds=(), now=now, scope=Value(scope))
    rules = [*Preferred().rules(question), *LeftAlone().rules(question)]
    return set(get_user_model()._default_manager.annotate(verdict=verdict(rules)).filter(verdict=0).values_list("pk", flat=True))


def row_of(user: User, scope: str) -> Row:
    return next(row for section in matrix(user.pk) for row in section.rows if row.scope == scope)


def email_of(user: User, scope: str) -> tuple[bool, bool]:
    return next((cell.is_on, cell.is_locked) for cell in row_of(user, scope).cells if cell.channel == "email")


@pytest.mark.parametrize("on_everywhere", [None, False, True])
@pytest.mark.parametrize("on_in_the_north", [False, True])
def test_what_a_brand_has_of_its_own_stands_in_place_of_what_stands_everywhere(
    brands: tuple[Brand, Brand], on_everywhere: bool | None, on_in_the_north: bool
) -> None:
    north, south, nobodys = member_of(brands[0]), member_of(brands[1]), make_user()
    if on_everywhere is not None:
        override(None, NEW_QUESTIONS, is_on=on_everywhere)
    override(brands[0], NEW_QUESTIONS, is_on=on_in_the_north)

    let_through = allowed(NEW_QUESTIONS)

    expected = {north.pk: on_in_the_north, south.pk: bool(on_everywhere), nobodys.pk: bool(on_everywhere)}
    assert {user: user in let_through for user in expected} == expected
    assert {user.pk: email_of(user, NEW_QUESTIONS)[0] for user in (north, south, nobodys)} == expected


def test_a_brand_may_go_back_to_what_is_declared(brands: tuple[Brand, Brand]) -> None:
    north, south = member_of(brands[0]), member_of(brands[1])
    override(None, ACTIVITY, is_locked=True, cadence="weekly")
    override(brands[0], ACTIVITY)
    for user in (north, south):
        pause(user.pk, NOW.replace(year=NOW.year + 1), now=NOW)

    assert allowed(ANSWERED) == {south.pk}
    assert (email_of(north, ACTIVITY), email_of(south, ACTIVITY)) == ((True, False), (True, True))
    assert (cadences_by_scope(north.pk)[ACTIVITY], ACTIVITY in cadences_by_scope(south.pk)) == ("now", False)


@pytest.mark.parametrize(("course", "let_through"), [(NORTH, True), ("course-v1:Noord+D+1", True), (SOUTH, False)])
def test_a_course_decides_before_the_person(brands: tuple[Brand, Brand], course: str, let_through: bool) -> None:
    override(brands[0], NEW_QUESTIONS, is_on=True)
    north, south, nobodys = member_of(brands[0]), member_of(brands[1]), make_user()
    assert allowed(NEW_QUESTIONS, course) == ({north.pk, south.pk, nobodys.pk} if let_through else set())


@pytest.mark.parametrize("scope", [ELSEWHERE, "course-v1:northx+A+1", "course-v1:NorthX", "course-v1:NorthXX+A+1", "study:7", "", "x"])
def test_what_is_of_no_brands_course_is_decided_by_the_person(brands: tuple[Brand, Brand], scope: str) -> None:
    override(brands[0], NEW_QUESTIONS, is_on=True)
    north, _nobodys = member_of(brands[0]), make_user()
    assert allowed(NEW_QUESTIONS, scope) == {north.pk}


def test_the_cadence_of_a_brand_holds_for_its_people_and_courses(brands: tuple[Brand, Brand]) -> None:
    north, nobodys = member_of(brands[0]), make_user()
    override(None, ACTIVITY, cadence="weekly")
    override(brands[0], ACTIVITY, cadence="daily")
    known = find(ANSWERED)

    found = {}
    for scope in ("", NORTH, SOUTH):
        question = Question(type=known, channel="email", contact_kinds=(), now=NOW, scope=Value(scope))
        rows = get_user_model()._default_manager.annotate(often=cadence_of(known, question))
        found[scope] = dict(rows.values_list("pk", F("often")))

    assert found[""] == {north.pk: "daily", nobodys.pk: "weekly"}
    assert set(found[NORTH].values()) == {"daily"}
    assert found[SOUTH] == {north.pk: "weekly", nobodys.pk: "weekly"}
    assert (cadences_by_scope(north.pk)[ACTIVITY], cadences_by_scope(nobodys.pk)[ACTIVITY]) == ("daily", "weekly")


def test_it_is_asked_again_at_send_of_deliveries_of_several_courses(brands: tuple[Brand, Brand], settings: Any) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "BUFFER_MINUTES": 0}
    people = {scope: make_user(email=f"{number}@example.org") for number, scope in enumerate((NORTH, SOUTH, ELSEWHERE))}
    for scope, person in people.items():
        notify(type=ANSWERED, audience=[person], context={"replier_name": "l", "post_title": "t"}, scope=scope, now=NOW)
    override(brands[0], ACTIVITY, is_on=False)

    deliver_all(NOW)

    ended = dict(Delivery.objects.filter(channel="email").values_list("message__scope", "state"))
    assert ended == {NORTH: "suppressed", SOUTH: "accepted", ELSEWHERE: "accepted"}


@pytest.mark.parametrize("of_brand", [False, True], ids=["everywhere", "of a brand"])
def test_it_holds_at_once_though_the_decision_is_compiled_for_a_quarter_of_an_hour(
    brands: tuple[Brand, Brand], settings: Any, of_brand: bool
) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "BUFFER_MINUTES": 0}
    ended = []
    for minute in range(4):
        now = NOW + timedelta(minutes=minute)
        said = notify(
            type=ANSWERED,
            audience=[make_user(email=f"{minute}@example.org")],
            context={"replier_name": "l", "post_title": "t"},
            scope=NORTH,
            now=now,
        )
        if minute == 3:
            override(brands[0] if of_brand else None, ACTIVITY, is_on=False)
        deliver_all(now)
        ended.append(Delivery.objects.get(message=said, channel="email").state)
    assert ended == ["accepted", "accepted", "accepted", "suppressed"]


def test_only_an_override_of_a_brand_costs_a_condition(brands: tuple[Brand, Brand]) -> None:
    def sql() -> str:
        question = Question(type=find(ANSWERED), channel="email", contact_kinds=(), now=NOW, scope=OuterRef("last_name"))
        return str(get_user_model()._default_manager.annotate(v=verdict(list(Preferred().rules(question)))).query)

    override(None, ACTIVITY, is_on=False)
    assert "brand" not in sql()
    override(brands[0], ACTIVITY, is_on=True)
    assert "brandmember" in sql()


def test_a_question_reads_its_overrides_once(brands: tuple[Brand, Brand], django_assert_num_queries: Any) -> None:
    override(brands[0], ACTIVITY, is_on=False)
    question = Question(type=find(ANSWERED), channel="email", contact_kinds=(), now=NOW, scope=Value(NORTH))
    with django_assert_num_queries(1):
        list(Preferred().rules(question)), list(LeftAlone().rules(question)), cadence_of(find(ANSWERED), question)


def test_the_page_tells_what_is_otherwise_about_the_courses_of_another_brand(brands: tuple[Brand, Brand], client: Client) -> None:
    ana = member_of(brands[0])
    make_member(ana, course=SOUTH)
    make_member(ana, course=ELSEWHERE)
    override(brands[1], ACTIVITY, is_locked=True)
    override(brands[1], NEW_QUESTIONS, is_on=True)

    assert email_of(ana, ACTIVITY) == (True, False)
    assert row_of(ana, ACTIVITY).elsewhere == ("E-mail about courses of South School: always sent",)
    assert row_of(ana, NEW_QUESTIONS).elsewhere == ("E-mail about courses of South School: on",)
    client.force_login(ana)
    assert "E-mail about courses of South School: always sent" in client.get(reverse("settings")).content.decode()

    choose(ana.pk, NEW_QUESTIONS, "email", is_on=True, now=NOW)
    assert row_of(ana, NEW_QUESTIONS).elsewhere == ()


def test_the_last_weeks_are_counted_by_the_brand_of_each_message(brands: tuple[Brand, Brand]) -> None:
    ana = make_user(email="ana@example.org")
    for scope in (NORTH, NORTH, SOUTH):
        notify(type=ANSWERED, audience=[ana], context={"replier_name": "l", "post_title": "t"}, scope=scope, now=NOW)
    assert would_have_sent(ana.pk, NOW)["email"] == 3
    override(brands[0], ACTIVITY, is_on=False)
    override(brands[1], ACTIVITY, cadence="daily")
    assert (would_have_sent(ana.pk, NOW)["email"], would_have_sent(ana.pk, NOW)["digest"]) == (0, 1)


def test_the_preview_counts_a_brands_people_and_who_is_in_its_courses(brands: tuple[Brand, Brand]) -> None:
    member_of(brands[0])
    make_member(make_user(), course=NORTH)
    make_member(member_of(brands[1]), course=SOUTH)
    make_member(make_user(), course="course-v1:Noord+D+1", is_active=False)

    assert people_changed(TypeOverride(brand=brands[0], scope=ACTIVITY, channel="email", is_on=False)) == 2
    assert people_changed(TypeOverride(scope=ACTIVITY, channel="email", is_on=False)) == 4
    saved = override(brands[1], ACTIVITY, is_on=False)
    assert people_changed(TypeOverride(scope=ACTIVITY, channel="email", is_on=False)) == 3
    assert people_changed_without(saved) == 1


def test_there_is_one_for_everywhere_and_one_a_brand(brands: tuple[Brand, Brand]) -> None:
    for brand in (None, *brands):
        override(brand, ACTIVITY, is_on=False)
        with pytest.raises(IntegrityError), transaction.atomic():
            override(brand, ACTIVITY, is_on=True)


def test_an_operator_makes_one_for_a_brand_sees_whom_it_touches_and_takes_it_away(brands: tuple[Brand, Brand], client: Client) -> None:
    client.force_login(User.objects.create_superuser("operator", "operator@example.org", "a long password"))
    member_of(brands[0])
    add = reverse("admin:carillon_notifications_typeoverride_add")
    wanted = {"brand": brands[0].pk, "scope": ACTIVITY, "channel": "email", "is_on": "false", "cadence": ""}

    shown = client.post(add, wanted)
    assert "This changes what one person gets. Save again to apply it." in shown.content.decode()
    client.post(add, {**wanted, "seen": shown.context["adminform"].form.data["seen"]})
    saved = TypeOverride.objects.get()
    assert saved.brand == brands[0]
    assert "There is one already for this" in client.post(add, wanted).content.decode()

    change = reverse("admin:carillon_notifications_typeoverride_change", args=[saved.pk])
    back = client.post(change, {**wanted, "brand": "", "is_on": "unknown"})
    assert "This changes what one person gets." in back.content.decode()
    delete = reverse("admin:carillon_notifications_typeoverride_delete", args=[saved.pk])
    assert "This changes what one person gets." in client.get(delete).content.decode()
    client.post(delete, {"post": "yes"})
    assert not TypeOverride.objects.exists()
