"""The page behind "Unsubscribe" in a mail program: looking changes nothing, one button does. Read next: unsubscribe.py."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifications.registry import WHOLE_CHANNEL
from notifications.unsubscribe import Leaving, UnreadableToken, read_token, scopes_of, turn_off


# A mail program posts here by itself (RFC 8058); the token is the permission, and no cookie is read.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """This function will show what a token can turn off, and turn it off when it is posted to."""
    try:
        leaving = read_token(token)
        if request.method != "POST":
            return _show(request, leaving)
        scope = request.POST.get("scope", scopes_of(leaving)[0])
        turn_off(leaving, scope, timezone.now())
    except UnreadableToken:
        return render(request, "carillon/unsubscribe.html", {"is_unreadable": True, "settings_address": reverse("settings")}, status=404)
    return _show(request, leaving, done=scope)


def _show(request: HttpRequest, leaving: Leaving, done: str = "") -> HttpResponse:
    choices = [{"scope": scope, "label": _label(leaving, scope)} for scope in scopes_of(leaving)]
    anchor = f"#type-{leaving.type.scope}" if leaving.type else ""
    context: dict[str, Any] = {
        "choices": choices,
        "done": next((choice["label"] for choice in choices if choice["scope"] == done), ""),
        "settings_address": reverse("settings") + anchor,
    }
    return render(request, "carillon/unsubscribe.html", context)


def _label(leaving: Leaving, scope: str) -> str:
    if scope == WHOLE_CHANNEL or leaving.type is None:
        return _("All e-mail but what is always sent")
    if scope == leaving.type.scope:
        return str(leaving.type.label)
    return _("Everything in “%(category)s”") % {"category": leaving.type.category.label}
