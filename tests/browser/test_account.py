import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import PhoneCode
from accounts.phone_codes import digits
from accounts.signed_in_apps import sign_in
from tests.browser.conftest import CheckAccess, OpenPage
from tests.factories import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_phone_is_added_and_verified_with_the_keyboard_and_without_javascript(
    open_page: OpenPage, check_access: CheckAccess, width: int
) -> None:
    make_user("ana")
    page = open_page("ana", width, path="/settings/phone/", javascript=False)
    page.get_by_label("Mobile number").fill("+12065550100")
    page.keyboard.press("Enter")
    page.get_by_label("Code", exact=True).fill("000000x")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This code does not fit")).to_be_visible()
    page.get_by_label("Code", exact=True).fill(digits(PhoneCode.objects.get().seed))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your number is verified.")).to_be_visible()


def test_the_pages_of_an_account_have_no_barriers(open_page: OpenPage, check_access: CheckAccess) -> None:
    sign_in(make_user("ana", language="ar"), "Ana's phone", timezone.now())
    for width in (1280, 390):
        for path in ("/settings/phone/", "/settings/apps/", "/settings/data/"):
            check_access(open_page("ana", width, path=path))
