"""The page "Why did I get this?": what became of one message over every channel, in words. Read next: channels_ace/explain.py."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from channels_ace.api import Explanation, explain
from notifications.inbox_groups import type_of
from notifications.inbox_views import get_item, shown
from notifications.models import InboxItem
from notifications.page_requests import person_id, signed_in
from notifications.reach import CHANNEL_ICONS
from notifications.registry import CHANNEL_LABELS
from notifications.resting import mutable, muted_of

# The stored reason speaks of a person to whoever reads it; here that person reads.
TO_THE_READER: dict[str, str | Promise] = {
    "turned_off": gettext_lazy("You turned this notification off for this channel."),
    "category_turned_off": gettext_lazy("You turned this category off for this channel."),
    "read_elsewhere": gettext_lazy("You had read it in your inbox before it was sent."),
    "digest_daily": gettext_lazy("It waits for the daily summary that you asked for."),
    "digest_weekly": gettext_lazy("It waits for the weekly summary that you asked for."),
    "handed_in": gettext_lazy("You handed in the work before you were reminded of it."),
    "off_by_default": gettext_lazy("This channel is off until you turn it on."),
}


@require_safe
@signed_in
def why_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """This function will tell why an item came, and what became of it over the other channels."""
    item = get_item(request, public_id)
    context = {
        "item": shown(item, translation.get_language() or settings.LANGUAGE_CODE),
        "channels": [_inbox(item), *(_explained(found) for found in explain(item.message, person_id(request)))],
        **_cause(item),
        "mutes": _mutes(item),
    }
    return render(request, "carillon/why.html", context)


def _cause(item: InboxItem) -> dict[str, Any]:
    known = type_of(item.message)
    if known is None:
        return {"cause": _("It is of a sort that this site no longer sends."), "is_gone": True}
    words = _("In your settings it is called “%(type)s”, under “%(category)s”.")
    return {"cause": words % {"type": known.label, "category": known.category.label}, "is_locked": "inbox" in known.locked}


def _mutes(item: InboxItem) -> list[dict[str, Any]]:
    found = mutable(item.message)
    muted = muted_of(item.user_id, [one.key for one in found]) if found else set()
    return [{"key": one.key, "label": one.label, "kind": one.kind, "is_muted": one.key in muted} for one in found]


def _inbox(item: InboxItem) -> dict[str, Any]:
    # The inbox row is its own delivery: that it can be asked about shows that it arrived.
    step = {"at": item.message.created_at, "words": _("It was put into your inbox.")}
    return {"label": CHANNEL_LABELS["inbox"], "icon": CHANNEL_ICONS["inbox"], "state": "delivered", "reason": "", "steps": [step]}


def _explained(found: Explanation) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    for step in found.steps:
        words = _("It was handed to the provider.") if step.what == "attempt" else _in_your_words(found.reason, step.words)
        if words and (not steps or steps[-1]["words"] != words):
            steps.append({"at": step.at, "words": words})
    return {
        "label": CHANNEL_LABELS.get(found.channel, found.channel),
        "icon": CHANNEL_ICONS.get(found.channel, "other"),
        "state": found.state,
        "reason": _in_your_words(found.reason, found.words),
        "reason_code": found.reason,
        "steps": steps,
    }


def _in_your_words(reason: str, words: str) -> str:
    return str(TO_THE_READER.get(reason, words))
