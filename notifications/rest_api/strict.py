"""Serializers and fields that take what they name, in one spelling, and nothing else. Read next: inbox.py."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

# Far from the ends of what a calendar can count, so that no zone carries a date over them.
FIRST_YEAR, LAST_YEAR = 2000, 2199
_SEEN = re.compile(r"[^\s\u200b-\u200f\u2060\ufeff]")
# Controls but line feeds and tabs, separators of lines, and what turns the direction of writing.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt one would otherwise do nothing, silently."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            raise ValidationError({name: [_("There is no such field.")] for name in unknown})
        return super().to_internal_value(data)


class EmptySerializer(StrictSerializer):
    """The body of a call that says nothing but its address."""


class WrittenTextField(serializers.CharField):
    """A text that people read: something in it can be seen, and nothing turns the direction of what stands around it."""

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if not _SEEN.search(text):
            raise ValidationError(_("Nothing in this can be seen."))
        if _UNSEEN.search(text):
            raise ValidationError(_("This holds invisible characters."))
        return text


class ExactBooleanField(serializers.BooleanField):
    """true or false, not "yes" or 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise ValidationError(_("Write true or false."))
        return data


class WholeNumberField(serializers.IntegerField):
    """A whole number as JSON writes it, not as a text."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise ValidationError(_("Write a whole number."))
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """A boolean of a query: the word true or the word false."""

    def to_internal_value(self, data: Any) -> bool:
        if data not in ("true", "false"):
            raise ValidationError(_("Write true or false."))
        return bool(data == "true")


class LocalDateField(serializers.DateField):
    """A date as YYYY-MM-DD."""

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValidationError(_("Write a date as YYYY-MM-DD."))
        try:
            found = date.fromisoformat(value)
        except ValueError as error:
            raise ValidationError(_("There is no such date.")) from error
        _check_year(found.year)
        return found


class InstantField(serializers.DateTimeField):
    """A point in time, ISO 8601 with its offset; given back in UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise ValidationError(_("Write a time with its offset, for example 2026-03-02T09:30:00+01:00."))
        try:
            found = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValidationError(_("There is no such time.")) from error
        _check_year(found.year)
        return found.astimezone(UTC)


def read_query(request: Request, shape: type[StrictSerializer]) -> dict[str, Any]:
    """This function will read the query of a request. Raises ValidationError, also for a name that stands twice or is not known."""
    twice = [name for name, values in request.query_params.lists() if len(values) > 1]
    if twice:
        raise ValidationError({f"?{name}": [_("This stands twice.")] for name in twice})
    if not request.query_params and (unasked := _unasked(shape)) is not None:
        return dict(unasked)
    query = shape(data=request.query_params.dict())
    if not query.is_valid():
        errors: Mapping[str, Any] = query.errors
        raise ValidationError({"?" if name == "non_field_errors" else f"?{name}": below for name, below in errors.items()})
    found: dict[str, Any] = query.validated_data
    return found


@cache
def _unasked(shape: type[StrictSerializer]) -> dict[str, Any] | None:
    """This function will give what an empty query means, None for a refusal: to make the fields takes as long as a page of a list."""
    query = shape(data={})
    return query.validated_data if query.is_valid() else None


def read_body(request: Request, shape: type[StrictSerializer]) -> dict[str, Any]:
    """This function will read the body of a request. Raises ValidationError."""
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    found: dict[str, Any] = body.validated_data
    return found


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValidationError(_("The year must lie between %(first)d and %(last)d.") % {"first": FIRST_YEAR, "last": LAST_YEAR})
