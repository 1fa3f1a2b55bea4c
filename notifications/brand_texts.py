"""Writing a site's own texts: what is refused, how one reads, and every version, so that each can be put back. Read next: brands.py."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.template import TemplateDoesNotExist, TemplateSyntaxError, VariableDoesNotExist
from django.utils.translation import gettext as _

from channels_ace.api import PLAIN, RESERVED, Look, check_text, find, registered_channels, render, shipped_names
from notifications.brand_models import BrandText, BrandTextVersion
from notifications.brands import look_of
from notifications.message_previews import sample

# What a filter or tag makes of a text that it can parse and not write.
UNWRITABLE = (TemplateSyntaxError, TemplateDoesNotExist, VariableDoesNotExist, TypeError, ValueError, ArithmeticError, LookupError)
ONE = ("brand", "type", "file", "language")


class TextRefused(ValueError):
    """The text would not be right in what is sent; why, in words for the operator."""


def check_brand_text(text: BrandText) -> None:
    """This function will refuse a text that cannot be read or written, or asks for what its type does not know. Raises TextRefused."""
    channel, slash, _part = text.file.partition("/")
    if slash and channel not in find(text.type).channels:
        raise TextRefused(_("Nothing of this type goes out by this channel."))
    try:
        unknown = sorted(check_text(text.text) - known_names(text.type))
        if unknown:
            named = {"names": ", ".join(unknown), "known": ", ".join(sorted(known_names(text.type)))}
            raise TextRefused(_("Nobody fills %(names)s. This type knows %(known)s.") % named)
        written_parts(text, PLAIN)
    except TextRefused:
        raise
    except UNWRITABLE as error:
        raise TextRefused(_("This cannot be read: %(why)s") % {"why": str(error)[:200]}) from error


def known_names(type_name: str) -> frozenset[str]:
    """This function will give what a text of a type may ask for: what every text is given, what the type needs, and what our own use."""
    asked_by_ours = {name for kind in (type_name, "_default") for file in files() for name in shipped_names(kind, file)}
    return frozenset(RESERVED | set(find(type_name).variables) | asked_by_ours)


def written_parts(text: BrandText, look: Look | None = None) -> list[tuple[str, str, str]]:
    """This function will write a message with made-up words as it would go out with a text: channel, part and words of each."""
    look = look or look_of(text.brand)
    look = replace(look, texts={**look.texts, (text.type, text.file, text.language): text.text})
    only = text.file.partition("/")[0] if "/" in text.file else ""
    found = []
    with look.around():
        for channel in find(text.type).channels:
            if only in ("", channel):
                for part, words in render(sample(text.type), channel, _parts_of(channel), text.language, look).items():
                    found.append((channel, part, words))
    return found


@transaction.atomic
def write_text(text: BrandText, *, by: int | None, now: datetime) -> None:
    """This function will save a text and keep it as a version; what stood there before versions were kept becomes one, too."""
    before = BrandText.objects.filter(pk=text.pk).first() if text.pk else None
    if before and not _versions(before).exists():
        _keep(before, before.text, None, now)
    if before and [getattr(before, name) for name in ONE] != [getattr(text, name) for name in ONE]:
        _keep(before, "", by, now)
    text.save()
    _keep(text, text.text, by, now)


@transaction.atomic
def remove_text(text: BrandText, *, by: int | None, now: datetime) -> None:
    """This function will take a site's text away, so that ours holds again, and keep that as a version."""
    if not _versions(text).exists():
        _keep(text, text.text, None, now)
    _keep(text, "", by, now)
    text.delete()


@transaction.atomic
def put_back(version: BrandTextVersion, *, by: int | None, now: datetime) -> None:
    """This function will let a text be as it was in a version. Raises TextRefused where that would not be right any more."""
    place = {name: getattr(version, name) for name in ONE}
    text = BrandText.objects.filter(**place).first()
    if version.text:
        text = text or BrandText(**place)
        text.text = version.text
        check_brand_text(text)
        write_text(text, by=by, now=now)
    elif text:
        remove_text(text, by=by, now=now)


def files() -> list[str]:
    """This function will list the parts that a brand may write: the line that all are made of, and those of each channel."""
    parts = {(name, part) for name, channel in registered_channels().items() if channel.contact_kinds for part in channel.parts}
    return ["text.txt", "detail.txt", *sorted(f"{name}/{part}.{'html' if part == 'html' else 'txt'}" for name, part in parts)]


def _parts_of(channel: str) -> tuple[str, ...]:
    if channel == "inbox":
        return ("title.txt", "text.txt")
    carrier = registered_channels().get(channel)
    return tuple(carrier.parts) if carrier else ()


def _keep(text: BrandText, words: str, by: int | None, now: datetime) -> None:
    BrandTextVersion.objects.create(
        brand=text.brand, type=text.type, file=text.file, language=text.language, text=words, written_by_id=by, written_at=now
    )


def _versions(text: BrandText) -> QuerySet[BrandTextVersion]:
    return BrandTextVersion.objects.filter(brand=text.brand_id, type=text.type, file=text.file, language=text.language)
