"""What we answer to a text by ourselves: who we are, and that it is over. Read next: inbound.py, templates/messages/account.sms_help/."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.db.models import F

from channels_ace.message_types import Hours, MessageType, register
from channels_ace.models import ContactPoint, Message
from channels_ace.send import send

HELP = MessageType(
    name="account.sms_help",
    channels=("sms",),
    variables=("programme", "contact"),
    lane="urgent",
    hours=Hours.ANY,
    fresh_for=timedelta(hours=1),
)
# 47 CFR 64.1200(a)(12): one text that confirms an opt-out, within five minutes of it.
STOPPED = MessageType(
    name="account.sms_stopped",
    channels=("sms",),
    variables=("programme",),
    lane="urgent",
    hours=Hours.ANY,
    fresh_for=timedelta(minutes=5),
)


def register_answers() -> None:
    """This function will make the answers known as message types."""
    for answer in (HELP, STOPPED):
        register(answer)


def tell_who_we_are(index: str, now: datetime) -> Message | None:
    """This function will answer HELP, at most once an hour, to a number that somebody of ours has."""
    return _tell(HELP, index, f"sms_help:{index}:{now:%Y%m%d%H}", now)


def confirm_stop(index: str, since: datetime, now: datetime) -> Message | None:
    """This function will say once that texts are over, where we and not the provider do so."""
    if not _texts().get("CONFIRM_STOP", False):
        return None
    return _tell(STOPPED, index, f"sms_stopped:{index}:{since.timestamp():.0f}", now)


def _tell(what: MessageType, index: str, key: str, now: datetime) -> Message | None:
    # Several people may have one phone; one answer is enough.
    owners = ContactPoint.objects.filter(kind=ContactPoint.Kind.PHONE, index=index, removed_at=None)
    owner = owners.order_by(F("verified_at").asc(nulls_last=True), "pk").values_list("user_id", flat=True).first()
    if owner is None:
        return None
    said = {"programme": _texts().get("PROGRAMME", "Carillon"), "contact": _contact()}
    return send(type=what.name, audience=[owner], now=now, context=said, idempotency_key=key)


def _contact() -> str:
    return str(_texts().get("CONTACT") or parseaddr(settings.DEFAULT_FROM_EMAIL)[1])


def _texts() -> Mapping[str, Any]:
    found: Mapping[str, Any] = settings.CHANNELS_ACE.get("TEXTS", {})
    return found
