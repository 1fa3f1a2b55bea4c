"""How often e-mail comes about a type: read for one person, and as an expression over many. Read next: choice_models.py."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db.models import Case, CharField, Exists, Q, Value, When
from django.db.models.expressions import Combinable

from channels_ace.api import Hours, Question
from notifications.choice_models import Cadence, EmailCadence
from notifications.overrides import ALWAYS, NEVER, comes_by_default, is_locked, types_here
from notifications.preferences import NotChangeable, find_row, matrix
from notifications.registry import NotificationType


def always_at_once(known: NotificationType) -> bool:
    """This function will tell whether e-mail of a type cannot wait: it is locked, has no e-mail, or may come at any hour."""
    return "email" not in known.channels or "email" in known.locked or known.hours is Hours.ANY


def cadence_of(known: NotificationType, question: Question) -> Combinable:
    """This function will give the cadence of a type's e-mail as an expression over the rows of a question.

    A type's cadence beats its category's, which beats the type's default.
    """
    whens = [When(comes(known, question, cadence), then=Value(cadence.value)) for cadence in Cadence if cadence is not Cadence.NOW]
    return Case(*whens, default=Value(Cadence.NOW.value), output_field=CharField())


def comes(known: NotificationType, question: Question, cadence: Cadence) -> Q:
    """This function will give the condition under which a type's e-mail comes so often, in sets that PostgreSQL reads once for all rows."""
    if always_at_once(known):
        return ALWAYS if cadence is Cadence.NOW else NEVER
    mine = question.of_user(EmailCadence.objects.all())
    found = comes_by_default(known, question, cadence)
    for scope in (str(known.category), known.scope):
        found = Q(Exists(mine.filter(scope=scope, cadence=cadence))) | (~Q(Exists(mine.filter(scope=scope))) & found)
    return is_locked(known, question) | found if cadence is Cadence.NOW else ~is_locked(known, question) & found


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
    for known in types_here(user_id):
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
