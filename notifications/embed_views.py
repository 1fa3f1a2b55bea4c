"""The script that puts a bell on another site's pages. Read next: static/carillon/embed.js, docs/embedding.md."""

import json
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import condition, require_safe

_SCRIPT = Path(__file__).parent / "static" / "carillon" / "embed.js"
_WORDS: dict[str, str | Promise] = {
    "title": _("Inbox"),
    "bell": _("Inbox, new:"),
    "all": _("See all"),
    "settings": _("Notification settings"),
    "close": _("Close"),
    "loading": _("Loading"),
    "failed": _("Your inbox could not be loaded. Check your connection."),
    "again": _("Try again"),
    "empty": _("Nothing here yet."),
    "unread": _("Unread"),
    "read": _("Mark as read"),
    "archive": _("Archive"),
    "archived": _("Archived."),
    "undo": _("Undo"),
    "fresh": _("Show new notifications"),
}


def _script() -> str:
    words = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            words[code] = {"dir": "rtl" if translation.get_language_bidi() else "ltr", **{name: str(text) for name, text in _WORDS.items()}}
    told = {
        "words": words,
        "language": settings.LANGUAGE_CODE,
        "inbox": reverse("inbox"),
        "settings": reverse("settings"),
        "api": reverse("api-inbox"),
        "live": settings.LIVE_URL,
    }
    return f"globalThis.CARILLON_BELL = {json.dumps(told)};\n{_SCRIPT.read_text(encoding='utf-8')}"


def _etag(_request: HttpRequest) -> str:
    return f'"{sha256(_script().encode()).hexdigest()[:20]}"'


@require_safe
@condition(etag_func=_etag)
def bell_script(request: HttpRequest) -> HttpResponse:
    """This function will give the script, with its words in every language; it holds nothing of anybody's."""
    return HttpResponse(_script(), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "public, max-age=300"})
