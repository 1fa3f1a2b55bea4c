import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import AuthenticatorApp, User
from accounts.second_factor import STEP_SECONDS, add, begin, digits_at
from tests.browser.conftest import CheckAccess, OpenPage
from tests.factories import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a long enough password"


def digits(ahead: int = 0) -> str:
    """This function will give what the one authenticator app shows now, or so many steps later."""
    return digits_at(AuthenticatorApp.objects.get(), int(timezone.now().timestamp()) // STEP_SECONDS + ahead)


def make_operator(language: str = "") -> User:
    user = make_user("omar", language=language)
    user.is_staff = user.is_superuser = True
    user.set_password(PASSWORD)
    user.save()
    return user


def enter(page: Page, path: str = "/sign-in/") -> None:
    page.goto(path)
    page.get_by_label("Username").fill("omar")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def test_an_operator_adds_an_app_and_signs_in_with_it_by_keyboard_alone(
    open_page: OpenPage, check_access: CheckAccess, settings: Any
) -> None:
    # given: an operator without a second factor
    settings.REQUIRE_SECOND_FACTOR_OF = ["operators"]
    make_operator()

    # when: they sign in to the administration
    page = open_page("", 390, javascript=False)
    enter(page, "/admin/")
    expect(page.get_by_text("You see what others entrust to us")).to_be_visible()
    page.goto("/admin/")
    expect(page).to_have_url(re.compile("/settings/second-factor/$"))
    page.get_by_label("Code").fill(digits())
    page.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")

    # then: they get recovery codes, and the whole site
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    paper = page.get_by_role("listitem").locator("code").all_inner_texts()
    page.get_by_role("link", name="I have them").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()

    # and: another browser asks for the second factor, which paper has too
    other = open_page("")
    enter(other, "/admin/accounts/user/")
    expect(other.get_by_label("Code")).to_be_visible()
    other.goto("/admin/")
    expect(other.get_by_label("Username")).to_be_visible()
    enter(other, "/sign-in/?next=/admin/")
    other.get_by_label("Code").fill(digits(ahead=1))
    other.keyboard.press("Enter")
    expect(other.get_by_role("heading", name="Site administration")).to_be_visible()
    third = open_page("")
    enter(third, "/sign-in/?next=/inbox/")
    third.get_by_label("Code").fill(paper[0])
    third.keyboard.press("Enter")
    expect(third.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()


@pytest.mark.parametrize("language", ["", "ar"])
def test_the_pages_of_the_second_factor_have_no_barriers(open_page: OpenPage, check_access: CheckAccess, language: str) -> None:
    user = make_operator(language)
    for width in (1280, 390):
        page = open_page("omar", width, path="/settings/second-factor/")
        check_access(page)
        page.close()
    then = timezone.now() - timedelta(hours=1)
    app = begin(user, then)
    codes = add(user, digits_at(app, int(then.timestamp()) // STEP_SECONDS), then)
    for width in (1280, 390):
        page = open_page("omar", width, path="/")
        check_access(page)
        page.locator("[name=code]").fill(codes.pop())
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/admin/$"))
        page.goto("/settings/second-factor/")
        check_access(page)
        page.locator("[name=code]").fill(codes.pop())
        page.locator("[value=codes]").click()
        expect(page.locator("main li code")).to_have_count(10)
        check_access(page)
        codes = page.locator("main li code").all_inner_texts()
