"""How a person is reached: adding, verifying and removing addresses. Read next: models.py, ContactPoint."""

import re
import time
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from channels_ace.channel import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS
from channels_ace.crypto import blind_indexes, indexes_since
from channels_ace.index_writing import index_to_write, indexes_to_write
from channels_ace.models import Attempt, ContactPoint, Delivery, SilentPush, Suppression

Kind = ContactPoint.Kind
# Why an address was removed in whose place there is another.
REPLACED = "replaced"
DEVICES = (Kind.DEVICE_TOKEN, Kind.DEVICE_FID)

_PHONE = re.compile(r"\+[0-9 ()./-]{5,40}")


class BadAddress(ValueError):
    """The text is not an address of its kind."""


def add_contact_point(*, user_id: int, kind: str, address: str, now: datetime, verified: bool = False, app: str = "") -> ContactPoint:
    """This function will make an address the person's own: their one phone or e-mail address, or one more device.

    A device that was another person's moves in one transaction, and a notice for them never reaches it: no request for them begins
    once it has moved (steps.py), and it moves once those that have begun are answered. A changed phone or e-mail address is
    unverified until verified again, and so is one that was removed meanwhile: numbers are given to other people. `app` names the app that
    registers a device. Raises BadAddress.
    """
    clear = normal(kind, address)
    with transaction.atomic():
        index = index_to_write(blind_indexes(kind, clear))
        owner_key = index if kind in DEVICES else f"user:{user_id}"
        written: dict[str, Any] = {"user_id": user_id, "address": clear, "index": index, "hint": hint(kind, clear), "app": app}
        known = ContactPoint.objects.select_for_update().filter(kind=kind, owner_key=owner_key).first()
        if known is not None and known.user_id != user_id:
            # The old owner's deliveries point at the old row: it goes, so that they cannot reach the new owner.
            _let_requests_end(known)
            known.delete()
            known = None
        is_same = known is not None and known.index == index and known.removed_at is None
        written["verified_at"] = now if verified else known.verified_at if known is not None and is_same else None
        point, _created = ContactPoint.objects.update_or_create(
            kind=kind,
            owner_key=owner_key,
            defaults={**written, "removed_at": None, "removed_reason": ""},
            create_defaults={**written, "created_at": now},
        )
    return point


def replace_contact_point(*, user_id: int, kind: str, address: str, now: datetime) -> ContactPoint | None:
    """This function will put another address, not verified yet, in the place of a person's own; with an empty one they have none.

    What is already on its way to the old one, and may still go there (MessageType.to_replaced), does. Gives None for an empty address,
    and for the one that they have: that stays as it is. Raises BadAddress.
    """
    indexes = blind_indexes(kind, normal(kind, address)) if address else []
    with transaction.atomic():
        known = ContactPoint.objects.select_for_update().filter(kind=kind, owner_key=f"user:{user_id}").first()
        if known is not None and known.removed_at is None:
            if known.index in indexes:
                return None
            ContactPoint.objects.filter(pk=known.pk).update(owner_key=f"before:{known.pk}", removed_at=now, removed_reason=REPLACED)
        return add_contact_point(user_id=user_id, kind=kind, address=address, now=now) if address else None


def settled(keys: Collection[int]) -> set[int]:
    """This function will give those of some contact points that are in use and do not move to somebody else; they stay until the commit."""
    if not keys:
        return set()
    statement, parameters = ContactPoint.objects.filter(pk__in=keys, removed_at=None).values("pk").query.sql_with_params()
    # FOR KEY SHARE, which Django cannot say: only who deletes the row is in its way.
    lock = " FOR KEY SHARE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"{statement}{lock}", parameters)
        return {key for (key,) in cursor.fetchall()}


def _let_requests_end(point: ContactPoint) -> None:
    """This function will wait until no request to an address is open. We hold its row: nobody begins another one."""
    open_ones = Attempt.objects.filter(
        delivery__user_id=point.user_id,
        delivery__contact_point_id=point.pk,
        delivery__state=Delivery.State.SENDING,
        delivery__lease_until__gt=Now(),
        outcome="",
    )
    silent = SilentPush.objects.filter(user_id=point.user_id, state=SilentPush.State.SENDING, lease_until__gt=Now())
    until = time.monotonic() + CONNECT_TIMEOUT_SECONDS + READ_TIMEOUT_SECONDS
    # SQLite has one writer, and that is us: whoever waits for an answer could not record it.
    while connection.vendor != "sqlite" and time.monotonic() < until and (open_ones.exists() or silent.exists()):
        time.sleep(0.01)


