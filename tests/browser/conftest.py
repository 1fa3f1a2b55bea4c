"""A real browser for the tests marked `browser`: `open_page(username, width=1280)` gives a page that is signed in.

Each call opens a window of its own, at the start page of the test's server, so one test can be two people. What the page
complains about (an error in a script, a refusal by the Content-Security-Policy, a missing file) fails the test at its end.
"""

import os
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.machine import chromium

OpenPage = Callable[..., Page]
CheckAccess = Callable[[Page], None]

HEIGHTS = {390: 844}

# A busy machine is slow, not wrong.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def chromium_window() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        # Playwright keeps an event loop in this thread, in which Django would refuse to ask the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            # As root, as in most containers, Chromium has no sandbox to start.
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
            yield browser
            browser.close()


@pytest.fixture
def open_page(chromium_window: Browser, live_server: LiveServer) -> Iterator[OpenPage]:
    """This function will open pages as a person who exists ("" for a visitor), this many pixels wide: open_page("ana", width=390)."""
    complaints: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def open_page(username: str = "", width: int = 1280, *, path: str = "/", javascript: bool = True) -> Page:
        context = chromium_window.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            java_script_enabled=javascript,
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        if username:
            client = Client()
            client.force_login(User.objects.get(username=username))
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def check_access() -> CheckAccess:
    """This function will fail where axe finds anything wrong with a page, or where the page is wider than its window."""

    def check_access(page: Page) -> None:
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "The page is wider than its window."

    return check_access
