import asyncio
from collections.abc import Callable, Coroutine, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from notifications import live_server
from notifications.bell_tokens import LASTS, make_bell_token
from notifications.inbox import bell
from notifications.live import read_poke
from notifications.live_server import MOST_FOR_A_PERSON, LiveServer
from notifications.live_sessions import still_valid
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_SITE = "https://learn.example.org"
Sent = list[MutableMapping[str, Any]]
Result = TypeVar("Result")


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def session_of(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def server() -> LiveServer:
    server = LiveServer()
    server.is_listening = True
    return server


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """This function will run a coroutine to its end, in a thread: Playwright may hold an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


class Page:
    """What a browser is to the server: it asks for a stream, and may go away."""

    def __init__(
        self, server: LiveServer, session: str = "", *, token: str = "", origin: str = "", method: str = "GET", path: str = "/live/"
    ) -> None:
        headers = [(b"host", b"live.example"), (b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode())]
        if origin:
            headers.append((b"origin", origin.encode()))
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        self.sent: Sent = []
        self.gone = asyncio.Event()
        scope = {"type": "http", "scheme": "http", "method": method, "path": path, "headers": headers}
        self.task = asyncio.ensure_future(server(scope, self.receive, self.send))

    async def receive(self) -> MutableMapping[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message)

    async def status(self) -> int:
        await until(lambda: self.sent)
        return int(self.sent[0]["status"])

    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()


def status_of(server: LiveServer, session: str = "", **options: str) -> int:
    async def ask() -> int:
        page = Page(server, session, **options)
        status = await page.status()
        page.gone.set()
        await page.task
        return status

    return run(ask())


def test_only_a_signed_in_person_of_this_site_gets_a_stream(ana: User, server: LiveServer) -> None:
    session = session_of(ana)
    assert status_of(server, session) == 200
    assert status_of(server, session, origin=settings.SITE_URL) == 200
    assert status_of(server, session, origin="http://live.example") == 200
    assert status_of(server, session, origin="https://elsewhere.example") == 403
    assert status_of(server, session, method="POST") == 405
    assert status_of(server, "nonsense\x00") == 401
    assert status_of(server) == 401
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert status_of(server, session) == 401


def test_a_bell_of_a_named_site_gets_a_stream_by_its_token_and_by_nothing_else(ana: User, server: LiveServer, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [OTHER_SITE]
    session, token = session_of(ana), make_bell_token(ana, timezone.now()).token
    assert status_of(server, token=token, origin=OTHER_SITE) == 200
    assert status_of(server, method="OPTIONS", origin=OTHER_SITE) == 200
    assert status_of(server, session, origin=OTHER_SITE) == 401
    assert status_of(server, token=session, origin=OTHER_SITE) == 401
    assert status_of(server, token=make_bell_token(ana, timezone.now() - LASTS).token, origin=OTHER_SITE) == 401
    assert status_of(server, token=token, origin="https://elsewhere.example") == 403
    # Nor does it stand for a session.
    assert status_of(server, token) == 401
    assert status_of(server, token=token) == 401


def test_a_browser_is_told_that_a_bell_may_ask(ana: User, server: LiveServer, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [OTHER_SITE]

    async def ask() -> dict[bytes, bytes]:
        page = Page(server, method="OPTIONS", origin=OTHER_SITE)
        await page.status()
        await page.task
        return dict(page.sent[0]["headers"])

    told = run(ask())
    assert (told[b"access-control-allow-origin"], told[b"access-control-allow-headers"]) == (OTHER_SITE.encode(), b"authorization")
    assert b"access-control-allow-credentials" not in told


def test_nobody_is_let_in_while_nothing_can_be_told(ana: User, server: LiveServer) -> None:
    server.is_listening = False
    assert status_of(server, session_of(ana)) == 503
    assert status_of(server, path="/healthz") == 503


def test_a_poke_reaches_every_page_of_those_concerned_and_nobody_else(ana: User, server: LiveServer) -> None:
    ben = make_user("ben")
    sessions = session_of(ana), session_of(ana), session_of(ben)

    async def look() -> list[int]:
        pages = [Page(server, session) for session in sessions]
        for page in pages:
            assert await page.status() == 200
        server._wake(ana.pk, ana.pk)
        await until(lambda: all("changed" in page.text() for page in pages[:2]))
        told_one = [page.text().count("event: changed") for page in pages]
        server._wake(min(ana.pk, ben.pk), max(ana.pk, ben.pk))
        await until(lambda: all(page.text().count("event: changed") > told for page, told in zip(pages, told_one, strict=True)))
        for page in pages:
            page.gone.set()
            await page.task
        return told_one

    assert run(look()) == [1, 1, 0]
    assert server.streams == {}


def test_a_person_has_so_many_streams_and_no_more(ana: User, server: LiveServer) -> None:
    session = session_of(ana)

    async def open_many() -> list[int]:
        pages = []
        for _ in range(MOST_FOR_A_PERSON + 1):
            pages.append(Page(server, session))
            await pages[-1].status()
        statuses = [await page.status() for page in pages]
        for page in pages:
            page.gone.set()
            await page.task
        return statuses

    assert run(open_many()) == [200] * MOST_FOR_A_PERSON + [429]


def test_a_stream_beats_and_ends_after_its_time(ana: User, server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_server, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(live_server, "LONGEST_SECONDS", 0.3)

    async def wait() -> str:
        page = Page(server, session_of_ana)
        await page.task
        return page.text()

    session_of_ana = session_of(ana)
    assert ": still here" in run(wait())


def test_sessions_that_ended_are_found(ana: User) -> None:
    ben, eve = make_user("ben"), make_user("eve")
    held = {session_of(person): person.pk for person in (ana, ben, eve)}
    keys = list(held)
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = keys[1]
    client.post("/sign-out/")
    User.objects.filter(pk=eve.pk).update(is_active=False)

    assert still_valid(held) == {keys[0]}


@pytest.mark.parametrize("data", [b"", b"1", b"-", b"1-", b"a-b", b"-1--2", "١-٢".encode()])
def test_what_is_no_poke_is_left_alone(data: bytes) -> None:
    assert read_poke(data) is None


def test_a_later_count_has_a_higher_version(ana: User, now: Any) -> None:
    first = bell(ana.pk, now)
    assert bell(ana.pk, now)["version"] > first["version"]
