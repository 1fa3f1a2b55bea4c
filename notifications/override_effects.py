"""Whom an override touches, before it holds. Read next: overrides.py, override_admin.py."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet

from notifications.models import Brand, BrandMember, CourseMembership, Preference, TypeOverride
from notifications.overrides import changed_by, standing
from notifications.registry import WHOLE_CHANNEL, NotificationType, registered


def people_changed(override: TypeOverride, replaced: TypeOverride | None = None) -> int:
    """This function will count those for whom an override turns a channel on or off: as many statements, whatever their number.

    `replaced` is what it was saved as before. Whom it is for: everybody but the members of brands that have their own, or a brand's
    members and who is in its courses.
    """
    found = list(TypeOverride.objects.filter(scope=override.scope, channel=override.channel))
    others = [one for one in found if replaced is None or one.pk != replaced.pk]
    before = [*others, replaced] if replaced else others
    taken = [one for one in others if one.brand_id != override.brand_id]
    return _changed(before, [*taken, override], override)


def people_changed_without(override: TypeOverride) -> int:
    """This function will count those for whom it turns a channel on or off that an override is taken away."""
    others = list(TypeOverride.objects.filter(scope=override.scope, channel=override.channel).exclude(pk=override.pk))
    return _changed([*others, override], others, override)


def _changed(before: list[TypeOverride], after: list[TypeOverride], override: TypeOverride) -> int:
    known = next((known for known in registered() if known.scope == override.scope and override.channel in known.channels), None)
    if known is None:
        return 0
    got, gets = (_gets(changed_by(standing(some, override.brand_id), known), override.channel) for some in (before, after))
    people = _touched(override, [one.brand_id for one in after if one.brand_id])
    if known.visible_to:
        seeing = CourseMembership.objects.filter(user=OuterRef("pk"), is_active=True, role__in=known.visible_to)
        people = people.filter(Exists(seeing))
    return people.filter((got & ~gets) | (gets & ~got)).count()


def _touched(override: TypeOverride, brands_of_their_own: list[int]) -> QuerySet[Any]:
    people: QuerySet[Any] = get_user_model()._default_manager.filter(is_active=True)
    members = BrandMember.objects.filter(user=OuterRef("pk"))
    if override.brand_id is None:
        return people.filter(~Exists(members.filter(brand__in=brands_of_their_own))) if brands_of_their_own else people
    belongs = Q(Exists(members.filter(brand=override.brand_id)))
    in_courses = Q()
    for org in Brand.objects.get(pk=override.brand_id).orgs:
        in_courses |= Q(course_key__startswith=f"course-v1:{org}+")
    if in_courses:
        belongs |= Q(Exists(CourseMembership.objects.filter(in_courses, user=OuterRef("pk"), is_active=True)))
    return people.filter(belongs)


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
