"""The bell on another site: a page of another origin, with the script and the element as docs/embedding.md gives them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.service_tokens import make_service_token
from notifications.api import InboxItem, notify
from tests.browser.conftest import CheckAccess, OpenPage
from tests.clients.test_embedding import block
from tests.factories import COURSE, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE = """<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8"><title>Learn</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">{script}</head>
<body><header><h1>Learn</h1><a href="/elsewhere/">Courses</a>{element}</header><main><p>A course.</p></main></body></html>"""


@pytest.fixture
def ana() -> User:
    person = make_user("ana")
    for title in ("Week 1", "Week 2", "Week 3"):
        tell(person, title)
    return person


def tell(person: User, title: str) -> None:
    context = {"course_name": "Statistics", "replier_name": "lee", "post_title": title}
    notify(type="discussion.new_response", audience=[person], context=context, scope=COURSE)


@pytest.fixture
def other_site(ana: User, live_server: LiveServer, settings: Settings) -> Iterator[str]:
    """Another site, which knows who is signed in there."""
    token = make_service_token(name="lms", scopes=["inbox:embed"], made_by_id=None, expires_at=None, now=timezone.now())
    pasted: dict[str, Any] = {"carillon": live_server.url, "service_token": token}
    exec(block("python"), pasted)  # noqa: S102 - what the page says
    script, element = block("html").replace("{carillon}", live_server.url).strip().splitlines()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/bell-token/":
                self.answer("application/json", pasted["bell_token"]("ana"))
            else:
                language = self.path.strip("/") or "en"
                direction = "rtl" if language == "ar" else "ltr"
                self.answer("text/html", PAGE.format(language=language, direction=direction, script=script, element=element))

        def answer(self, kind: str, body: Any) -> None:
            written = body.encode() if isinstance(body, str) else body
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(written)))
            own = f"default-src 'none'; script-src {live_server.url}; connect-src 'self' {live_server.url}; img-src data:"
            self.send_header("Content-Security-Policy", own)
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    settings.CORS_ALLOWED_ORIGINS = [address]
    yield address
    server.shutdown()
    server.server_close()


def bell_of(page: Page, words: str) -> Any:
    return page.get_by_role("button", name=words)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_panel_is_read_by_keyboard_and_gives_the_focus_back(
    ana: User, other_site: str, open_page: OpenPage, check_access: CheckAccess, width: int
) -> None:
    page = open_page(width=width, path=other_site)
    bell = bell_of(page, "Inbox, new: 3")
    bell.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Inbox")
    expect(panel.get_by_role("listitem")).to_have_count(3)
    expect(panel.get_by_role("heading", name="Inbox")).to_be_focused()
    expect(bell_of(page, "Inbox, new: 0")).to_have_attribute("aria-expanded", "true")
    check_access(page)

    panel.get_by_role("button", name="Mark as read").first.focus()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("button", name="Mark as read")).to_have_count(2)
    expect(panel.get_by_role("button", name="Archive").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("listitem")).to_have_count(2)
    panel.get_by_role("button", name="Undo").click()
    expect(panel.get_by_role("listitem")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.get_by_role("button", name="Inbox, new: 0")).to_be_focused()

    assert InboxItem.objects.filter(read_at__isnull=False).count() == 1
    assert InboxItem.objects.filter(archived_at__isnull=False).count() == 0
    assert page.context.cookies() == []


def test_what_comes_while_it_is_open_waits_to_be_asked_for(ana: User, other_site: str, open_page: OpenPage) -> None:
    page = open_page(path=other_site)
    bell_of(page, "Inbox, new: 3").click()
    expect(bell_of(page, "Inbox, new: 0")).to_be_visible()
    tell(ana, "Week 4")
    # Coming back to the tab asks at once.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    fresh = page.get_by_role("button", name="Show new notifications")
    expect(fresh).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(3)
    fresh.click()
    expect(page.get_by_role("listitem")).to_have_count(4)


def test_a_token_that_is_over_is_replaced_without_a_word(ana: User, other_site: str, chromium_window: Browser) -> None:
    # A window of our own: the console tells of the refusal, as it must.
    page = chromium_window.new_page()
    page.goto(other_site)
    expect(bell_of(page, "Inbox, new: 3")).to_be_visible()
    ana.set_password("another one entirely")
    ana.save()
    with page.expect_response("**/bell-token/"):
        bell_of(page, "Inbox, new: 3").click()
    # With the notice of the new password.
    expect(page.get_by_role("listitem")).to_have_count(4)
    page.context.close()


def test_an_inbox_that_cannot_be_loaded_says_so_and_is_tried_again(ana: User, other_site: str, chromium_window: Browser) -> None:
    page = chromium_window.new_page()
    page.goto(other_site)
    expect(bell_of(page, "Inbox, new: 3")).to_be_visible()
    page.route("**/api/v1/inbox/", lambda route: route.abort())
    bell_of(page, "Inbox, new: 3").click()
    expect(page.get_by_role("alert")).to_contain_text("Your inbox could not be loaded.")
    page.unroute("**/api/v1/inbox/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("listitem")).to_have_count(3)
    page.context.close()


@pytest.mark.parametrize(("language", "words"), [("es", "Bandeja"), ("ar", "")])
def test_it_speaks_the_language_of_the_page(
    ana: User, other_site: str, open_page: OpenPage, check_access: CheckAccess, language: str, words: str
) -> None:
    page = open_page(width=390, path=f"{other_site}/{language}/")
    page.locator("carillon-bell").get_by_role("button").first.click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("listitem")).to_have_count(3)
    assert words in panel.inner_text()
    assert panel.evaluate("panel => getComputedStyle(panel).direction") == ("rtl" if language == "ar" else "ltr")
    check_access(page)
