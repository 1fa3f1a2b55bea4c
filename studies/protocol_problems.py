"""What can be wrong with a protocol document, each with the path of its place; the schema finds the first half of it.

Pure. What the schema cannot say is in `studies.protocol_checks`.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

SCHEMA_PATH = Path(__file__).parent / "schema" / "protocol-1.schema.json"


def gettext_noop(message: str) -> str:
    """This function will mark a sentence for translation and leave it as it is: pages translate, this module cannot."""
    return message


MESSAGES: Mapping[str, str] = {
    "required": gettext_noop("is missing"),
    "unknown": gettext_noop("is not part of a protocol document"),
    "type": gettext_noop("must be of type %(expected)s"),
    "choice": gettext_noop("must be one of: %(expected)s"),
    "too_small": gettext_noop("must be at least %(expected)s"),
    "not_above": gettext_noop("must be above %(expected)s"),
    "too_large": gettext_noop("must be at most %(expected)s"),
    "too_short": gettext_noop("must not be empty or shorter than %(expected)s"),
    "too_long": gettext_noop("must not be longer than %(expected)s"),
    "repeated": gettext_noop("must not repeat itself"),
    "id": gettext_noop("must consist of letters, digits, hyphens and underscores, at most 64, and start with a letter or digit"),
    "control_characters": gettext_noop("must not contain control characters"),
    "language": gettext_noop("must be a language code such as en or pt-BR"),
    "time": gettext_noop("must be a time of day such as 09:30"),
    "period": gettext_noop("must be a period of days or weeks such as P13W; months and years would not keep the weekday"),
    "days": gettext_noop('must be "every" or a list of day numbers'),
    "text_without_study": gettext_noop("must name the study with {study}"),
    "text_without_stop": gettext_noop("must tell how to stop, with the word STOP"),
    "tells_condition": gettext_noop("must not tell a condition or that somebody is a patient: %(value)s"),
    "too_many_parts": gettext_noop("must fit into %(expected)s parts of a text message, and takes %(value)s"),
    "unknown_variable": gettext_noop("may use no braces but {study}, {link}, {first_day}, {days_until}, {days_left}, {done} and {asked}"),
    "only_for_certain_sessions": gettext_noop("is only for sessions without a probability, of a schedule without exceptions"),
    "after_window": gettext_noop("must be less than the session is open, %(expected)s minutes"),
    "only_for_choices": gettext_noop("is only for an attribute of type choice"),
    "only_for_integers": gettext_noop("is only for an attribute of type integer"),
    "value_not_declared": gettext_noop("is no value of this attribute: %(value)s"),
    "link": gettext_noop("must be an address that begins with https://"),
    "text_variable": gettext_noop("may use no braces but {study} and {link}"),
    "event_id": gettext_noop('must be "enrollment" or "custom:" with letters, digits, hyphens and underscores'),
    "custom_event_id": gettext_noop('must be "custom:" with letters, digits, hyphens and underscores'),
    "iso_period": gettext_noop("must be an ISO period such as P13W, P-14D or P0D"),
    "not_with_origins": gettext_noop("must be left out where the origins are listed"),
    "not_with_event": gettext_noop("must be left out where an event is named"),
    "longer_than_days": gettext_noop("must not exceed the days that the rule looks at, %(expected)s"),
    "not_random": gettext_noop("must be left out where times are random"),
    "circular": gettext_noop("counts from itself: %(value)s"),
    "no_room": gettext_noop("leaves no room for so many with the gap between them"),
    "weekday_twice": gettext_noop("has a window already for weekday %(value)s"),
    "before_origin": gettext_noop("must be at least the jitter, %(expected)s days, so that no burst starts before its origin"),
    "only_with_jitter": gettext_noop("is only for a series with jitter_days"),
    "own_series": gettext_noop("names the series that the schedule is from"),
    "too_long_to_nudge": gettext_noop("has bursts of more than %(expected)s days, extension included: missed days are not counted so far"),
    "too_many_sessions": gettext_noop("are %(value)s sessions for each participant, and at most %(expected)s are possible"),
    "group_twice": gettext_noop("is in two lists of randomised groups: %(value)s"),
    "duplicate_id": gettext_noop("is used twice: %(value)s"),
    "bursts_overlap": gettext_noop("must be at least as long as a burst with its extension, %(expected)s days"),
    "longer_than_burst": gettext_noop("must not exceed the length of the burst, %(expected)s days"),
    "shorter_than_burst": gettext_noop("must not be below the length of the burst, %(expected)s days"),
    "unknown_reference": gettext_noop("names nothing in this protocol: %(value)s"),
    "beyond_series": gettext_noop("must not exceed the number of bursts, %(expected)s"),
    "series_needed": gettext_noop("is needed when there is more than one burst series"),
    "day_without_session": gettext_noop("is a day without this session: %(value)s"),
    "not_all_day": gettext_noop("must be left out of an all-day session"),
    "lists_per_day": gettext_noop("must be one list of times, or one list for each of the %(expected)s days"),
    "not_ascending": gettext_noop("must be in ascending order, without repetition"),
    "not_a_channel": gettext_noop("is not among the channels of this rule: %(value)s"),
    "language_missing": gettext_noop("must have the first language of the protocol, %(value)s"),
    "language_unknown": gettext_noop("is not among the languages of the protocol: %(value)s"),
    "window_order": gettext_noop("must end after it begins"),
    "outside_window": gettext_noop("must lie within the window"),
    "outside_text_hours": gettext_noop("must lie within %(expected)s, the hours in which texts may be sent"),
    "more_than_asked": gettext_noop("must not exceed what can be done in so many days, %(expected)s"),
    "never_sent": gettext_noop("leaves no day on which it could be sent"),
    "other": gettext_noop("does not follow the schema (%(expected)s)"),
}

_CODES = {
    "type": "type",
    "enum": "choice",
    "const": "choice",
    "minimum": "too_small",
    "exclusiveMinimum": "not_above",
    "maximum": "too_large",
    "minLength": "too_short",
    "minItems": "too_short",
    "minProperties": "too_short",
    "maxLength": "too_long",
    "maxItems": "too_long",
    "uniqueItems": "repeated",
}

Step = str | int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place: a page shows `gettext(problem.template) % problem.values`."""

    path: str
    code: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return MESSAGES[self.code]

    @property
    def message(self) -> str:
        return self.template % self.values if self.values else self.template


