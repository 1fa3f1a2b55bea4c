"""Serializers and fields that take what they name, in one spelling, and nothing else. Read next: inbox.py."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

# Far from the ends of what a calendar can count, so that no zone carries a date over them.
FIRST_YEAR, LAST_YEAR = 2000, 2199
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt one would otherwise do nothing, silently."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            raise ValidationError({name: [_("There is no such field.")] for name in unknown})
        return super().to_internal_value(data)


class ExactBooleanField(serializers.BooleanField):
    """true or false, not "yes" or 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise ValidationError(_("Write true or false."))
        return data


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
    query = shape(data=request.query_params.dict())
    if not query.is_valid():
        errors: Mapping[str, Any] = query.errors
        raise ValidationError({"?" if name == "non_field_errors" else f"?{name}": below for name, below in errors.items()})
    found: dict[str, Any] = query.validated_data
    return found


def read_body(request: Request, shape: type[StrictSerializer]) -> dict[str, Any]:
    """This function will read the body of a request. Raises ValidationError."""
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    found: dict[str, Any] = body.validated_data
    return found


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValidationError(_("The year must lie between %(first)d and %(last)d.") % {"first": FIRST_YEAR, "last": LAST_YEAR})
