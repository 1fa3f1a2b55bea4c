"""A connection to a host of the public internet, and to no other. Read next: webhook_posts.py.

Names are looked up once and the address that was judged is the one that is connected to: a name that means another address a moment
later (DNS rebinding) leads nowhere else. There are no redirects and no proxies. Who takes an answer byte by byte is cut off.
"""

import ipaddress
import socket
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPSConnection
from threading import Timer
from urllib.parse import urlsplit

from django.conf import settings

# For each byte that is waited for, and for all of them.
SECONDS = 10
SECONDS_IN_ALL = 20
MOST_BYTES = 1_024
# What the IANA has given out; every other address of IPv6 means something special.
_UNICAST = ipaddress.ip_network("2000::/3")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(OSError):
    """The host lies in a private network, or nowhere."""


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, float | None]:
    """This function will post JSON and give the status and the seconds of a Retry-After. Raises OSError and HTTPException."""
    parts = urlsplit(url)
    kind = _Https if parts.scheme == "https" else _Http
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    watch = Timer(SECONDS_IN_ALL, connection.cut_off)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", path, body, {"content-type": "application/json", "user-agent": "Carillon-Webhooks/1", **headers})
        response = connection.getresponse()
        response.read(MOST_BYTES)
        connection.check_time()
        asked = response.headers.get("retry-after", "")
        return response.status, float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else None
    finally:
        watch.cancel()
        connection.close()


def find_public(host: str, port: int) -> tuple[str, int]:
    """This function will look a host up and give an address to connect to. Raises NotPublic if any of its addresses is not public."""
    found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    if not found or not all(_may_be_asked(address) for address in found):
        raise NotPublic("private")
    # IPv4 first: fewer networks have a broken one.
    return min(found, key=lambda address: (":" in address, address)), port


def _may_be_asked(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if address.is_loopback:
        return bool(settings.WEBHOOKS_TO_LOOPBACK)
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _TRANSLATED:
            within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            return within.is_global and not within.is_multicast
        return address in _UNICAST and address.is_global
    return address.is_global and not address.is_multicast


class _Watched:
    """A connection that another thread may cut off: each byte has its time, and all of them together have theirs."""

    wire: socket.socket | None = None
    is_over = False

    def cut_off(self) -> None:
        self.is_over = True
        if self.wire is not None:
            with suppress(OSError):
                self.wire.shutdown(socket.SHUT_RDWR)

    def check_time(self) -> None:
        if self.is_over:
            raise TimeoutError


class _Http(_Watched, HTTPConnection):
    def connect(self) -> None:
        self.sock = self.wire = socket.create_connection(find_public(self.host, self.port), self.timeout)
        self.check_time()


class _Https(_Watched, HTTPSConnection):
    def connect(self) -> None:
        raw = socket.create_connection(find_public(self.host, self.port), self.timeout)
        context = ssl.create_default_context()
        self.sock = self.wire = context.wrap_socket(raw, server_hostname=self.host, do_handshake_on_connect=False)
        self.check_time()
        self.sock.do_handshake()
