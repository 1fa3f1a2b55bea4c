"""Codes by text: who gets one, how often, and what guessing comes to."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import PhoneCode, SignedInApp, User
from accounts.phone_codes import (
    FRAUD_CODES,
    LASTS,
    TRIES,
    WrongCode,
    ask_for_code,
    check,
    digits,
    forget_codes,
    redeem,
    send_codes,
    sign_in_by,
    textable,
)
from accounts.signed_in_apps import end, renew
from accounts.tries import TooMany
from channels_ace.api import BadAddress, ContactPoint, Delivery, Message, deliver_all, suppress
from tests.factories import make_contact, make_user
from tests.fakes.doubles import Doubles

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
PHONE = "+12065550100"
SIGN_IN, VERIFY = PhoneCode.Use.SIGN_IN, PhoneCode.Use.VERIFY
HOME = "192.0.2.1"


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana", phone=PHONE)


def ask(use: str = SIGN_IN, now: datetime = NOW, *, phone: str = PHONE, address: str = HOME, user: User | None = None) -> PhoneCode:
    return ask_for_code(use, phone, now, address=address, user_id=user.pk if user else None)


def texts(doubles: Doubles) -> list[str]:
    return [entry["body"] for entry in doubles.ledger.entries()]


def test_the_code_of_an_account_arrives_at_night_past_a_stop_and_signs_in(ana: User, doubles: Doubles) -> None:
    suppress(channel="sms", kind="phone", address=PHONE, reason="stop", now=NOW)
    code = ask()

    assert send_codes(NOW) == 1
    deliver_all(NOW)

    (text,) = texts(doubles)
    assert text == f"{digits(code.seed)} is your code for Carillon. It works for 10 minutes. We never ask you for it."
    assert redeem(SIGN_IN, PHONE, digits(code.seed), NOW) == ana


def test_no_table_holds_the_digits(ana: User, doubles: Doubles) -> None:
    code = ask()
    send_codes(NOW)
    deliver_all(NOW)

    held = json.dumps([list(model.objects.values()) for model in (PhoneCode, Message, Delivery)], default=str)

    assert digits(code.seed) not in held
    assert PHONE not in held


def test_a_code_goes_to_a_number_that_is_not_verified_and_nothing_else_does(doubles: Doubles, db: None) -> None:
    bo = make_user("bo")
    make_contact(bo, "phone", PHONE, verified=False)
    ask(VERIFY, user=bo)

    assert send_codes(NOW) == 1
    deliver_all(NOW)

    assert len(texts(doubles)) == 1
    # By a number that is not theirs yet, nobody signs in.
    other = ask(SIGN_IN, NOW + timedelta(minutes=1))
    assert send_codes(NOW + timedelta(minutes=1)) == 0
    with pytest.raises(WrongCode):
        redeem(SIGN_IN, PHONE, digits(other.seed), NOW + timedelta(minutes=1))


def test_nothing_is_sent_twice_however_often_workers_look(ana: User) -> None:
    ask()

    assert [send_codes(NOW), send_codes(NOW)] == [1, 0]
    assert Message.objects.count() == 1


@pytest.mark.parametrize("owners", ["nobody", "two people", "a disabled person", "a removed number"])
def test_a_number_that_leads_to_no_one_person_looks_the_same_and_sends_nothing(db: None, owners: str) -> None:
    if owners == "two people":
        make_user(phone=PHONE)
        make_user(phone=PHONE)
    if owners == "a disabled person":
        make_user(phone=PHONE)
        User.objects.update(is_active=False)
    if owners == "a removed number":
        make_user(phone=PHONE)
        ContactPoint.objects.update(removed_at=NOW)

    code = ask()

    assert send_codes(NOW) == 0
    assert not Message.objects.exists()
    with pytest.raises(WrongCode):
        redeem(SIGN_IN, PHONE, digits(code.seed), NOW)


def test_asking_costs_the_same_whether_somebody_has_the_number_or_not(ana: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for phone in (PHONE, "+12065550199"):
        with django_assert_num_queries(9):
            ask(phone=phone, address=f"{HOME}-{phone}")


def test_a_code_works_once_for_ten_minutes(ana: User) -> None:
    code = ask()
    send_codes(NOW)
    late = NOW + LASTS

    with pytest.raises(WrongCode):
        redeem(SIGN_IN, PHONE, digits(code.seed), late)
    redeem(SIGN_IN, PHONE, digits(code.seed), late - timedelta(seconds=1))
    with pytest.raises(WrongCode):
        redeem(SIGN_IN, PHONE, digits(code.seed), late - timedelta(seconds=1))


def test_a_code_that_signs_in_verifies_nothing_and_the_other_way_round(ana: User) -> None:
    code = ask()
    send_codes(NOW)

    with pytest.raises(WrongCode):
        redeem(VERIFY, PHONE, digits(code.seed), NOW, user_id=ana.pk)


def test_a_number_that_changed_hands_signs_nobody_in(ana: User) -> None:
    code = ask()
    send_codes(NOW)
    ContactPoint.objects.update(removed_at=NOW)

    with pytest.raises(WrongCode):
        redeem(SIGN_IN, PHONE, digits(code.seed), NOW)


@pytest.mark.django_db(transaction=True)
def test_fifty_guesses_at_once_are_five() -> None:
    make_user("ana", phone=PHONE)
    code = ask()
    send_codes(NOW)
    right = digits(code.seed)

    def guess(number: int) -> None:
        try:
            redeem(SIGN_IN, PHONE, f"{(int(right) + number) % 1_000_000:06}", NOW)
        except WrongCode:
            return
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(guess, range(1, 51)))

    assert PhoneCode.objects.get().tries_left == 0
    with pytest.raises(WrongCode):
        redeem(SIGN_IN, PHONE, right, NOW)


def test_each_wrong_guess_is_one_of_five(ana: User) -> None:
    code = ask()
    send_codes(NOW)
    for _guess in range(TRIES - 1):
        with pytest.raises(WrongCode):
            redeem(SIGN_IN, PHONE, "x", NOW)

    assert redeem(SIGN_IN, PHONE, digits(code.seed), NOW) == ana


@pytest.mark.parametrize(
    ("gaps", "refused_after"),
    [([0, 30], 1), ([0, 61, 122, 183], 3), ([0, 3_700, 7_400, 11_100, 14_800, 18_500], 5)],
    ids=["one a minute", "three an hour", "five a day"],
)
def test_a_number_is_not_texted_more_often(db: None, gaps: list[int], refused_after: int) -> None:
    for number, seconds in enumerate(gaps):
        moment = NOW + timedelta(seconds=seconds)
        if number < refused_after:
            ask(now=moment, address=f"192.0.2.{number}")
        else:
            with pytest.raises(TooMany):
                ask(now=moment, address=f"192.0.2.{number}")


def test_an_address_asks_for_ten_numbers_an_hour(db: None) -> None:
    for number in range(10):
        ask(phone=f"+120655501{number:02}")

    with pytest.raises(TooMany):
        ask(phone="+12065550150")


def test_a_person_asks_five_times_a_day_over_all_numbers(ana: User) -> None:
    for number in range(5):
        ask(VERIFY, phone=f"+120655501{number:02}", user=ana)

    with pytest.raises(TooMany):
        ask(VERIFY, phone="+12065550150", user=ana)


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "206 555 0100",
        "+1",
        "+1206555",
        "+19005551234",
        "+18005551234",
        "+447911123456",
        "+34612345678",
        "+999123456789",
        "+1206555010O",
    ],
)
def test_what_is_no_mobile_number_of_a_country_we_text_to_is_refused(phone: str) -> None:
    with pytest.raises(BadAddress):
        textable(phone)


def test_operators_say_which_countries(settings: Settings) -> None:
    settings.PHONE_COUNTRIES = ["ES"]

    assert textable("+34 612 345 678") == "+34612345678"
    with pytest.raises(BadAddress):
        textable(PHONE)


@pytest.mark.parametrize(("used", "goes_out"), [(9, 0), (10, 1)])
def test_an_area_from_which_codes_do_not_come_back_is_left_alone_for_a_day(ana: User, used: int, goes_out: int) -> None:
    area = ask().area
    PhoneCode.objects.all().delete()
    earlier = NOW - timedelta(hours=1)
    PhoneCode.objects.bulk_create(
        PhoneCode(
            use=SIGN_IN,
            index="x",
            area=area,
            user=ana,
            tries_left=TRIES,
            asked_at=earlier,
            handled_at=earlier,
            used_at=earlier if number < used else None,
        )
        for number in range(FRAUD_CODES)
    )
    ask(now=NOW + timedelta(minutes=2))

    assert send_codes(NOW + timedelta(minutes=2)) == goes_out


def test_old_codes_are_forgotten(ana: User) -> None:
    ask()

    assert forget_codes(NOW + timedelta(days=1) - timedelta(seconds=1)) == 0
    assert forget_codes(NOW + timedelta(days=1)) == 1


def post(client: Any, address: str, body: object) -> Any:
    return client.post(f"/api/v1/{address}", json.dumps(body), content_type="application/json")


def test_a_phone_is_added_verified_and_signs_in(client: Any, db: None) -> None:
    bo = make_user("bo")
    client.force_login(bo)

    added = post(client, "contact-points/", {"phone": "+1 (206) 555-0100"})
    assert (added.status_code, added.json()["verified_at"], added.json()["ends_in"]) == (201, None, "…0100")
    mine = f"contact-points/{added.json()['id']}/"
    wrong = post(client, mine + "verification/", {"code": "nonsense"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (400, "/code")
    code = digits(PhoneCode.objects.get().seed)
    assert post(client, mine + "verification/", {"code": code}).json()["verified_at"]
    assert post(client, mine + "codes/", {}).status_code == 429

    client.logout()
    PhoneCode.objects.all().delete()
    ask(now=timezone.now() + timedelta(minutes=2))
    send_codes(timezone.now() + timedelta(minutes=2))
    PhoneCode.objects.update(asked_at=timezone.now())
    credentials = {"phone": PHONE, "code": digits(PhoneCode.objects.get().seed), "app": "Bo's phone"}
    tokens = post(client, "signed-in-apps/", credentials)
    assert tokens.status_code == 201
    # Its answer got lost.
    again = post(client, "signed-in-apps/", credentials)
    assert (again.status_code, again.json()["refresh"]) == (201, tokens.json()["refresh"])
    assert client.get("/api/v1/inbox/", headers={"authorization": f"Bearer {again.json()['access']}"}).status_code == 200
    assert post(client, "signed-in-apps/", credentials).status_code == 401


def test_to_verify_what_is_verified_changes_nothing(client: Any, db: None) -> None:
    client.force_login(make_user("bo"))
    mine = f"contact-points/{post(client, 'contact-points/', {'phone': PHONE}).json()['id']}/verification/"
    code = digits(PhoneCode.objects.get().seed)

    first, lost, other = (post(client, mine, {"code": words}) for words in (code, code, "000000"))

    assert first.status_code == 200
    assert first.json() == lost.json() == other.json()


def test_a_number_is_added_once_however_often_it_is_sent_under_one_key(client: Any, db: None) -> None:
    client.force_login(make_user("bo"))
    told = [
        client.post("/api/v1/contact-points/", {"phone": PHONE}, content_type="application/json", headers={"idempotency-key": "k"})
        for _ in range(2)
    ]

    assert [answer.status_code for answer in told] == [201, 201]
    assert PhoneCode.objects.count() == 1


def test_a_code_of_which_the_answer_was_lost_opens_one_app_until_something_is_heard_of_it(ana: User) -> None:
    code = ask()
    send_codes(NOW)
    told = [sign_in_by(check(SIGN_IN, PHONE, digits(code.seed), NOW)[0], f"phone {number}", NOW) for number in range(2)]

    assert told[0].refresh == told[1].refresh
    renew(told[1].refresh, NOW)
    with pytest.raises(WrongCode):
        sign_in_by(check(SIGN_IN, PHONE, digits(code.seed), NOW)[0], "phone", NOW)
    assert SignedInApp.objects.get().name == "phone 0"


def test_a_code_opens_nothing_again_once_its_app_is_signed_out(ana: User) -> None:
    code = ask()
    send_codes(NOW)
    found, _user = check(SIGN_IN, PHONE, digits(code.seed), NOW)
    sign_in_by(found, "phone", NOW)
    end(SignedInApp.objects.all(), SignedInApp.Ended.BY_PERSON, NOW)

    with pytest.raises(WrongCode):
        sign_in_by(found, "phone", NOW)


@pytest.mark.django_db(transaction=True)
def test_a_code_shown_ten_times_at_once_opens_one_app() -> None:
    make_user("ana", phone=PHONE)
    code = ask()
    send_codes(NOW)
    found, _user = check(SIGN_IN, PHONE, digits(code.seed), NOW)

    def show(_number: int) -> str:
        try:
            return sign_in_by(found, "phone", NOW).refresh
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(show, range(10)))) == 1
    assert SignedInApp.objects.count() == 1


def test_a_guess_costs_the_same_whether_somebody_has_the_number_or_not(ana: User) -> None:
    costs = []
    for phone in (PHONE, "+12065550199"):
        ask(phone=phone, address=f"{HOME}-{phone}")
        send_codes(NOW)
        with CaptureQueriesContext(connection) as captured, pytest.raises(WrongCode):
            redeem(SIGN_IN, phone, "000000x", NOW)
        costs.append([re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in captured])

    assert costs[0] == costs[1]
    assert len(costs[0]) == 2


def test_a_code_that_was_sent_is_not_hidden_by_one_that_was_not(ana: User) -> None:
    code = ask()
    send_codes(NOW)
    ask(now=NOW + timedelta(seconds=61))

    assert redeem(SIGN_IN, PHONE, digits(code.seed), NOW + timedelta(seconds=62)) == ana


def test_a_visitor_is_told_the_same_whoever_has_the_number(client: Any, ana: User) -> None:
    answers = [post(client, "sign-in-codes/", {"phone": phone}) for phone in (PHONE, "+12065550199")]

    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    refused = post(client, "sign-in-codes/", {"phone": PHONE})
    assert refused.status_code == 429
    assert 30 < int(refused["Retry-After"]) <= 60


def test_a_number_that_cannot_be_texted_takes_no_others_place(client: Any, ana: User) -> None:
    client.force_login(ana)

    assert post(client, "contact-points/", {"phone": "+447911123456"}).status_code == 400

    assert ContactPoint.objects.get().address == PHONE


def test_another_persons_phone_is_not_there(client: Any, ana: User) -> None:
    client.force_login(ana)
    mine = client.get("/api/v1/contact-points/").json()["contact_points"][0]["id"]
    client.force_login(make_user("bo"))

    assert client.delete(f"/api/v1/contact-points/{mine}/").status_code == 404
    assert post(client, f"contact-points/{mine}/codes/", {}).status_code == 404
    assert post(client, f"contact-points/{mine}/verification/", {"code": "1"}).status_code == 404
    # Whatever the body: what is not there has no field to be wrong about.
    assert post(client, f"contact-points/{mine}/verification/", {}).status_code == 404
    assert post(client, f"contact-points/{mine}/codes/", {"more": 1}).status_code == 404
