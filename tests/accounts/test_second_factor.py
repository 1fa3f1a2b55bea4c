"""Nobody who must show a second factor gets in without it, through whichever door."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import phone_codes, second_factor
from accounts.models import AuthenticatorApp, PhoneCode, RecoveryCode, SignedInApp, User
from accounts.personal_data import erase
from accounts.second_factor import STEP_SECONDS, WrongCode, add, begin, digits_at, is_missing, take
from accounts.signed_in_apps import sign_in
from accounts.tries import LIMITS, TooMany
from channels_ace.api import Message, add_contact_point
from studies.api import StudyRole
from tests.factories import NOW, make_user
from tests.scheduling.worlds import make_study

PASSWORD = "a long enough password"
pytestmark = pytest.mark.django_db


def make_person(name: str = "ana", *, operator: bool = False) -> User:
    user = make_user(name, email=f"{name}@example.org")
    User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD), is_staff=operator, is_superuser=operator)
    user.refresh_from_db()
    return user


def digits(user: User, now: datetime) -> str:
    return digits_at(AuthenticatorApp.objects.get(user=user), int(now.timestamp()) // STEP_SECONDS)


def with_app(user: User, now: datetime | None = None) -> list[str]:
    """This function will give a person an authenticator app, and give their recovery codes."""
    then = (now or timezone.now()) - timedelta(hours=1)
    begin(user, then)
    return add(user, digits(user, then), then)


def enter(client: Client, name: str = "ana", goes_to: str = "/inbox/") -> Any:
    return client.post("/sign-in/", {"username": name, "password": PASSWORD, "next": goes_to})


@pytest.fixture
def strict(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR_OF = ["operators", "researchers"]


# The codes.


def test_the_digits_are_those_of_rfc_6238() -> None:
    # Appendix B, for SHA-1, whose secret is "12345678901234567890" in ASCII; we show the last six of its eight digits.
    app = AuthenticatorApp(secret="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")

    shown = [digits_at(app, at // STEP_SECONDS) for at in (59, 1_111_111_109, 1_111_111_111, 1_234_567_890, 2_000_000_000)]

    assert shown == ["287082", "081804", "050471", "005924", "279037"]


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(steps: int, fits: bool) -> None:
    user = make_person()
    with_app(user, NOW)
    code = digits(user, NOW + timedelta(seconds=steps * STEP_SECONDS))

    if fits:
        take(user, code, NOW)
    else:
        with pytest.raises(WrongCode):
            take(user, code, NOW)


def test_no_code_is_taken_twice_nor_one_before_it() -> None:
    user = make_person()
    codes = with_app(user, NOW)
    take(user, digits(user, NOW), NOW)
    take(user, codes[0].upper().replace("-", " "), NOW)

    for code in (digits(user, NOW), digits(user, NOW - timedelta(seconds=STEP_SECONDS)), codes[0]):
        with pytest.raises(WrongCode):
            take(user, code, NOW)


def test_a_recovery_code_is_told_of_and_kept_as_a_hash_only() -> None:
    user = make_person()
    codes = with_app(user, NOW)
    take(user, codes[3], NOW)

    assert Message.objects.get(type="account.recovery_code_used").context["left"] == len(codes) - 1
    assert not set(RecoveryCode.objects.values_list("mark", flat=True)) & {code.replace("-", "") for code in codes}


def test_guesses_are_counted_by_the_account_wherever_they_come_from() -> None:
    user = make_person()
    with_app(user, NOW)
    for _guess in range(LIMITS["second_factor"]["account"][0].most):
        with pytest.raises(WrongCode):
            take(user, "000000x", NOW)

    with pytest.raises(TooMany):
        take(user, digits(user, NOW), NOW)


# The doors.


def test_the_password_alone_opens_nothing(client: Client) -> None:
    user = make_person()
    with_app(user)

    answer = enter(client)

    assert answer.headers["Location"] == "/sign-in/code/"
    assert client.get("/inbox/").headers["Location"] == "/sign-in/?next=/inbox/"
    assert client.get("/api/v1/inbox/").status_code == 401
    answer = client.post("/sign-in/code/", {"code": digits(user, timezone.now())})
    assert answer.headers["Location"] == "/inbox/"
    assert client.get("/inbox/").status_code == 200
    assert client.get("/api/v1/inbox/").status_code == 200


def test_a_wrong_code_says_so_and_signs_nobody_in(client: Client) -> None:
    with_app(make_person())
    enter(client)

    answer = client.post("/sign-in/code/", {"code": "123456x"})

    assert "This code does not fit" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_recovery_code_signs_in_once(client: Client) -> None:
    codes = with_app(make_person())
    for expected in (302, 200):
        other = Client()
        enter(other)
        assert other.post("/sign-in/code/", {"code": codes[0]}).status_code == expected


def test_the_second_step_is_nobodys_without_the_first(client: Client) -> None:
    with_app(make_person())

    assert client.get("/sign-in/code/").headers["Location"] == "/sign-in/"
    assert client.post("/sign-in/code/", {"code": "123456"}).headers["Location"] == "/sign-in/"


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": make_password("another long password")}])
def test_the_second_step_ends_when_the_account_changes(client: Client, change: dict[str, Any]) -> None:
    user = make_person()
    with_app(user)
    enter(client)
    User.objects.filter(pk=user.pk).update(**change)

    assert client.post("/sign-in/code/", {"code": digits(user, timezone.now())}).headers["Location"] == "/sign-in/"


def test_the_second_step_ends_after_ten_minutes(client: Client) -> None:
    user = make_person()
    with_app(user)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        enter(client)
        clock.shift(timedelta(minutes=10))
        assert client.post("/sign-in/code/", {"code": digits(user, timezone.now())}).headers["Location"] == "/sign-in/"


def test_a_sign_in_leads_to_no_other_site(client: Client) -> None:
    user = make_person()
    with_app(user)
    enter(client, goes_to="https://evil.example/")

    assert client.post("/sign-in/code/", {"code": digits(user, timezone.now())}).headers["Location"] == "/"


def test_the_administration_has_no_door_of_its_own(client: Client) -> None:
    user = make_person(operator=True)
    with_app(user)

    answer = client.post("/admin/login/?next=/admin/", {"username": "ana", "password": PASSWORD, "next": "/admin/"})

    assert answer.headers["Location"] == "/sign-in/?next=/admin/"
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/login/?next=//evil.example/").headers["Location"] == "/sign-in/?next=/admin/"
    enter(client, goes_to="/admin/")
    assert client.post("/sign-in/code/", {"code": digits(user, timezone.now())}).headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/login/?next=/admin/auth/").headers["Location"] == "/admin/auth/"


def test_who_is_signed_in_and_no_operator_is_told_so_at_the_administration(client: Client) -> None:
    client.force_login(make_person())

    assert client.get("/admin/login/?next=/admin/").status_code == 403


def test_a_session_made_in_another_way_is_nobodys_until_the_code_is_shown(client: Client) -> None:
    user = make_person(operator=True)
    with_app(user)
    client.force_login(user)

    assert client.get("/api/v1/inbox/").status_code == 401
    assert client.get("/inbox/", headers={"sec-fetch-mode": "cors"}).headers["Location"] == "/sign-in/?next=/inbox/"
    assert client.get("/admin/accounts/user/?q=ben").headers["Location"] == "/sign-in/code/"
    assert "_auth_user_id" not in client.session
    answer = client.post("/sign-in/code/", {"code": digits(user, timezone.now())})
    assert answer.headers["Location"] == "/admin/accounts/user/?q=ben"


def test_another_app_ends_what_the_old_one_opened(client: Client) -> None:
    user = make_person()
    with_app(user)
    enter(client)
    client.post("/sign-in/code/", {"code": digits(user, timezone.now())})
    second_factor.remove(user, timezone.now())
    assert client.get("/inbox/").status_code == 200
    with_app(user)

    assert client.get("/inbox/").headers["Location"] == "/sign-in/code/"


def test_signing_in_is_tried_only_so_often(client: Client) -> None:
    make_person()
    for _guess in range(LIMITS["sign_in"]["account"][0].most):
        assert client.post("/sign-in/", {"username": "ana", "password": "wrong"}).status_code == 200

    answer = enter(client)

    assert "Too many tries. Try again in 15 minutes." in answer.content.decode()
    assert "_auth_user_id" not in client.session


# Apps.


def app_body(**more: str) -> dict[str, str]:
    return {"username": "ana", "password": PASSWORD, "app": "phone", **more}


def test_an_app_is_no_way_around_it(client: Client) -> None:
    user = make_person()
    codes = with_app(user)

    def ask(**more: str) -> int:
        return client.post("/api/v1/signed-in-apps/", app_body(**more), content_type="application/json").status_code

    assert [ask(), ask(second_factor="000000x"), ask(second_factor=codes[0]), ask(second_factor=codes[0])] == [401, 401, 201, 401]


def test_a_texted_code_is_good_until_the_second_factor_is_shown_with_it(client: Client) -> None:
    user = make_person()
    codes = with_app(user)
    add_contact_point(user_id=user.pk, kind="phone", address="+12065550100", now=NOW, verified=True)
    asked = phone_codes.ask_for_code(PhoneCode.Use.SIGN_IN, "+12065550100", timezone.now(), address="192.0.2.1")
    phone_codes.send_codes(timezone.now())
    body = {"phone": "+12065550100", "code": phone_codes.digits(asked.seed), "app": "phone"}

    def ask(**more: str) -> int:
        return client.post("/api/v1/signed-in-apps/", body | more, content_type="application/json").status_code

    assert [ask(), ask(second_factor="000000x"), ask(second_factor=codes[0])] == [401, 401, 201]


def test_an_app_of_before_is_signed_out() -> None:
    user = make_person()
    app = sign_in(user, "phone", NOW).app
    with_app(user)

    assert SignedInApp.objects.get(pk=app.pk).ended_because == "second_factor"


def test_an_operator_without_a_second_factor_signs_in_no_app(client: Client, strict: None) -> None:
    make_person(operator=True)

    assert client.post("/api/v1/signed-in-apps/", app_body(), content_type="application/json").status_code == 403


def test_who_becomes_an_operator_is_out_of_apps_without_it(client: Client, strict: None) -> None:
    user = make_person()
    headers = {"authorization": f"Bearer {sign_in(user, 'phone', timezone.now()).access}"}
    assert client.get("/api/v1/inbox/", headers=headers).status_code == 200
    User.objects.filter(pk=user.pk).update(is_staff=True)

    assert client.get("/api/v1/inbox/", headers=headers).status_code == 401


# Who must have one.


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (["nobody"], []),
        (["operators"], ["staff", "superuser"]),
        (["researchers"], ["superuser", "viewer", "creator"]),
        (["operators", "researchers"], ["staff", "superuser", "viewer", "creator"]),
    ],
)
def test_it_is_asked_of_whom_the_setting_names(settings: Any, who: list[str], expected: list[str]) -> None:
    settings.REQUIRE_SECOND_FACTOR_OF = who
    people = {name: make_user(name) for name in ("learner", "staff", "superuser", "viewer", "creator")}
    people["staff"].is_staff = people["superuser"].is_superuser = True
    StudyRole.objects.create(study=make_study(NOW), user=people["viewer"], role=StudyRole.Role.VIEWER)
    people["creator"].user_permissions.add(Permission.objects.get(codename="add_study", content_type__app_label="studies"))

    assert [name for name, user in people.items() if is_missing(user, Client().session)] == expected


def test_who_must_add_one_comes_to_that_page_from_everywhere(client: Client, strict: None) -> None:
    make_person(operator=True)
    enter(client, goes_to="/admin/")

    for path in ("/", "/admin/", "/inbox/", "/settings/", "/studies/", "/settings/data/"):
        assert client.get(path).headers["Location"] == "/settings/second-factor/", path
    answer = client.get("/api/v1/inbox/")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:carillon:problem:second_factor_missing")
    assert client.post("/inbox/reading/").headers["Location"] == "/settings/second-factor/"
    page = client.get("/settings/second-factor/").content.decode()
    assert "You see what others entrust to us" in page
    assert "otpauth" not in page
    assert [link for link in ("/inbox/", "/studies/", "/admin/", "/settings/data/") if link in page] == []


def test_adding_one_takes_the_password_and_the_first_code_and_opens_the_site(client: Client, strict: None) -> None:
    user = make_person(operator=True)
    enter(client)
    client.get("/settings/second-factor/")
    code = digits(user, timezone.now())

    def post(**form: str) -> str:
        return client.post("/settings/second-factor/", form).content.decode()

    assert "This is not your password." in post(code=code, password="wrong")
    assert "This code does not fit." in post(code="000000x", password=PASSWORD)
    before = client.session.session_key
    page = post(code=code, password=PASSWORD)
    assert (page.count("<code"), client.session.session_key != before) == (second_factor.RECOVERY_CODES, True)
    assert client.get("/admin/").status_code == 200
    assert client.get("/api/v1/inbox/").status_code == 200
    assert Message.objects.filter(type="account.second_factor_added").count() == 1


def test_a_learner_may_add_one_and_need_not(client: Client, strict: None) -> None:
    make_person()
    enter(client)

    assert client.get("/inbox/").status_code == 200
    assert client.get("/settings/second-factor/").status_code == 200


def test_removing_it_takes_a_code_and_is_told(client: Client) -> None:
    user = make_person()
    codes = with_app(user)
    enter(client)
    client.post("/sign-in/code/", {"code": codes[0]})

    client.post("/settings/second-factor/", {"do": "remove", "code": "000000x"})
    assert AuthenticatorApp.objects.exists()
    client.post("/settings/second-factor/", {"do": "remove", "code": codes[1]})

    user.refresh_from_db()
    assert (user.second_factor_at, AuthenticatorApp.objects.exists(), RecoveryCode.objects.exists()) == (None, False, False)
    assert Message.objects.filter(type="account.second_factor_removed").count() == 1


def test_new_recovery_codes_end_the_old_ones(client: Client) -> None:
    user = make_person()
    codes = with_app(user)
    enter(client)
    client.post("/sign-in/code/", {"code": codes[0]})
    client.post("/settings/second-factor/", {"do": "codes", "code": codes[1]})

    with pytest.raises(WrongCode):
        take(user, codes[2], timezone.now())
    assert second_factor.recovery_codes_left(user) == second_factor.RECOVERY_CODES


def test_operators_remove_it_for_whoever_lost_their_phone(client: Client) -> None:
    user, operator = make_person(), make_person("operator", operator=True)
    with_app(user)
    client.force_login(operator)

    client.post("/admin/accounts/user/", {"action": "remove_second_factor", "_selected_action": [user.pk, operator.pk]})

    user.refresh_from_db()
    assert user.second_factor_at is None
    assert Message.objects.filter(type="account.second_factor_removed").count() == 1
    assert client.get(reverse("admin:accounts_user_history", args=[user.pk])).content.decode().count("Removed the second factor") == 1


def test_who_sees_other_peoples_data_signs_in_once_a_working_day(client: Client, strict: None) -> None:
    make_person(operator=True)
    make_person("ben")
    start = datetime(2026, 6, 15, 8, tzinfo=UTC)
    ben = Client()
    with time_machine.travel(start, tick=False) as clock:
        enter(client)
        enter(ben, "ben")
        clock.shift(timedelta(hours=11))
        assert client.get("/").headers["Location"] == "/settings/second-factor/"
        clock.shift(timedelta(hours=1))
        assert client.get("/").headers["Location"] == "/sign-in/?next=/"
        assert ben.get("/inbox/").status_code == 200


def test_the_secret_is_encrypted_and_goes_with_the_account() -> None:
    user = make_person()
    with_app(user)
    secret = AuthenticatorApp.objects.get().secret

    stored = AuthenticatorApp.objects.extra(select={"raw": "secret"}).values_list("raw", flat=True).get()
    assert secret not in stored
    erase(user, timezone.now())
    assert not AuthenticatorApp.objects.exists()
