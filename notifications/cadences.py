"""How often e-mail comes about a type: read for one person, and as an expression over many. Read next: choice_models.py."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db.models import Case, OuterRef, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from channels_ace.api import Hours
from notifications.choice_models import Cadence, EmailCadence
from notifications.overrides import default_cadence, is_locked, types_here
from notifications.preferences import NotChangeable, find_row, matrix
from notifications.registry import NotificationType


def always_at_once(known: NotificationType) -> bool:
    """This function will tell whether e-mail of a type cannot wait: it is locked, has no e-mail, or may come at any hour."""
    return "email" not in known.channels or "email" in known.locked or known.hours is Hours.ANY


def cadence_of(known: NotificationType, user: str = "pk") -> Combinable:
    """This function will give the cadence of a type as an expression over rows that hold their user's id under the name `user`.

    A type's cadence beats its category's, which beats the type's default.
    """
    if always_at_once(known):
        return Value(Cadence.NOW.value)
    mine = EmailCadence.objects.filter(user_id=OuterRef(user))
    of_type, of_category = (mine.filter(scope=scope).values("cadence")[:1] for scope in (known.scope, str(known.category)))
    chosen = Coalesce(Subquery(of_type), Subquery(of_category), default_cadence(known), Value(known.cadence))
    return Case(When(is_locked(known, "email"), then=Value(Cadence.NOW.value)), default=chosen)


def chosen_cadences(user_id: int) -> dict[str, str]:
    """This function will give the cadences that a person chose, by type or category."""
    return dict(EmailCadence.objects.filter(user_id=user_id).values_list("scope", "cadence"))


def cadence_in(known: NotificationType, chosen: Mapping[str, str]) -> str:
    """This function will give what `cadence_of` gives, for one person's choices."""
    if always_at_once(known):
        return str(Cadence.NOW)
    return chosen.get(known.scope, chosen.get(str(known.category), known.cadence))


def cadences_by_scope(user_id: int) -> dict[str, str]:
    """This function will give how often e-mail comes about every type and category where that can be chosen.

    A category whose types differ has "".
    """
    chosen, found, below = chosen_cadences(user_id), {}, defaultdict(set)
    for known in types_here():
        if not always_at_once(known):
            found[known.scope] = cadence_in(known, chosen)
            below[str(known.category)].add(found[known.scope])
    return {**found, **{category: cadences.pop() if len(cadences) == 1 else "" for category, cadences in below.items()}}


def choose_cadence(user_id: int, scope: str, cadence: str, *, now: datetime) -> None:
    """This function will set how often e-mail comes about a type, or about a whole category. Raises NotChangeable.

    A category's cadence also clears the differing ones of its types, as its switches do.
    """
    section, row = find_row(matrix(user_id), scope)
    cell = next(cell for cell in row.cells if cell.channel == "email")
    if cadence not in Cadence.values or not cell.exists or cell.is_locked:
        raise NotChangeable("There is no such choice.")
    if row.is_category:
        EmailCadence.objects.filter(user_id=user_id, scope__in=[below.scope for below in section.rows]).delete()
    EmailCadence.objects.update_or_create(user_id=user_id, scope=scope, defaults={"cadence": cadence, "changed_at": now})
