"""The bell in every page's header."""

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from notifications.inbox import badge


def bell(request: HttpRequest) -> dict[str, object]:
    """This function will count what the reader has not seen, if the page shows a bell."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"unread_count": 0}
    return {"unread_count": SimpleLazyObject(lambda: badge(user.pk, timezone.now()))}
