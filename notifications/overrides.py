"""Defaults and locks as they stand, for one reader and for sets; asked anew each time. Read next: override_models.py.

A message is decided by what stands for its brand (brands.py): its course's, else its person's. What a brand has of its own stands in
place of what stands everywhere. The few overrides of a type are read once for a question, and only brands of their own cost a condition.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Exists, Q, Value

from channels_ace.api import Question
from notifications.brand_models import Brand, BrandMember
from notifications.choice_models import Cadence
from notifications.override_models import TypeOverride
from notifications.registry import NotificationType, registered

ALWAYS, NEVER = ~Q(pk__in=[]), Q(pk__in=[])


def is_locked(known: NotificationType, question: Question) -> Q:
    """This function will give the condition under which operators locked what the code leaves open."""
    return _where(known, question, lambda here: question.channel in here.locked - known.locked)


def is_on(known: NotificationType, question: Question) -> Q:
    """This function will give the condition under which a channel is on for those who chose nothing."""
    return _where(known, question, lambda here: question.channel in here.on)


def comes_by_default(known: NotificationType, question: Question, cadence: Cadence) -> Q:
    """This function will give the condition under which a type's e-mail comes so often for those who chose nothing."""
    return _where(known, question, _comes(cadence))


def _comes(cadence: Cadence) -> Callable[[NotificationType], bool]:
    return lambda here: here.cadence == cadence.value


def _where(known: NotificationType, question: Question, is_so: Callable[[NotificationType], bool]) -> Q:
    """This function will give the condition over the question's rows under which something is so of the type as it stands for them."""
    overrides = _overrides_of(known, question)
    of_brand = {brand: is_so(changed_by(standing(overrides, brand), known)) for brand in {one.brand_id for one in overrides} if brand}
    elsewhere = is_so(changed_by(standing(overrides, None), known))
    differ = [brand for brand, so in of_brand.items() if so != elsewhere]
    if not differ:
        return ALWAYS if elsewhere else NEVER
    here = _is_of(differ, question)
    return ~here if elsewhere else here


def _is_of(brands: Iterable[int], question: Question) -> Q:
    """This function will give the condition under which a row is for one of these brands: by its course, else by its person."""
    of_person = Q(Exists(question.of_user(BrandMember.objects.filter(brand__in=list(brands)))))
    if isinstance(question.scope, Value) and not question.scope.value.startswith("course-v1:"):
        return of_person
    of_course = Brand.objects.owning(question.scope)
    return Q(Exists(of_course.filter(pk__in=list(brands)))) | (~Q(Exists(of_course)) & of_person)


def overrides_of(known: NotificationType, channel: str) -> list[tuple[object, ...]]:
    """This function will give what the conditions about a type are made of, in one statement."""
    found = TypeOverride.objects.filter(scope=known.scope, channel=channel).order_by("pk")
    return list(found.values_list("pk", "brand", "is_on", "is_locked", "cadence"))


def _overrides_of(known: NotificationType, question: Question) -> Sequence[TypeOverride]:
    key = f"overrides of {known.scope}"
    if key not in question.found:
        question.found[key] = list(TypeOverride.objects.filter(scope=known.scope, channel=question.channel))
    found: Sequence[TypeOverride] = question.found[key]
    return found


def standing(overrides: Iterable[TypeOverride], brand: int | None) -> list[TypeOverride]:
    """This function will give the overrides that stand for a brand: its own, and those for everywhere that have none in their place."""
    found = {(one.scope, one.channel): one for one in overrides if one.brand_id is None}
    found |= {(one.scope, one.channel): one for one in overrides if brand and one.brand_id == brand}
    return list(found.values())


@dataclass(frozen=True)
class Standing:
    """The types as they stand for one person: about what is of no course, and about the courses of each brand."""

    overrides: Sequence[TypeOverride]
    # Their own brand; and the brands by organisation, which are read only where one has overrides.
    own: int | None = None
    brands: Sequence[Brand] = ()

    def types_of(self, brand: int | None) -> list[NotificationType]:
        """This function will list the types as `registered` does, with what operators changed for a brand."""
        overrides = standing(self.overrides, brand)
        return [changed_by(overrides, known) for known in registered()]

    def brand_of(self, scope: str) -> int | None:
        """This function will tell whose course a scope names."""
        return next((brand.pk for brand in self.brands if any(scope.startswith(f"course-v1:{org}+") for org in brand.orgs)), None)


def standing_for(user_id: int) -> Standing:
    """This function will read how the types stand for a person, in one statement; in three where brands have overrides."""
    overrides = list(TypeOverride.objects.all())
    if not any(one.brand_id for one in overrides):
        return Standing(overrides)
    own = BrandMember.objects.filter(user_id=user_id).values_list("brand_id", flat=True).first()
    return Standing(overrides, own, list(Brand.objects.order_by("pk")))


def types_here(user_id: int) -> list[NotificationType]:
    """This function will list the types as they stand for a person, apart from courses of other brands than theirs."""
    found = standing_for(user_id)
    return found.types_of(found.own)


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
