"""manage.py take_screenshots: the pictures of README.md, from a demo of its own. Needs Chromium; CHROMIUM names it."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from playwright.sync_api import Browser, Page, sync_playwright

from demo.management.commands.demo import fresh_database, prepare, start_workers
from demo.people import PASSWORD
from demo.supervisor import ROOT, free_port, supervised, wait_for_port, web_command
from tests.machine import CHROMIUM_MISSING, chromium

IMAGES = ROOT / "docs" / "images"
# Only the product itself: no look-ups of the browser's own.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


class Command(BaseCommand):
    help = "Runs a demo of its own, looks at its pages, and writes docs/images/*.png."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not chromium():
            self.stderr.write(f"{CHROMIUM_MISSING}.")
            sys.exit(2)
        take_screenshots()


def take_screenshots() -> None:
    """This function will start a demo and keep what people see in it."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    var = Path(tempfile.mkdtemp(prefix="carillon-pictures-"))
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    with fresh_database(os.environ.get("DATABASE_URL"), var) as database:
        environment = {**os.environ, "DATABASE_URL": database, "CARILLON_VAR": str(var), "DJANGO_SETTINGS_MODULE": "settings.dev"}
        with supervised(var, {**environment, "SITE_URL": site}) as demo, sync_playwright() as playwright:
            prepare(demo)
            demo.manage("load_demo_world")
            demo.start("web", web_command(port))
            wait_for_port(port, "web", demo)
            start_workers(demo)
            demo.manage("announce_lab")
            browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
            look_around(browser, site)
            browser.close()


def look_around(browser: Browser, site: str) -> None:
    """This function will sign in as everyone and keep what they see."""
    learner = sign_in(browser, site, "learner")
    keep(learner, f"{site}/inbox/", "inbox")
    keep(learner, f"{site}/settings/", "settings")
    learner = sign_in(browser, site, "learner", width=390, scheme="dark")
    keep(learner, f"{site}/inbox/", "inbox-phone")
    participant = sign_in(browser, site, "participant", width=390)
    keep(participant, f"{site}/studies/mine/", "my-studies-phone")
    researcher = sign_in(browser, site, "researcher")
    researcher.goto(f"{site}/studies/")
    researcher.get_by_role("link", name="mPower 2.0").first.click()
    keep(researcher, researcher.url, "study")
    researcher.locator("a[href*='/participants/']").first.click()
    keep(researcher, researcher.url, "participant")
    operator = sign_in(browser, site, "operator")
    operator.goto(f"{site}/admin/carillon_channels/delivery/?channel=sms")
    keep(operator, operator.url, "delivery-log")


def sign_in(browser: Browser, site: str, username: str, *, width: int = 1280, scheme: str = "light") -> Page:
    """This function will give a page on which a person is signed in."""
    context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.goto(f"{site}/sign-in/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_load_state("networkidle")
    return page


def keep(page: Page, address: str, name: str) -> None:
    """This function will write what a page shows without scrolling."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=str(IMAGES / f"{name}.png"))
    sys.stdout.write(f"  · docs/images/{name}.png\n")
