"""The copy of a person's data is whole, and after their end nothing names them."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.personal_data import NotByThemselves, copy_of, erase
from channels_ace.api import ContactPoint, Delivery, Message, Suppression, all_held, suppress
from channels_ace.models import InboundText
from notifications.api import InboxItem, choose, mute, notify
from studies.api import Enrollment, enroll
from tests.factories import COURSE, make_contact, make_member, make_user
from tests.scheduling.worlds import make_study

OURS = ["accounts", "carillon_channels", "carillon_notifications", "studies", "scheduling", "admin"]
PASSWORD = "correct horse battery"
PHONE = "+12065550100"
# Each stands for one thing by which a person can be known.
CANARIES = ["ana.canary", "ana@canary.example", "Anastasia", "Canaria", PHONE, "…0100", "canary-device", "canary-title", "canary-words"]


@pytest.fixture
def ana(db: None) -> User:
    person = make_member(make_user("ana.canary", email="ana@canary.example", phone=PHONE, device="canary-device-1"))
    person.email, person.first_name, person.last_name = "ana@canary.example", "Anastasia", "Canaria"
    person.set_password(PASSWORD)
    person.save()
    context = {"course_name": "Science", "replier_name": "Anastasia", "post_title": "canary-title"}
    notify(type="discussion.new_response", audience=[person], context=context, scope=COURSE)
    choose(person.pk, "discussion", "email", is_on=False, now=timezone.now())
    mute(person.pk, COURSE, "Science", now=timezone.now())
    index = ContactPoint.objects.get(user=person, kind="phone").index
    InboundText.objects.create(
        provider="eum",
        event_id="1",
        index=index,
        hint="…0100",
        text="canary-words",
        intent="other",
        sent_at=timezone.now(),
        received_at=timezone.now(),
    )
    return person


def every_row() -> str:
    """This function will give all that the tables hold, decrypted as the product would."""
    rows = [list(model._default_manager.values()) for model in apps.get_models() if model._meta.app_label in [*OURS, "sessions"]]
    return json.dumps(rows, default=str, ensure_ascii=False)


def test_every_column_that_names_a_person_or_an_enrollment_is_declared() -> None:
    declared = {(held.model, held.who.split("__")[0]) for held in all_held()}
    named = {
        (model, field.name)
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for field in model._meta.concrete_fields
        if field.related_model in (User, Enrollment)
    }

    assert named - declared == set()


def test_what_is_declared_can_be_told_or_has_a_reason_to_stay() -> None:
    assert [held for held in all_held() if not held.shown and not held.kept_because] == []


def test_the_copy_holds_what_was_said_and_chosen_and_nothing_of_anybody_else(ana: User) -> None:
    make_contact(make_user("ben"), "phone", "+12065550199")

    told = json.dumps(copy_of(ana, timezone.now()), default=str)

    assert [
        canary for canary in ("ana@canary.example", PHONE, "canary-device", "canary-title", "Science", COURSE) if canary not in told
    ] == []
    assert "+12065550199" not in told


def test_after_the_end_nothing_names_the_person_and_nothing_is_sent(ana: User) -> None:
    before = every_row()
    assert [canary for canary in CANARIES if canary not in before] == []

    erase(ana, timezone.now())

    held = every_row()
    assert [canary for canary in CANARIES if canary in held] == []
    assert not Delivery.objects.filter(user=ana, state__in=Delivery.WAITING).exists()
    assert not InboxItem.objects.filter(user=ana).exists()
    ana.refresh_from_db()
    assert (ana.username, ana.is_active, ana.has_usable_password()) == (f"erased-{ana.pk}", False, False)


def test_an_opt_out_survives_and_holds_back_the_next_owner_of_the_account(ana: User) -> None:
    suppress(channel="sms", kind="phone", address=PHONE, reason="stop", now=timezone.now())

    erase(ana, timezone.now())

    blocked = Suppression.objects.get()
    again = make_contact(make_user("ana again"), "phone", PHONE)
    assert (blocked.lifted_at, blocked.index) == (None, again.index)


def test_what_others_were_told_too_keeps_its_words(ana: User) -> None:
    shared = notify(type="other.announcement", audience=[ana, make_user("ben")], context={"title": "Closed on Monday"})

    erase(ana, timezone.now())

    assert Message.objects.get(pk=shared.pk).context == {"title": "Closed on Monday"}


def test_a_participant_leaves_every_study_and_its_data_stays_under_its_code(ana: User) -> None:
    enrollment = enroll(make_study(timezone.now()), user_id=ana.pk, code="P-1", time_zone="UTC", now=timezone.now())

    erase(ana, timezone.now())

    enrollment.refresh_from_db()
    assert enrollment.state == Enrollment.State.WITHDRAWN
    assert enrollment.code


def test_the_cost_of_a_copy_does_not_grow_with_what_it_holds(ana: User, django_assert_num_queries: Any) -> None:
    tables = len({(held.model, held.who) for held in all_held() if held.shown})
    for number in range(20):
        notify(type="other.announcement", audience=[ana], context={"title": f"News {number}"})

    with django_assert_num_queries(tables):
        json.dumps(copy_of(ana, timezone.now()), default=str)


@pytest.fixture
def client(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def test_the_page_ends_the_account_for_the_password_and_a_tick(client: Client, ana: User) -> None:
    unsure = client.post("/settings/data/", {"do": "erase", "password": PASSWORD})
    assert (unsure.status_code, "Tick the box" in unsure.content.decode()) == (400, True)

    ended = client.post("/settings/data/", {"do": "erase", "password": PASSWORD, "sure": "yes"}, follow=True)

    assert "Your account is ended" in ended.content.decode()
    assert client.get("/inbox/").status_code == 302
    assert not Client().login(username="ana.canary", password=PASSWORD)


def test_whoever_signs_in_elsewhere_ends_their_account_by_the_tick_alone(client: Client, ana: User) -> None:
    ana.set_unusable_password()
    ana.save()
    client.force_login(ana)
    assert b'type="password"' not in client.get("/settings/data/").content

    unsure = client.post("/settings/data/", {"do": "erase"})
    ended = client.post("/settings/data/", {"do": "erase", "sure": "yes"}, follow=True)

    assert (unsure.status_code, b"Tick the box" in unsure.content) == (400, True)
    assert b"Your account is ended" in ended.content
    ana.refresh_from_db()
    assert not ana.is_active


def test_passwords_are_not_guessed_on_this_page_either(client: Client) -> None:
    for _guess in range(10):
        client.post("/settings/data/", {"do": "erase", "password": "wrong", "sure": "yes"})

    answer = client.post("/settings/data/", {"do": "erase", "password": PASSWORD, "sure": "yes"})

    assert "Too many tries" in answer.content.decode()


def test_staff_do_not_end_themselves_and_an_operator_ends_anybody(ana: User) -> None:
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    ana.refresh_from_db()
    with pytest.raises(NotByThemselves):
        erase(ana, timezone.now())

    said = StringIO()
    call_command("erase_person", "ana.canary", stdout=said)

    assert said.getvalue() == f"erased-{ana.pk}\n"
    with pytest.raises(CommandError, match="Nobody has this user name"):
        call_command("erase_person", "ana.canary")


def test_a_half_erased_person_is_a_whole_one(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "save", lambda *_args, **_more: 1 / 0)
    before = every_row()

    with pytest.raises(ZeroDivisionError):
        erase(ana, timezone.now() + timedelta(days=1))

    assert every_row() == before
