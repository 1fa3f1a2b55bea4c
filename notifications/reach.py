"""By which ways a person can be reached, as their settings page tells it. Read next: settings_views.py."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_ace.api import ContactPoint, Suppression, indexes_since, registered_channels, sentence
from notifications.registry import CHANNEL_LABELS

CHANNEL_ICONS = {"inbox": "inbox", "email": "mail", "push": "device", "sms": "phone"}
NO_ADDRESS: dict[str, str | Promise] = {
    "email": gettext_lazy("We have no e-mail address of yours. Those who run your course or study can add it."),
    "push": gettext_lazy("We know no device of yours. Install the app, sign in and allow notifications."),
    "sms": gettext_lazy("We have no verified phone number of yours."),
}


def addresses(user_id: int) -> list[ContactPoint]:
    """This function will give the addresses by which a person may be reached, oldest first, verified or not."""
    return list(ContactPoint.objects.filter(user_id=user_id, removed_at=None).order_by("pk"))


def ways(points: Iterable[ContactPoint]) -> list[dict[str, Any]]:
    """This function will tell of every channel whether it reaches the person of these addresses, and if not, why."""
    known = list(points)
    kept_under = [index for point in known for index in indexes_since(point.index)]
    blocked = {
        (block.channel, indexes_since(block.index)[0]): block.reason
        for block in Suppression.objects.filter(index__in=kept_under, scope="", lifted_at=None)
    }
    found = []
    for key, label in CHANNEL_LABELS.items():
        reason = _why_not(key, known, blocked)
        add_url = _add_url(key, known) if reason else ""
        found.append(
            {
                "key": key,
                "label": label,
                "icon": CHANNEL_ICONS[key],
                "available": not reason,
                "unavailable_reason": reason,
                "add_url": add_url,
            }
        )
    return found


def key_of(point: ContactPoint) -> str:
    """This function will give the opaque key by which a page names an address."""
    return salted_hmac("carillon.contact-point", f"{point.user_id}:{point.pk}", algorithm="sha256").hexdigest()[:22]


def remove_address(user_id: int, key: str, now: datetime) -> ContactPoint | None:
    """This function will remove the person's own address of a key, so that nothing more goes there; None if they have none such."""
    point = next((point for point in addresses(user_id) if constant_time_compare(key_of(point), key)), None)
    if point is not None:
        ContactPoint.objects.filter(pk=point.pk, removed_at=None).update(removed_at=now, removed_reason="by_person")
    return point


def _add_url(channel: str, points: list[ContactPoint]) -> str:
    """This function will give where a person can add what is missing, or prove that it is theirs; nothing if they cannot help it."""
    carrier = registered_channels().get(channel)
    page = getattr(settings, "ADDRESS_PAGES", {}).get(channel)
    verified = carrier and any(point.kind in carrier.contact_kinds and point.verified_at for point in points)
    return reverse(page) if carrier and page and not verified else ""


def _why_not(channel: str, points: list[ContactPoint], blocked: dict[tuple[str, str], str]) -> str:
    carrier = registered_channels().get(channel)
    if carrier is None:
        return _("This site does not use it.")
    if not carrier.contact_kinds:
        return ""
    mine = [point for point in points if point.kind in carrier.contact_kinds]
    verified = [point for point in mine if point.verified_at is not None]
    if not mine:
        return str(NO_ADDRESS[channel])
    if not verified:
        return _("%(address)s has not been verified yet, so nothing is sent there.") % {"address": mine[0].hint}
    reasons = [blocked.get((channel, indexes_since(point.index)[0])) for point in verified]
    return sentence(f"suppressed_{reasons[0]}") if all(reasons) else ""
