"""Webhooks of other services: made, signed by a secret that can be replaced, ended. Read next: webhook_events.py.

Signed as the Standard Webhooks specification 1.0 says (standardwebhooks.com): `webhook-signature` is v1, a comma and the base64 of an
HMAC-SHA256 over id, time and body with dots between; with two secrets in use there are two, with a space between.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet

from channels_ace.api import Refused
from notifications.models import Webhook

EVENTS = ("message.planned", "message.refused", "message.cancelled", "deliveries.changed")
PORTS = (None, 443, 8443)
MOST_PER_SERVICE = 10
BOTH_SIGN_FOR = timedelta(hours=24)
_PREFIX = "whsec_"


def make_webhook(*, service: str, url: str, events: Iterable[str], now: datetime) -> Webhook:
    """This function will make a webhook with a secret of its own. Raises Refused for an address to which nothing may be posted."""
    check_url(url)
    if living(service).count() >= MOST_PER_SERVICE:
        raise Refused(f"A service has at most {MOST_PER_SERVICE} webhooks.")
    return Webhook.objects.create(service=service, url=url, events=sorted(set(events)), secret=_new_secret(), made_at=now)


def living(service: str) -> QuerySet[Webhook]:
    """This function will give a service's webhooks that have not ended."""
    return Webhook.objects.filter(service=service, ended_at=None)


def replace_secret(webhook: Webhook, now: datetime) -> str:
    """This function will give a webhook another secret; for a day the old one signs as well."""
    webhook.old_secret, webhook.secret, webhook.old_secret_until = webhook.secret, _new_secret(), now + BOTH_SIGN_FOR
    webhook.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return webhook.secret


def end_webhook(webhook: Webhook, because: str, now: datetime) -> None:
    """This function will end a webhook: nothing more is posted to it, and what waits is given up."""
    Webhook.objects.filter(pk=webhook.pk, ended_at=None).update(ended_at=now, ended_because=because)
    webhook.posts.filter(state="waiting").update(state="given_up", answer="ended")


def check_url(url: str) -> None:
    """This function will raise Refused for an address that is not https to a named host on a usual port.

    Whether the host lies in a private network is asked at each connection (public_address.py), since names change what they mean.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused("The address cannot be read.") from error
    loopback = settings.WEBHOOKS_TO_LOOPBACK and parts.hostname in ("127.0.0.1", "localhost")
    if len(url) > 500 or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Refused("The address is longer than 500 characters or holds characters that an address cannot have.")
    if not loopback and (parts.scheme != "https" or port not in PORTS):
        raise Refused("The address must begin with https:// and use the port 443 or 8443.")
    if not parts.hostname or parts.username is not None or parts.fragment or parts.scheme not in ("http", "https"):
        raise Refused("The address must name a host, and hold no user and no fragment.")


def headers_of(webhook: Webhook, event_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """This function will give the headers by which a receiver knows that a post is ours and fresh."""
    time = str(int(now.timestamp()))
    is_old_good = webhook.old_secret and webhook.old_secret_until is not None and webhook.old_secret_until > now
    signing = [webhook.secret, *([webhook.old_secret] if is_old_good else [])]
    signatures = " ".join(f"v1,{_sign(secret, event_id, time, body)}" for secret in signing)
    return {"webhook-id": event_id, "webhook-timestamp": time, "webhook-signature": signatures}


def _sign(secret: str, event_id: str, time: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.new(key, f"{event_id}.{time}.".encode() + body, hashlib.sha256).digest()).decode()


def _new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
