"""From a message to the words of one channel, in one language. Read next: templates/messages/.

Texts live at messages/<app>.<type>/<channel>/<part> in any app's templates. A type needs only text.txt, one line that
says it all: messages/_default/<channel>/<part> makes every channel's parts from it, until the type has its own.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.template.loader import select_template
from django.utils import translation

from channels_ace.models import Message


def render(message: Message, channel: str, parts: tuple[str, ...], language: str) -> dict[str, str]:
    """This function will give the channel's parts of a message by name without their ending, in a language of settings.LANGUAGES."""
    with translation.override(known_language(language)):
        context = {**_written_for(message.context, language), "link": message.link, "message": message, "site_url": settings.SITE_URL}
        context["text"] = _render([f"messages/{message.type}/text.txt", "messages/_default/text.txt"], context)
        return {
            part.rsplit(".", 1)[0]: _render([f"messages/{message.type}/{channel}/{part}", f"messages/_default/{channel}/{part}"], context)
            for part in parts
        }


def known_language(language: str) -> str:
    """This function will give the language if texts exist in it, else the site's own."""
    names = dict(settings.LANGUAGES)
    return language if language in names else language.split("-")[0] if language.split("-")[0] in names else settings.LANGUAGE_CODE


def _render(names: list[str], context: Mapping[str, Any]) -> str:
    return select_template(names).render(dict(context)).strip()


def _written_for(context: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A context value may come in several languages: {"in_languages": {"en": ..., "es": ...}}; the reader's is taken, else the first."""
    return {name: _in_language(value, language) for name, value in context.items()}


def _in_language(value: Any, language: str) -> Any:
    if not (isinstance(value, dict) and isinstance(value.get("in_languages"), dict) and value["in_languages"]):
        return value
    texts = value["in_languages"]
    return texts.get(language) or texts.get(language.split("-")[0]) or next(iter(texts.values()))
