"""The stream of pokes to open pages: server-sent events (WHATWG HTML, 9.2), on ASGI beside the WSGI site. Read next: live_sessions.py.

An idle stream holds a socket and nothing else: the database is asked who it is when a stream opens, and every so often, in one
statement for all streams of the process, whether their sessions still hold.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from redis import RedisError
from redis.asyncio import Redis

from notifications.bell_tokens import PREFIX
from notifications.live import channel_name, read_poke
from notifications.live_sessions import find_person, still_valid

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEARTBEAT_SECONDS = 15.0
# Then the browser comes back and is asked anew who it is.
LONGEST_SECONDS = 600.0
CHECK_SECONDS = 15.0
MOST_FOR_A_PERSON = 8
RETRY_SECONDS = 1.0
# A browser that comes back by itself waits so long; our pages wait longer each time (live.js).
_OPENING = b"retry: 5000\nevent: open\ndata: \n\n"
_CHANGED = b"event: changed\ndata: \n\n"
_HEARTBEAT = b": still here\n\n"


@dataclass(eq=False)
class Stream:
    """One open page. It is woken when there is something to send, or when it is over."""

    user_id: int
    session_key: str
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False

    def end(self) -> None:
        self.is_over = True
        self.woken.set()


class Refused(Exception):
    """This request gets no stream, but a status and these headers."""

    def __init__(self, status: int, headers: Mapping[bytes, object] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers or {}


class LiveServer:
    """An ASGI application: GET of any path is a stream for the person whose session the cookie names, or whose bell token comes with it."""

    def __init__(self) -> None:
        self.streams: dict[int, set[Stream]] = defaultdict(set)
        self.is_listening = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        tasks: list[asyncio.Task[None]] = []
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._check_sessions())]
            else:
                for task in tasks:
                    task.cancel()
                self._end_all()
            await send({"type": f"{event['type']}.complete"})
            if event["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin", "")
        shared = [(b"cache-control", b"no-store"), (b"vary", b"Origin, Cookie"), (b"x-content-type-options", b"nosniff")]
        try:
            # A bell on another site comes with its token; what that site's pages send of cookies counts for nothing.
            is_embedded = origin in settings.CORS_ALLOWED_ORIGINS
            if origin:
                if not is_embedded:
                    _check_origin(origin, f"{scope['scheme']}://{headers.get(b'host', '')}")
                shared.append((b"access-control-allow-origin", origin.encode("latin-1")))
                allowed = (b"headers", b"authorization") if is_embedded else (b"credentials", b"true")
                shared.append((b"access-control-allow-" + allowed[0], allowed[1]))
            if is_embedded and scope["method"] == "OPTIONS":
                raise Refused(200)
            key = _bell_token(headers.get(b"authorization", "")) if is_embedded else _session_key(headers.get(b"cookie", ""))
            stream = await self._admit(scope, key)
        except Refused as refused:
            told = [(b"content-length", b"0"), *((name, str(value).encode()) for name, value in refused.headers.items())]
            await send({"type": "http.response.start", "status": refused.status, "headers": [*shared, *told]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._stream(stream, shared, receive, send)

    async def _admit(self, scope: Scope, key: str) -> Stream:
        if scope["method"] != "GET":
            raise Refused(405, {b"allow": "GET"})
        if not self.is_listening:
            raise Refused(503, {b"retry-after": 5})
        if scope["path"] == "/healthz":
            raise Refused(200)
        try:
            person = await sync_to_async(find_person, thread_sensitive=False)(key)
        except DatabaseError as error:
            logger.warning("A stream was refused: the database does not answer")
            raise Refused(503, {b"retry-after": 5}) from error
        if person is None:
            raise Refused(401)
        if len(self.streams.get(person[0], ())) >= MOST_FOR_A_PERSON:
            raise Refused(429, {b"retry-after": 60})
        return Stream(*person)

    async def _stream(self, stream: Stream, headers: list[tuple[bytes, bytes]], receive: Receive, send: Send) -> None:
        mine = self.streams[stream.user_id]
        mine.add(stream)
        gone = asyncio.create_task(_end_when_gone(stream, receive))
        try:
            # A proxy that gathers answers would keep every event to itself.
            sse = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
            await send({"type": "http.response.start", "status": 200, "headers": [*headers, *sse]})
            await send({"type": "http.response.body", "body": _OPENING, "more_body": True})
            await _tell(stream, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            mine.discard(stream)
            if not mine:
                self.streams.pop(stream.user_id, None)

    async def _listen(self) -> None:
        while True:
            try:
                redis = Redis.from_url(settings.LIVE_REDIS_URL, socket_connect_timeout=2, health_check_interval=5)
                async with redis, redis.pubsub() as pubsub:
                    await pubsub.subscribe(channel_name())
                    self.is_listening = True
                    while True:
                        message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=5)
                        if message and (poke := read_poke(message["data"])):
                            self._wake(*poke)
            except (RedisError, OSError):
                logger.warning("Redis is away; open pages ask for their count until it is back")
            # Whoever cannot be told must know it, so as to ask.
            self.is_listening = False
            self._end_all()
            await asyncio.sleep(RETRY_SECONDS)

    def _wake(self, first: int, last: int) -> None:
        concerned = [first] if first == last else [user_id for user_id in self.streams if first <= user_id <= last]
        for user_id in concerned:
            for stream in self.streams.get(user_id, ()):
                stream.woken.set()

    def _end_all(self) -> None:
        for streams in self.streams.values():
            for stream in streams:
                stream.end()

    async def _check_sessions(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            held = {stream.session_key: stream.user_id for streams in self.streams.values() for stream in streams}
            try:
                valid = await sync_to_async(still_valid, thread_sensitive=False)(held) if held else set()
            except DatabaseError:
                logger.warning("The database is away; sessions are looked at later")
                continue
            for streams in self.streams.values():
                for stream in streams:
                    # One that opened meanwhile has been looked at by itself.
                    if stream.session_key in held and stream.session_key not in valid:
                        stream.end()


async def _tell(stream: Stream, send: Send) -> None:
    clock = asyncio.get_running_loop().time
    ends_at = clock() + LONGEST_SECONDS
    while not stream.is_over and (left := ends_at - clock()) > 0:
        try:
            async with asyncio.timeout(min(HEARTBEAT_SECONDS, left)):
                await stream.woken.wait()
        except TimeoutError:
            await send({"type": "http.response.body", "body": _HEARTBEAT, "more_body": True})
            continue
        stream.woken.clear()
        if not stream.is_over:
            await send({"type": "http.response.body", "body": _CHANGED, "more_body": True})


async def _end_when_gone(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


def _check_origin(origin: str, own: str) -> None:
    if origin not in (own, settings.SITE_URL):
        raise Refused(403)


def _session_key(cookie: str) -> str:
    try:
        found = SimpleCookie(cookie).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    # A token of a bell is no cookie, wherever it comes from.
    return found.value if found and not found.value.startswith(PREFIX) else ""


def _bell_token(authorization: str) -> str:
    token = authorization.partition(" ")[2]
    return token if token.startswith(PREFIX) else ""


application = LiveServer()