def add_contact_points(addresses: Iterable[tuple[int, str, str]], *, now: datetime) -> int:
    """This function will add many verified addresses of (user id, kind, address) in a few statements; who has one already keeps it.

    For imports from a system that has verified them. Raises BadAddress before anything is written.
    """
    normal_ones = [(user_id, kind, normal(kind, address)) for user_id, kind, address in addresses]
    with transaction.atomic():
        indexes = indexes_to_write([blind_indexes(kind, clear) for _, kind, clear in normal_ones])
        points = [
            ContactPoint(
                user_id=user_id,
                kind=kind,
                address=clear,
                index=index,
                owner_key=index if kind in DEVICES else f"user:{user_id}",
                hint=hint(kind, clear),
                verified_at=now,
                created_at=now,
            )
            for (user_id, kind, clear), index in zip(normal_ones, indexes, strict=True)
        ]
        return len(ContactPoint.objects.bulk_create(points, ignore_conflicts=True, batch_size=2_000))


def forget_stale_devices(now: datetime) -> int:
    """This function will remove the devices whose app has not registered them for settings.DEVICE_DAYS, and say how many those were.

    Nobody is reached there: FCM itself lets go of a token that was not seen for 270 days
    (https://firebase.google.com/docs/cloud-messaging/manage-tokens).
    """
    # Each registration verifies a device anew.
    stale = ContactPoint.objects.filter(kind__in=DEVICES, removed_at=None, verified_at__lte=now - timedelta(days=settings.DEVICE_DAYS))
    return stale.update(removed_at=now, removed_reason="stale")


def remove_devices_of(apps: Collection[str], user_ids: Collection[int], now: datetime) -> int:
    """This function will remove the devices that these signed-in apps of these people registered, and say how many those were."""
    devices = ContactPoint.objects.filter(user_id__in=user_ids, kind__in=DEVICES, app__in=apps, removed_at=None).exclude(app="")
    return devices.update(removed_at=now, removed_reason="signed_out")


def suppress(*, channel: str, kind: str, address: str, reason: str, now: datetime, scope: str = "") -> Suppression:
    """This function will stop all use of an address over a channel, in a scope or everywhere. Raises BadAddress."""
    index = blind_indexes(kind, normal(kind, address))[-1]
    return suppress_index(channel=channel, index=index, reason=reason, now=now, scope=scope)


def suppress_index(*, channel: str, index: str, reason: str, now: datetime, scope: str = "") -> Suppression:
    """This function will do the same for an address of which only the blind index is at hand."""
    with transaction.atomic():
        index = index_to_write(indexes_since(index))
        suppression, _created = Suppression.objects.select_for_update().get_or_create(
            index=index, channel=channel, scope=scope, reason=Suppression.Reason(reason), defaults={"since": now}
        )
        if suppression.lifted_at is not None:
            suppression.since, suppression.lifted_at = now, None
            suppression.save(update_fields=["since", "lifted_at"])
    return suppression


def normal(kind: str, address: str) -> str:
    """This function will write an address the one way we keep it: E.164 for phones, lower-case domain for e-mail. Raises BadAddress."""
    clear = address.strip()
    if kind == Kind.PHONE:
        try:
            number = phonenumbers.parse(clear, None)
        except phonenumbers.NumberParseException as error:
            raise BadAddress(str(_("Write the number with + and its country code, for example +1 206 555 0100."))) from error
        # Extensions, letters and digits of other scripts: read by the library, and dialled by nobody.
        if not _PHONE.fullmatch(clear) or not phonenumbers.is_possible_number(number):
            raise BadAddress(str(_("This is not a phone number.")))
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if kind == Kind.EMAIL:
        try:
            validate_email(clear)
        except ValidationError as error:
            raise BadAddress(str(_("This is not an e-mail address."))) from error
        local, domain = clear.rsplit("@", 1)
        return f"{local}@{domain.lower()}"
    if not clear or len(clear) > 4096 or not clear.isascii() or not clear.isprintable():
        raise BadAddress(str(_("This is not a device token.")))
    return clear


def hint(kind: str, clear: str) -> str:
    """This function will give what may be shown of an address: the last digits, or the mailbox's first letter and host."""
    if kind == Kind.EMAIL:
        local, domain = clear.rsplit("@", 1)
        return f"{local[:1]}…@{domain}"[:64]
    return f"…{clear[-4:]}"
