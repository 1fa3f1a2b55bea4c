"""Taking back what was just done in an inbox: a signed token says what was before, and nothing is stored. Read next: inbox.py."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.db import transaction

from channels_ace.api import tell_devices
from notifications.inbox_marks import take_back_archive, take_back_read
from notifications.models import InboxItem
from notifications.resting import unmute

# A page without script is slower than a toast of ten seconds.
LASTS = timedelta(minutes=10)
_FIELDS = ("seen_at", "read_at", "archived_at", "snoozed_until")


class TooLate(ValueError):
    """The token is not this person's, or too old, or something else was done since."""


def undo_items(items: Sequence[InboxItem]) -> str:
    """This function will give the token that puts items back as they are now; make it before they are changed."""
    was = [[item.message_id, *(_written(getattr(item, name)) for name in _FIELDS)] for item in _as_stored(items)]
    return _seal(items[0].user_id).sign_object({"was": was})


def undo_read_all(user_id: int, now_through: int, through: int, at: datetime | None) -> str:
    """This function will give the token that takes back "mark all as read"."""
    return _seal(user_id).sign_object({"read": [now_through, through, _written(at)]})


def undo_archive_read(user_id: int, at: datetime) -> str:
    """This function will give the token that takes back "archive what I have read"."""
    return _seal(user_id).sign_object({"archived": _written(at)})


def undo_mute(user_id: int, key: str) -> str:
    """This function will give the token that takes back a mute."""
    return _seal(user_id).sign_object({"muted": key})


def undo(user_id: int, token: str, now: datetime) -> None:
    """This function will take back what a token stands for; twice changes nothing. Raises TooLate."""
    try:
        done: dict[str, Any] = _seal(user_id).unsign_object(token, max_age=LASTS)
    except signing.BadSignature as error:
        raise TooLate from error
    if "was" in done:
        _put_back(user_id, done["was"], now)
    elif "read" in done:
        now_through, through, at = done["read"]
        if not take_back_read(user_id, now_through, through, _read(at), now):
            raise TooLate
    elif "muted" in done:
        unmute(user_id, done["muted"])
    else:
        archived_at = _read(done["archived"])
        if archived_at is None or not take_back_archive(user_id, archived_at):
            raise TooLate


def _as_stored(items: Sequence[InboxItem]) -> list[InboxItem]:
    # A page shows as read what the mark covers; what is put back is the row.
    return list(InboxItem.objects.filter(user_id=items[0].user_id, message_id__in=[item.message_id for item in items]))


def _put_back(user_id: int, was: list[list[Any]], now: datetime) -> None:
    rows = [InboxItem(user_id=user_id, message_id=row[0], **dict(zip(_FIELDS, map(_read, row[1:]), strict=True))) for row in was]
    with transaction.atomic():
        InboxItem.objects.bulk_update(rows, _FIELDS)
        tell_devices(user_id, now)


def _written(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _read(moment: str) -> datetime | None:
    return datetime.fromisoformat(moment) if moment else None


def _seal(user_id: int) -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=f"carillon.inbox-undo:{user_id}")
