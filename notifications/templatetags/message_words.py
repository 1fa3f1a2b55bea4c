"""What the texts of messages need beyond Django's own tags. Read next: ../templates/messages/."""

from dataclasses import dataclass

from django import template
from django.conf import settings
from django.utils import translation
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe

from channels_ace.api import Message, render
from notifications import links, rich_text

register = template.Library()


@dataclass(frozen=True)
class Author:
    """Who wrote an answer, as a platform names them to one reader."""

    name: str

    @property
    def is_reader(self) -> bool:
        """Whether the reader is meant."""
        return self.name.lower() == "your"

    @property
    def is_named(self) -> bool:
        """Whether there is a name, and not only a pronoun."""
        return self.name.lower() not in ("", "their", "your")


@register.simple_tag
def author(*names: object) -> Author:
    """This function will take the first name that is given; Open edX writes "your", "their", "ana" or "ana's"."""
    found = next((str(name) for name in names if name), "")
    return Author(found.removesuffix("'s").removesuffix("’s"))


@register.filter
def absolute(link: object) -> str:
    """This function will make a path of this site into a whole address."""
    return links.absolute(str(link))


@register.filter
def title_of(message: Message) -> str:
    """This function will give the line of a message that another one stands for, in the language that is spoken now."""
    return render(message, "inbox", ("title.txt",), translation.get_language() or settings.LANGUAGE_CODE)["title"]


@register.filter
def as_day(text: object) -> str:
    """This function will write an ISO date, or the date of an ISO time, in the reader's language, and leave other words as they are."""
    written = str(text)
    try:
        day = parse_date(written) or parse_datetime(written)
    except ValueError:
        return written
    return date_format(day, "DATE_FORMAT") if day else written


@register.filter
def as_moment(text: object) -> str:
    """This function will write an ISO time in the reader's language with its zone, and leave other words as they are."""
    written = str(text)
    try:
        moment = parse_datetime(written)
    except ValueError:
        return written
    if moment is None:
        return written
    return f"{date_format(moment, 'DATE_FORMAT')} {moment:%H:%M} {moment.tzname() or ''}".strip()


@register.filter
def as_due(text: object) -> str:
    """This function will write an ISO date as a day, and an ISO time as a day with its hour and zone."""
    return as_moment(text) if "T" in str(text) else as_day(text)


@register.filter
def as_safe_html(html: object) -> SafeString:
    """This function will quote rich text of another system within HTML, without anything that could act."""
    return mark_safe(rich_text.to_safe_html(str(html)))  # noqa: S308 - made safe by nh3 just before


@register.filter
def as_plain_text(html: object) -> str:
    """This function will quote rich text of another system within plain text."""
    return rich_text.to_plain_text(str(html))
