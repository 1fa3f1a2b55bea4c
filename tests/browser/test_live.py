"""Live updates over real processes: the web server, the server of streams, a Redis, and another process that says something."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from demo.management.commands.demo import fresh_database, prepare, start_pages
from demo.people import PASSWORD
from demo.supervisor import ROOT, Supervisor, free_port, supervised

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(200)]

MAKE_ANA = f"""
from accounts.models import User
User.objects.create_user("ana", password="{PASSWORD}")
"""
SAY = """
from accounts.models import User
from notifications.api import notify
context = {{"course_name": "Statistics", "replier_name": "lee", "post_title": "{title}"}}
notify(type="discussion.new_response", audience=User.objects.filter(username="ana"), context=context)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    # A Redis of its own, that a test may stop.
    monkeypatch.delenv("REDIS_URL", raising=False)
    port = free_port()
    with fresh_database(os.environ.get("DATABASE_URL"), tmp_path) as database:
        environment = {
            **os.environ,
            "DATABASE_URL": database,
            "CARILLON_VAR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "settings.dev",
            "SITE_URL": f"http://127.0.0.1:{port}",
        }
        with supervised(tmp_path, environment, talk_to=sys.stderr) as site:
            prepare(site)
            start_pages(site, port)
            site.manage("shell", "-c", MAKE_ANA)
            yield site


@pytest.fixture
def window(site: Supervisor, chromium_window: Browser) -> Iterator[BrowserContext]:
    context = chromium_window.new_context(base_url=site.env["SITE_URL"])
    page = context.new_page()
    page.goto("/sign-in/?next=/inbox/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    yield context
    context.close()


def say(site: Supervisor, title: str) -> None:
    """This function will have another process say something, and end with it."""
    subprocess.run([sys.executable, "manage.py", "shell", "-c", SAY.format(title=title)], cwd=ROOT, env=site.env, check=True)


def streams_of(page: Page) -> list[str]:
    """This function will collect the streams that a page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/live/") else None)
    return asked


def has_stream(page: Page) -> bool:
    # A page that is still loading knows no stream yet.
    return bool(page.evaluate("typeof stream !== 'undefined' && stream?.readyState === EventSource.OPEN"))


def wait_for_stream(page: Page, *, there: bool = True) -> None:
    """This function will wait until a page has a stream, or has none. Playwright's own waiting evaluates text, which our policy refuses."""
    ends = time.monotonic() + 90
    while has_stream(page) is not there:
        assert time.monotonic() < ends, "The stream did not come." if there else "The stream did not end."
        page.wait_for_timeout(100)


def test_what_another_process_says_is_in_every_tab_at_once_and_waits_behind_a_pill(site: Supervisor, window: BrowserContext) -> None:
    first = window.pages[0]
    wait_for_stream(first)
    second = window.new_page()
    asked = streams_of(second)
    second.goto("/settings/")

    # when
    say(site, "Week 1")

    # then
    # Both would ask by themselves after a minute.
    expect(first.get_by_role("link", name="Show new notifications (1)")).to_be_visible(timeout=10_000)
    expect(second.get_by_role("button", name="Inbox, new: 1")).to_be_visible(timeout=10_000)
    assert first.locator("[data-item]").count() == 0, "The list must not jump."
    assert asked == [], "One stream serves every tab of a browser."
    first.get_by_role("link", name="Show new notifications (1)").click()
    expect(first.locator("[data-item]")).to_have_count(1)
    # Looking at it in one tab makes the bell of the other quiet.
    expect(second.get_by_role("button", name="Inbox, new: 0")).to_be_visible(timeout=10_000)

    # The tab that held the stream closes: the other takes over.
    first.close()
    wait_for_stream(second)
    say(site, "Week 2")
    expect(second.get_by_role("button", name="Inbox, new: 1")).to_be_visible(timeout=10_000)


def test_a_hidden_tab_lets_go_and_comes_back(site: Supervisor, window: BrowserContext) -> None:
    page = window.pages[0]
    wait_for_stream(page)
    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); "
    page.evaluate(hide + "document.dispatchEvent(new Event('visibilitychange')) }", True)
    wait_for_stream(page, there=False)
    say(site, "Week 1")
    page.evaluate(hide + "document.dispatchEvent(new Event('visibilitychange')) }", False)
    expect(page.get_by_role("link", name="Show new notifications (1)")).to_be_visible(timeout=10_000)
    wait_for_stream(page)


def test_without_redis_pages_ask_and_with_it_they_listen_again(site: Supervisor, window: BrowserContext) -> None:
    page = window.pages[0]
    wait_for_stream(page)
    redis = next(child for child in site.children if child.name == "redis")
    redis.process.kill()
    redis.process.wait()
    wait_for_stream(page, there=False)

    say(site, "Week 1")
    expect(page.get_by_role("link", name="Show new notifications (1)")).to_be_visible(timeout=60_000)
    assert not has_stream(page)

    site.children.remove(redis)
    site.start("redis", redis.command)
    wait_for_stream(page)
    say(site, "Week 2")
    expect(page.get_by_role("link", name="Show new notifications (2)")).to_be_visible(timeout=10_000)


def test_signing_out_ends_the_stream_and_the_asking(site: Supervisor, window: BrowserContext) -> None:
    page = window.pages[0]
    wait_for_stream(page)
    other = window.new_page()
    other.goto("/settings/")
    other.locator("summary", has_text="Your account").click()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()
    wait_for_stream(page, there=False)
