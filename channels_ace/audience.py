"""Who a message is for: users in order of id, a chunk at a time, and where a channel reaches them. Read next: send.py."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, F, FilteredRelation, Max, Q, QuerySet, Value

# People a transaction; a fan-out that is cut short goes on after the last one.
CHUNK = 20_000

Audience = QuerySet[Any] | Iterable[AbstractBaseUser] | Iterable[int]


class People:
    """An audience in chunks. Raises TypeError for a queryset of something else than users."""

    def __init__(self, audience: Audience) -> None:
        model = get_user_model()
        self._users: QuerySet[Any] = model._default_manager.all()
        self._ids: list[int] | None = None
        if isinstance(audience, QuerySet):
            if audience.model._meta.concrete_model is not model:
                raise TypeError(f"The audience is a queryset of {audience.model.__name__}, not of users.")
            # A slice has an order that must stay, and chunks need their own.
            if not audience.query.is_sliced:
                self._users = self._users.filter(pk__in=audience.order_by().values("pk"))
                return
        self._ids = sorted({person.pk if isinstance(person, AbstractBaseUser) else person for person in audience})

    def next_chunk(self, after: int) -> tuple[QuerySet[Any], int | None, bool]:
        """This function will give up to CHUNK people above an id, the last of their ids (None: nobody), and whether more may follow."""
        if self._ids is not None:
            ahead = self._ids[bisect_right(self._ids, after) :]
            ids = ahead[:CHUNK]
            return self._users.filter(pk__in=ids), ids[-1] if ids else None, len(ahead) > CHUNK
        rest = self._users.filter(pk__gt=after)
        found = rest.order_by("pk")[:CHUNK].aggregate(last=Max("pk"), people=Count("pk"))
        return rest.filter(pk__lte=found["last"] or after), found["last"], found["people"] == CHUNK


def with_contact(people: QuerySet[Any], kinds: Iterable[str]) -> QuerySet[Any]:
    """This function will add to each person the contact points a channel could use now, as `contact` and its blind index, a row each.

    Someone without one has one row in which both are null.
    """
    kinds = list(kinds)
    reached: QuerySet[Any]
    if not kinds:
        reached = people.annotate(contact=Value(0), contact_index=Value(""))
        return reached
    usable = Q(
        carillon_contact_points__kind__in=kinds,
        carillon_contact_points__verified_at__isnull=False,
        carillon_contact_points__removed_at=None,
    )
    reached = people.annotate(usable=FilteredRelation("carillon_contact_points", condition=usable))
    reached = reached.annotate(contact=F("usable__id"), contact_index=F("usable__index"))
    return reached
