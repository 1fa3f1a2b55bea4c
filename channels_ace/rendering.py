"""From a message to the words of one channel, in one language. Read next: templates/messages/.

Texts live at messages/<app>.<type>/<channel>/<part> in any app's templates: <part>.txt is plain text, where nothing is
escaped, and html.html is HTML, where everything is. A type needs only text.txt, one line that says it all (detail.txt adds
what the line leaves out): messages/_default/<channel>/<part> makes every channel's parts from it, until the type has its own.
"""

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.template import Context, Engine, TemplateDoesNotExist
from django.utils import translation

from channels_ace.links import leads_to
from channels_ace.looks import PLAIN, Look
from channels_ace.message_types import MessageType, UnknownType, find
from channels_ace.models import Message
from channels_ace.text_names import names_asked

# What every text is given; a message type cannot use these names for its own variables.
RESERVED = frozenset({"text", "detail", "link", "message", "message_type", "channel", "site_url", "brand"})


def render(message: Message, channel: str, parts: tuple[str, ...], language: str, look: Look = PLAIN) -> dict[str, str]:
    """This function will give the channel's parts of a message by name without their ending, in a language of settings.LANGUAGES.

    A look brings texts of its own; they can include no other.
    """
    files = {part.rsplit(".", 1)[0]: part if "." in part else _file(part) for part in parts}
    with translation.override(known_language(language)):
        context = {
            **_written_for(message.context, language),
            "link": leads_to(message.link),
            "message": message,
            "message_type": _type(message),
            "channel": channel,
            "site_url": settings.SITE_URL,
            "brand": look.brand,
        }
        write = partial(_render, message, context=context, texts=look.texts, language=known_language(language))
        # One line, whatever line feeds a template or a person's words hold.
        context["text"] = " ".join(write("text.txt").split())
        context["detail"] = write("detail.txt")
        return {name: write(f"{channel}/{file}") for name, file in files.items()}


def known_language(language: str) -> str:
    """This function will give the language if texts exist in it, else the site's own."""
    names = dict(settings.LANGUAGES)
    return language if language in names else language.split("-")[0] if language.split("-")[0] in names else settings.LANGUAGE_CODE


def _file(part: str) -> str:
    return f"{part}.html" if part == "html" else f"{part}.txt"


def _type(message: Message) -> MessageType | None:
    try:
        return find(message.type)
    except UnknownType:
        # A type that is gone since: what was said stays readable.
        return None


def check_text(text: str) -> set[str]:
    """This function will give the names that a look's own text asks for. Raises TemplateSyntaxError where it cannot be read."""
    return names_asked(_engine().from_string(text))


@cache
def shipped_names(type_name: str, file: str) -> frozenset[str]:
    """This function will give the names that an app's own text of a type asks for; none where it has no such file."""
    try:
        return frozenset(names_asked(Engine.get_default().get_template(f"messages/{type_name}/{file}")))
    except TemplateDoesNotExist:
        return frozenset()


@cache
def _engine() -> Engine:
    """What operators write sees the tags of every app, and no template."""
    return Engine(loaders=[], libraries=Engine.get_default().libraries)


def _render(message: Message, file: str, *, context: Mapping[str, Any], texts: Mapping[tuple[str, str, str], str], language: str) -> str:
    own = texts.get((message.type, file, language))
    if own is None:
        template = Engine.get_default().select_template([f"messages/{message.type}/{file}", f"messages/_default/{file}"])
    else:
        template = _engine().from_string(own)
    words = template.render(Context(dict(context), autoescape=file.endswith(".html")))
    # strip() gives a plain str: a rendered text is marked safe, and would not be escaped where HTML quotes it.
    return words.strip()


def _written_for(context: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A context value may come in several languages: {"in_languages": {"en": ..., "es": ...}}; the reader's is taken, else the first."""
    return {name: _in_language(value, language) for name, value in context.items()}


def _in_language(value: Any, language: str) -> Any:
    if not (isinstance(value, dict) and isinstance(value.get("in_languages"), dict) and value["in_languages"]):
        return value
    texts = value["in_languages"]
    return texts.get(language) or texts.get(language.split("-")[0]) or next(iter(texts.values()))
