"""The one call for developers. Read next: registry.py for declaring a type, channels_ace/send.py for what happens."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from channels_ace.api import Audience, Message, send
from notifications.links import allowed_link
from notifications.registry import find


def notify(
    *,
    type: str,
    audience: Audience,
    context: Mapping[str, Any] | None = None,
    link: str = "",
    scope: str = "",
    thread: str = "",
    idempotency_key: str = "",
    channels: Iterable[str] | None = None,
    send_after: datetime | None = None,
    expires_at: datetime | None = None,
    now: datetime | None = None,
) -> Message:
    """This function will tell an audience (users, their ids, or a queryset of users) something, by every channel each of them wants.

    `type` is a registered notification type; `context` fills its texts; `link` is where it leads (a path of this site or
    an allowed host); `scope` is what it is about ("course-v1:...", "study:<id>"), `thread` the conversation in it that a
    reader may mute ("thread:<id>"). Called twice with one idempotency key it says it once. Raises UnknownType, Refused
    (nothing was written) and KeyReused.
    """
    find(type)
    return send(
        type=type,
        audience=audience,
        now=now or timezone.now(),
        context=context,
        scope=scope,
        thread=thread,
        link=allowed_link(link),
        channels=channels,
        idempotency_key=idempotency_key,
        send_after=send_after,
        expires_at=expires_at,
    )
