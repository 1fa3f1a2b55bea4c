"""Every message as it would go out, with made-up words: for developers and operators. Read next: digest.py, channels_ace/rendering.py."""

from collections.abc import Sequence
from functools import wraps
from typing import Any

from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render as render_page
from django.utils import timezone
from django.views.decorators.http import require_safe

from channels_ace.api import (
    PLAIN,
    Message,
    UnknownType,
    count_segments,
    find,
    registered,
    registered_channels,
    render,
    write_plainly,
)
from notifications.brands import look_of
from notifications.digest import DIGEST, sections
from notifications.models import Brand
from notifications.page_requests import Page, signed_in
from notifications.registry import CHANNEL_LABELS

# Longer than what a summary shows of one course.
DIGEST_SIZE = 7


def for_operators(page: Page) -> Page:
    """This function will hide a page from all but operators, except where the site is being developed."""

    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not (settings.DEBUG or getattr(request.user, "is_staff", False)):
            raise Http404
        return page(request, *args, **kwargs)

    return signed_in(guarded)


@require_safe
@for_operators
def preview_list(request: HttpRequest) -> HttpResponse:
    """This function will list every type with its channels and languages."""
    types = [{"name": known.name, "channels": [(name, CHANNEL_LABELS[name]) for name in known.channels]} for known in registered()]
    return render_page(request, "carillon/message_previews.html", {"types": types, "languages": settings.LANGUAGES})


@require_safe
@for_operators
def preview(request: HttpRequest, type_name: str, channel: str, language: str) -> HttpResponse:
    """This function will show the parts of one message, with their sizes."""
    brand = _brand(request)
    parts = _parts(type_name, channel, language, brand)
    shown = [{"name": name, "text": text, "bytes": len(text.encode())} for name, text in parts.items()]
    place = {"type": type_name, "channel": channel, "language": language, "brand": brand}
    sms_parts = count_segments(write_plainly(parts["text"])).parts if channel == "sms" else 0
    return render_page(request, "carillon/message_preview.html", {**place, "parts": shown, "sms_parts": sms_parts})


@require_safe
@for_operators
@csp({"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "sandbox": True})  # type: ignore[arg-type]  # it knows no parameters of a path
def preview_html(request: HttpRequest, type_name: str, channel: str, language: str) -> HttpResponse:
    """This function will show an e-mail's HTML as a mail program would, which runs nothing and fetches nothing."""
    parts = _parts(type_name, channel, language, _brand(request))
    if "html" not in parts:
        raise Http404
    return HttpResponse(parts["html"])


def _brand(request: HttpRequest) -> Brand | None:
    key = request.GET.get("brand", "")
    if not key:
        return None
    found = Brand.objects.filter(pk=int(key)).first() if key.isascii() and key.isdecimal() and len(key) < 19 else None
    if found is None:
        raise Http404
    return found


def _parts(type_name: str, channel: str, language: str, brand: Brand | None) -> dict[str, str]:
    try:
        known = find(type_name)
    except UnknownType as error:
        raise Http404 from error
    if channel not in known.channels or language not in dict(settings.LANGUAGES):
        raise Http404
    wanted: Sequence[str] = ("title.txt", "text.txt") if channel == "inbox" else registered_channels()[channel].parts
    look = look_of(brand) if brand else PLAIN
    with look.around():
        return render(sample(type_name), channel, tuple(wanted), language, look)


def sample(type_name: str) -> Message:
    """This function will make up a message of a type. Raises UnknownType."""
    known = find(type_name)
    context: dict[str, Any] = {"course_name": "Introduction to Science", **{name: name.replace("_", " ") for name in known.variables}}
    if known.name == DIGEST:
        messages = [sample("discussion.new_response") for _ in range(DIGEST_SIZE)]
        messages += [sample("account.maintenance")]
        context = {"cadence": "digest_daily", "sections": sections(messages), "count": len(messages), "newest": messages[:1]}
    return Message(type=known.name, context=context, link="/inbox/", created_at=timezone.now())
