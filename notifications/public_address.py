"""A connection to a host of the public internet, and to no other. Read next: webhook_posts.py.

Names are looked up once and the address that was judged is the one that is connected to: a name that means another address a moment
later (DNS rebinding) leads nowhere else. There are no redirects and no proxies.
"""

import ipaddress
import socket
import ssl
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

from django.conf import settings

SECONDS = 10
MOST_BYTES = 1_024
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(OSError):
    """The host lies in a private network, or nowhere."""


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, float | None]:
    """This function will post JSON and give the status and the seconds of a Retry-After. Raises OSError and HTTPException."""
    parts = urlsplit(url)
    kind = _Https if parts.scheme == "https" else _Http
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection.request("POST", path, body, {"content-type": "application/json", "user-agent": "Carillon-Webhooks/1", **headers})
        response = connection.getresponse()
        response.read(MOST_BYTES)
        asked = response.headers.get("retry-after", "")
        return response.status, float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else None
    finally:
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
    return address.is_global and not address.is_multicast


class _Http(HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.create_connection(find_public(self.host, self.port), self.timeout)


class _Https(HTTPSConnection):
    def connect(self) -> None:
        raw = socket.create_connection(find_public(self.host, self.port), self.timeout)
        self.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=self.host)
