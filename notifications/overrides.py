"""Defaults and locks as they stand on this site, for one reader and for sets; asked anew each time. Read next: override_models.py."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from notifications.choice_models import Cadence
from notifications.models import CourseMembership, Preference
from notifications.override_models import TypeOverride
from notifications.registry import WHOLE_CHANNEL, NotificationType, registered


def of_type(known: NotificationType, channel: str) -> QuerySet[TypeOverride]:
    """This function will narrow the overrides down to those of a type over a channel, for a subquery of any statement."""
    return TypeOverride.objects.filter(scope=known.scope, channel=channel)


def is_locked(known: NotificationType, channel: str) -> Q:
    """This function will give the condition under which operators locked what the code leaves open."""
    return Q(Exists(of_type(known, channel).filter(is_locked=True)))


def is_on(known: NotificationType, channel: str) -> Q:
    """This function will give the condition under which a channel is on for those who chose nothing."""
    overrides = of_type(known, channel)
    if channel in known.on:
        return ~Q(Exists(overrides.filter(is_on=False)))
    return Q(Exists(overrides.filter(Q(is_on=True) | Q(is_locked=True))))


def default_cadence(known: NotificationType) -> Subquery:
    """This function will give the cadence that operators set for a type's e-mail, null where they set none."""
    return Subquery(of_type(known, "email").exclude(cadence="").values("cadence")[:1])


def types_here() -> list[NotificationType]:
    """This function will list the types as `registered` does, with what operators changed, in one statement."""
    overrides = list(TypeOverride.objects.all())
    return [changed_by(overrides, known) for known in registered()]


def changed_by(overrides: Iterable[TypeOverride], known: NotificationType) -> NotificationType:
    """This function will give a type as the overrides of its line leave it."""
    for one in overrides:
        if one.scope != known.scope or one.channel not in known.channels:
            continue
        way = frozenset({one.channel})
        if one.is_locked:
            known = replace(known, on=known.on | way, locked=known.locked | way)
        elif one.is_on is not None:
            known = replace(known, on=known.on | way if one.is_on else (known.on - way) | (known.locked & way))
        known = replace(known, cadence=Cadence(one.cadence).value if one.cadence else known.cadence)
    return known


def people_changed(override: TypeOverride) -> int:
    """This function will count those for whom an override turns a channel on or off: one statement, whatever their number."""
    types = [known for known in registered() if known.scope == override.scope and override.channel in known.channels]
    if not types:
        return 0
    before = changed_by(TypeOverride.objects.filter(scope=override.scope, channel=override.channel), types[0])
    got, gets = (_gets(known, override.channel) for known in (before, changed_by([override], types[0])))
    people: QuerySet[Any] = get_user_model()._default_manager.filter(is_active=True)
    if types[0].visible_to:
        seeing = CourseMembership.objects.filter(user=OuterRef("pk"), is_active=True, role__in=types[0].visible_to)
        people = people.filter(Exists(seeing))
    return people.filter((got & ~gets) | (gets & ~got)).count()


def _gets(known: NotificationType, channel: str) -> Q:
    """The rules of policies.Preferred for a type whose defaults are known."""
    if channel in known.locked:
        return Q(pk__isnull=False)
    mine = Preference.objects.filter(user=OuterRef("pk"), channel=channel)
    said = {
        (scope, choice): Q(Exists(mine.filter(scope=scope, is_on=choice)))
        for scope in (known.scope, known.category, WHOLE_CHANNEL)
        for choice in (True, False)
    }
    wanted = said[known.scope, True] | said[known.category, True]
    if channel in known.on:
        wanted = said[known.scope, True] | ~said[known.category, False]
    return wanted & ~said[known.scope, False] & ~said[WHOLE_CHANNEL, False]
