"""The bell in every page's header, and where its parts lead."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from notifications.inbox import badge
from notifications.live import opaque_id


def bell(request: HttpRequest) -> dict[str, object]:
    """This function will count what the reader has not seen, if the page shows a bell."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"unread_count": 0}
    return {
        "unread_count": SimpleLazyObject(lambda: badge(user.pk, timezone.now())),
        "unread_count_url": reverse("inbox-count"),
        "seen_url": reverse("inbox-seen"),
        "live_url": settings.LIVE_URL,
        "live_person": opaque_id(user.pk),
        "inbox_url": reverse("inbox"),
        "settings_url": reverse("settings"),
        "sign_out_url": _address_of_sign_out(),
    }


def _address_of_sign_out() -> str:
    try:
        return reverse("logout")
    except NoReverseMatch:
        # Signing out belongs to the site, and this one calls it otherwise.
        return ""