class ProtocolError(ValueError):
    """A document that is not a protocol, with every problem found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(f"{problem.path} {problem.message}" for problem in self.problems))


def write_path(steps: Iterable[Step]) -> str:
    """This function will write a place in a document as a JSON path: `$.nudges[0].texts.early`."""
    path = "$"
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", step):
            path += f".{step}"
        else:
            path += f"[{json.dumps(step[:64])}]"
    return path


def find_schema_problems(document: object) -> list[Problem]:
    """This function will list what the published schema refuses in a document, by place, each once."""
    found = {(problem.path, problem.code): problem for error in _validator().iter_errors(document) for problem in _read_error(error)}
    return [found[key] for key in sorted(found)]


def _read_error(error: ValidationError) -> Iterator[Problem]:
    steps = list(error.absolute_path)
    keyword = str(error.validator)
    expected: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    if keyword == "required":
        for name in expected:
            if name not in instance:
                yield Problem(write_path([*steps, name]), "required")
    elif keyword == "dependentRequired":
        for name in (needed for given, names in expected.items() if given in instance for needed in names if needed not in instance):
            yield Problem(write_path([*steps, name]), "required")
    elif keyword == "additionalProperties":
        for name in instance:
            if name not in schema.get("properties", {}):
                yield Problem(write_path([*steps, name]), "unknown")
    elif keyword == "pattern":
        # A key of an object is reported at the object; the key itself says which one is meant.
        place = [*steps, instance] if "propertyNames" in error.absolute_schema_path else steps
        yield Problem(write_path(place), schema["x-problem"])
    elif keyword == "const":
        yield Problem(write_path(steps), "choice", {"expected": json.dumps(expected)})
    elif keyword in _CODES:
        shown = ", ".join(expected) if isinstance(expected, list) else expected
        yield Problem(write_path(steps), _CODES[keyword], {"expected": shown})
    elif keyword == "not":
        yield Problem(write_path(steps), schema["x-problem"])
    else:
        yield Problem(write_path(steps), "other", {"expected": keyword})


def _match_pattern(_validator: Any, pattern: str, instance: object, _schema: object) -> Iterator[ValidationError]:
    # The schema's "$" means the very end, as in ECMA 262; Python's would let a line feed pass behind it.
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError("does not match")


@functools.cache
def _validator() -> Any:
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    extended: Any = extend  # its stub has no types
    return extended(Draft202012Validator, {"pattern": _match_pattern})(schema)
