from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.models import User
from channels_ace.api import Delivery, deliver_all
from tests.browser.conftest import OpenPage
from tests.channels_ace.saying import make_people, say
from tests.factories import NOW
from tests.fakes import Doubles

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1280, 390])
def test_an_operator_reads_the_story_of_a_delivery(open_page: OpenPage, doubles: Doubles, width: int) -> None:
    User.objects.create_superuser("operator", "operator@example.org", "a long password")
    doubles.faults.script("eum", "reset_after_accept")
    say(make_people(1))
    deliver_all(NOW)
    key = Delivery.objects.get().pk
    page = open_page("operator", width, path=f"/admin/carillon_channels/delivery/{key}/change/")

    expect(page.get_by_role("heading", name="What happens next")).to_be_visible()
    expect(page.get_by_text("it is closed as unknown and not sent again")).to_be_visible()
    page.get_by_text("The row as it is stored").press("Enter")
    expect(page.get_by_text("reconcile_at")).to_be_visible()
    check_both_schemes(page)


@pytest.mark.parametrize("width", [1280, 390])
def test_an_operator_reads_the_log_of_deliveries(open_page: OpenPage, doubles: Doubles, width: int) -> None:
    User.objects.create_superuser("operator", "operator@example.org", "a long password")
    say(make_people(3))
    deliver_all(NOW)

    page = open_page("operator", width, path="/admin/carillon_channels/delivery/")

    expect(page.get_by_role("textbox", name="Search")).to_be_visible()
    check_both_schemes(page)


def check_both_schemes(page: Page) -> None:
    schemes: list[Literal["light", "dark"]] = ["light", "dark"]
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        # Django's administration fades from one scheme to the other; what is half way has no contrast of its own.
        page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
        # Django's stylesheets import others, which axe would load by an inline style that our policy refuses.
        found = Axe().run(page, options={"preload": False}).response["violations"]
        assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
