"""What a text of a protocol may leave open, and what is put in its place. Pure. Read next: text_rules.py, protocol_checks.py.

The list is closed, and each variable has a value for every text of every rule: a text never says less than it was written to say.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

VARIABLES = ("study", "link", "first_day", "days_until", "days_left", "done", "asked")
# What differs from one reader to the next.
OWN = frozenset({"first_day", "days_until", "days_left", "done"})
_VARIABLE = re.compile(rf"\{{({'|'.join(VARIABLES)})\}}")

# The day and the month as people say them. A language that is not here is given 2026-04-11, which can be read in all of them.
_PATTERNS = {
    "en": ("{month} {day}", "January February March April May June July August September October November December"),
    "es": ("{day} de {month}", "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    "pt": ("{day} de {month}", "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"),
    "fr": ("{day} {month}", "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
    "it": ("{day} {month}", "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"),
    "nl": ("{day} {month}", "januari februari maart april mei juni juli augustus september oktober november december"),
    "de": ("{day}. {month}", "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
    "ar": ("{day} {month}", "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"),
}


@dataclass(frozen=True, slots=True)
class TextValues:
    """What the variables stand for in one reader's text.

    `first_day` is the burst's first date, `days_until` counts the days up to it (0 once it has begun), `days_left` those of the burst
    from today on, today included; `done` is how many of its days are done, `asked` how many make it complete.
    """

    study: str
    link: str
    first_day: dt.date
    days_until: int
    days_left: int
    done: int
    asked: int


def variables_of(text: str) -> frozenset[str]:
    """This function will give the variables that a text uses."""
    return frozenset(_VARIABLE.findall(text))


def fill_in(text: str, values: TextValues, language: str) -> str:
    """This function will put values into a text, dates in its language. What a value holds is never read as a variable."""
    said: Mapping[str, str] = {
        "study": values.study,
        "link": values.link,
        "first_day": write_day(values.first_day, language),
        "days_until": str(values.days_until),
        "days_left": str(values.days_left),
        "done": str(values.done),
        "asked": str(values.asked),
    }
    return _VARIABLE.sub(lambda found: said[found[1]], text)


def write_day(day: dt.date, language: str) -> str:
    """This function will write a day and its month in a language."""
    known = _PATTERNS.get(language.split("-")[0].lower())
    if known is None:
        return day.isoformat()
    pattern, months = known
    return pattern.format(day=day.day, month=months.split()[day.month - 1])


def longest_of(text: str, values: TextValues, language: str) -> Iterator[str]:
    """This function will yield a text as long as it gets: one for each month where it tells a day, since which month is longest hangs
    on the letters, too. `values` hold the largest numbers."""
    months = range(1, 13) if "{first_day}" in text else [1]
    return (fill_in(text, replace(values, first_day=dt.date(2026, month, 28)), language) for month in months)
