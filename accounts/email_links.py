"""Links that go by e-mail: to confirm an address, and to choose a new password. Read next: email_pages.py, password_pages.py.

No table holds them: they are made at the moment of sending, and signed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User
from channels_ace.api import ContactPoint, Delivery, indexes_since

CONFIRMATION, CONFIRMATION_LASTS = "account.email_confirmation", timedelta(days=3)
RESET, RESET_LASTS = "account.password_reset", timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
_SALT = "carillon.confirm-email"


class BadLink(ValueError):
    """The link is not ours, is too old, or the person has another address by now."""


def fill_confirmation(deliveries: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """This function will put the links into the texts, and name the deliveries whose address is gone."""
    points = ContactPoint.objects.in_bulk([delivery.contact_point_id for delivery in deliveries])
    gone = []
    for delivery in deliveries:
        point = points.get(delivery.contact_point_id)
        if point is None or point.verified_at is not None:
            gone.append(delivery)
            continue
        # The index of the address, not its row: another address in the same row is not confirmed by it.
        token = signing.dumps([point.user_id, point.index], salt=_SALT)
        delivery.message.link = reverse("confirm-email", args=[token])
    return gone


def fill_reset(deliveries: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """This function will put the links into the texts, and name the deliveries whose account is gone."""
    users = User.objects.filter(is_active=True).in_bulk([delivery.user_id for delivery in deliveries])
    for delivery in deliveries:
        if user := users.get(delivery.user_id):
            parts = [urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)]
            delivery.message.link = reverse("password-reset-confirm", args=parts)
    return [delivery for delivery in deliveries if delivery.user_id not in users]


def address_to_confirm(token: str) -> ContactPoint:
    """This function will give the address whose link somebody followed. Raises BadLink."""
    try:
        user_id, index = signing.loads(token, salt=_SALT, max_age=CONFIRMATION_LASTS)
    except (signing.BadSignature, ValueError) as error:
        raise BadLink from error
    # Another key may have been put around the address since the link was written.
    kept_under = indexes_since(index)
    point = ContactPoint.objects.filter(user_id=user_id, kind=ContactPoint.Kind.EMAIL, index__in=kept_under, removed_at=None).first()
    if point is None or not User.objects.filter(pk=user_id, is_active=True).exists():
        raise BadLink
    return point
