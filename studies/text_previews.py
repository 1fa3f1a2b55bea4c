"""The texts of a protocol as somebody will read them, before anybody does. Read next: text_variables.py, views.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from notifications.api import CHANNEL_LABELS
from studies.protocol import PreBurstNudge, Protocol, Rule
from studies.text_rules import count_parts
from studies.text_variables import TextValues, fill_in, longest_of


@dataclass(frozen=True)
class Preview:
    """One variant in one language. `parts` is what it takes at its longest as a text message; 0: it is for `channel` alone, and is none."""

    kind: str
    group: str
    channel: str
    language_code: str
    language: str
    words: str
    parts: int


def previews_of(protocol: Protocol, enrolled_date: date) -> list[Preview]:
    """This function will write every text as somebody reads it who enrolled on a date, and is halfway through their burst or about to
    start the next with none of it done. What rules of several times of a day say alike is there once."""
    return list(dict.fromkeys(preview for rule in protocol.rules for preview in _of_rule(rule, protocol, enrolled_date)))


def _of_rule(nudge: Rule, protocol: Protocol, enrolled_date: date) -> Iterator[Preview]:
    example = _example(nudge, protocol, enrolled_date)
    for kind, group, texts in nudge.all_texts():
        for language, variants in texts.items():
            for text in variants:
                parts = max(count_parts(words) for words in longest_of(text, example, language))
                yield Preview(_name(kind), group, "", language, _name_language(language), fill_in(text, example, language), parts)
    for channel, kinds in nudge.by_channel.items():
        for kind, texts in kinds.items():
            for language, variants in texts.items():
                for text in variants:
                    named = str(CHANNEL_LABELS.get(channel, channel))
                    yield Preview(_name(kind), "", named, language, _name_language(language), fill_in(text, example, language), 0)


def _example(nudge: Rule, protocol: Protocol, enrolled_date: date) -> TextValues:
    looked_at = protocol.days_of(nudge)
    is_before = isinstance(nudge, PreBurstNudge)
    number = nudge.first_burst if isinstance(nudge, PreBurstNudge) else 1
    # When an event will be nobody knows; the day of enrollment stands for it.
    offset = nudge.days.delay_days if nudge.days else protocol.series(nudge.series_id).start_offset_days(number)
    passed = 0 if is_before else looked_at.length_days // 2
    return TextValues(
        study=protocol.participant_name,
        link=protocol.link or settings.SITE_URL,
        first_day=enrolled_date + timedelta(days=offset),
        days_until=nudge.lead_days if isinstance(nudge, PreBurstNudge) else 0,
        days_left=looked_at.length_days - passed,
        done=0 if is_before else passed // 2,
        asked=looked_at.complete_after_days,
    )


def _name(kind: str) -> str:
    names = {
        "early": _("Reminder early in a burst"),
        "late": _("Reminder late in a burst"),
        "cumulative": _("Reminder of days missed in all"),
        "few": _("Reminder of few activities"),
        "pre_burst": _("Text before a burst"),
        "session": _("Reminder of a session"),
    }
    return names[kind]


def _name_language(code: str) -> str:
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code
