"""Where a message may lead: a path of this site, or https on a host the operator has named. Read next: notify.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from channels_ace.api import Refused

# The site for which a message is being written, where that is not settings.SITE_URL.
_site: ContextVar[str] = ContextVar("carillon_site", default="")


def allowed_link(link: str) -> str:
    """This function will give the link back, or refuse one that could lead a reader somewhere foreign. Raises Refused."""
    if not link:
        return ""
    if len(link) > 500 or not link.isprintable() or "\\" in link or any(letter.isspace() for letter in link):
        raise Refused("The link is longer than 500 characters or holds characters that a link cannot have.")
    try:
        parts = urlsplit(link)
        port = parts.port
    except ValueError as error:
        raise Refused("The link cannot be read.") from error
    if not parts.scheme and not parts.netloc and link.startswith("/") and not link.startswith("//"):
        return link
    if link.startswith(f"{settings.SITE_URL}/"):
        return link
    if parts.scheme != "https" or parts.username is not None or port is not None or parts.hostname not in settings.LINK_HOSTS:
        raise Refused("The link does not lead to this site or to a host that the operator has allowed.")
    return link


def absolute(link: str) -> str:
    """This function will make a path of this site into a whole address, for messages that leave it.

    What leads to a host that the operator no longer allows leads to the inbox instead. Done twice it is done once.
    """
    site = _site.get() or settings.SITE_URL
    if link.startswith(f"{site}/"):
        return link
    try:
        allowed_link(link)
    except Refused:
        link = reverse("inbox")
    return f"{site}{link}" if link.startswith("/") else link


@contextmanager
def links_lead_to(site: str) -> Iterator[None]:
    """This function will let `absolute` lead to another of our sites for a while."""
    token = _site.set(site.rstrip("/"))
    try:
        yield
    finally:
        _site.reset(token)
