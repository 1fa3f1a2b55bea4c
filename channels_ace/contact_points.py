"""How a person is reached: adding, verifying and removing addresses. Read next: models.py, ContactPoint."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from channels_ace.crypto import blind_index
from channels_ace.models import ContactPoint, Suppression

Kind = ContactPoint.Kind
DEVICES = (Kind.DEVICE_TOKEN, Kind.DEVICE_FID)


class BadAddress(ValueError):
    """The text is not an address of its kind."""


def add_contact_point(*, user_id: int, kind: str, address: str, now: datetime, verified: bool = False) -> ContactPoint:
    """This function will make an address the person's own: their one phone or e-mail address, or one more device.

    A device that was another person's moves in one transaction, and a notice for them never reaches it (delivery.py asks
    again who owns it). A changed phone or e-mail address is unverified until verified again, and so is one that was
    removed meanwhile: numbers are given to other people. Raises BadAddress.
    """
    clear = normal(kind, address)
    index = blind_index(kind, clear)
    owner_key = index if kind in DEVICES else f"user:{user_id}"
    written: dict[str, Any] = {"user_id": user_id, "address": clear, "index": index, "hint": hint(kind, clear)}
    with transaction.atomic():
        known = ContactPoint.objects.select_for_update().filter(kind=kind, owner_key=owner_key).first()
        if known is not None and known.user_id != user_id:
            # The old owner's deliveries point at the old row: it goes, so that they cannot reach the new owner.
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


def add_contact_points(addresses: Iterable[tuple[int, str, str]], *, now: datetime) -> int:
    """This function will add many verified addresses of (user id, kind, address) in a few statements; who has one already keeps it.

    For imports from a system that has verified them. Raises BadAddress before anything is written.
    """
    points = []
    for user_id, kind, address in addresses:
        clear = normal(kind, address)
        index = blind_index(kind, clear)
        points.append(
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
        )
    return len(ContactPoint.objects.bulk_create(points, ignore_conflicts=True, batch_size=2_000))


def suppress(*, channel: str, kind: str, address: str, reason: str, now: datetime, scope: str = "") -> Suppression:
    """This function will stop all use of an address over a channel, in a scope or everywhere. Raises BadAddress."""
    index = blind_index(kind, normal(kind, address))
    return suppress_index(channel=channel, index=index, reason=reason, now=now, scope=scope)


def suppress_index(*, channel: str, index: str, reason: str, now: datetime, scope: str = "") -> Suppression:
    """This function will do the same for an address of which only the blind index is at hand."""
    with transaction.atomic():
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
        if not phonenumbers.is_possible_number(number):
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
