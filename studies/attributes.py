"""What an app or a service knows about a participant, one value a name, as their protocol declares it. Read next: protocol_design.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import Combinable
from django.utils.translation import gettext as _

from studies.audit import write_audit
from studies.models import Enrollment, ProfileAttribute
from studies.protocol import AttributeCondition, Protocol
from studies.publishing import protocol_of


class NotAllowed(ValueError):
    """Values that the protocol does not know, by the attribute's name; nothing was written."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(*problems.values())
        self.problems = dict(problems)


def choose_attributes(
    enrollment: Enrollment, values: Mapping[str, object], *, now: datetime, actor_id: int | None = None, service: str = ""
) -> bool:
    """This function will give attributes of an enrollment these values, and take away those of None; False: they were so already.

    The record tells which changed, not to what: values are the person's own and go with them. Raises NotAllowed.
    """
    wanted = _written(values, protocol_of(enrollment.version.amended_by or enrollment.version))
    with transaction.atomic():
        Enrollment.objects.select_for_update().get(pk=enrollment.pk)
        before = dict(enrollment.attributes.values_list("name", "value"))
        changed = sorted(name for name, value in wanted.items() if before.get(name) != value)
        if not changed:
            return False
        enrollment.attributes.filter(name__in=changed).delete()
        ProfileAttribute.objects.bulk_create(
            ProfileAttribute(enrollment=enrollment, **row) for row in _rows({name: wanted[name] for name in changed})
        )
        details = {"changed": changed, "service": service}
        write_audit(enrollment.study, "attributes", now, actor_id=actor_id, enrollment=enrollment, details=details)
    return True


def rows_of(values: Mapping[str, object], protocol: Protocol) -> list[dict[str, Any]]:
    """This function will give the columns in which values that a protocol declares are stored; None is no value. Raises NotAllowed."""
    return _rows(_written(values, protocol))


def attributes_of(enrollment: Enrollment, protocol: Protocol) -> dict[str, str | int | bool]:
    """This function will tell an enrollment's attributes as its protocol means them; what it no longer declares stays a text."""
    return {known.name: _read(known, protocol) for known in sorted(enrollment.attributes.all(), key=lambda known: known.name)}


def _read(known: ProfileAttribute, protocol: Protocol) -> str | int | bool:
    declared = protocol.attribute(known.name)
    if declared is not None and declared.type == "boolean":
        return known.value == "true"
    return known.number if declared is not None and declared.type == "integer" and known.number is not None else known.value


def _written(values: Mapping[str, object], protocol: Protocol) -> dict[str, str | None]:
    written: dict[str, str | None] = {}
    problems: dict[str, str] = {}
    for name, value in values.items():
        declared = protocol.attribute(name)
        if declared is None:
            problems[name] = _("The protocol declares no such attribute.")
        elif value is None:
            written[name] = None
        elif (text := declared.write(value)) is None:
            problems[name] = _("The protocol does not allow this value.")
        else:
            written[name] = text
    if problems:
        raise NotAllowed(problems)
    return written


def _rows(written: Mapping[str, str | None]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value, "number": _number(value)} for name, value in written.items() if value is not None]


def _number(value: str) -> int | None:
    digits = value.removeprefix("-")
    return int(value) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None


def meets(condition: AttributeCondition, protocol: Protocol, enrollment_id: str) -> Combinable:
    """This function will tell as an expression whether a row's enrollment meets a condition; `enrollment_id` names where the row has it."""
    values = Q()
    if condition.values:
        declared = protocol.attribute(condition.id)
        values &= Q(value__in=[declared.write(value) for value in condition.values] if declared else [])
    if condition.at_least is not None:
        values &= Q(number__gte=condition.at_least)
    if condition.at_most is not None:
        values &= Q(number__lte=condition.at_most)
    return Exists(ProfileAttribute.objects.filter(values, enrollment_id=OuterRef(enrollment_id), name=condition.id))
