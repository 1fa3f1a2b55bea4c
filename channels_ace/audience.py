"""Who a message is for: users in order of id, a chunk at a time, and where a channel reaches them. Read next: send.py."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import Count, F, FilteredRelation, Max, Q, QuerySet, Value

from channels_ace.models import FanOut

# People a transaction; a fan-out that is cut short goes on after the last one.
CHUNK = 20_000


@dataclass(frozen=True)
class Everyone:
    """All who can sign in. `through` is the last of them, once it is fixed: whoever joins later is not meant."""

    through: int | None = None


EVERYONE = Everyone()

Audience = QuerySet[Any] | Iterable[AbstractBaseUser] | Iterable[int] | Everyone


class Cut(NamedTuple):
    """The next chunk: the last of its ids (None: nobody), how many people it has, and whether more may follow."""

    last: int | None
    people: int
    is_more: bool


class People:
    """An audience in chunks. Raises TypeError for a queryset of something else than users."""

    def __init__(self, audience: Audience) -> None:
        model = get_user_model()
        self._users: QuerySet[Any] = model._default_manager.all()
        self._audience: QuerySet[Any] | None = None
        self._ids: list[int] | None = None
        self.everyone: Everyone | None = None
        if isinstance(audience, Everyone):
            self.everyone = audience
            able = self._users.filter(is_active=True)
            self._audience = able if audience.through is None else able.filter(pk__lte=audience.through)
            return
        if isinstance(audience, QuerySet):
            if audience.model._meta.concrete_model is not model:
                raise TypeError(f"The audience is a queryset of {audience.model.__name__}, not of users.")
            # A slice has an order that must stay, and chunks need their own.
            if not audience.query.is_sliced:
                self._audience = audience.order_by()
                return
        self._ids = sorted({person.pk if isinstance(person, AbstractBaseUser) else person for person in audience})

    @property
    def are_asked_for(self) -> bool:
        """Whether `between` is the same query for all, but for its bounds."""
        return self._ids is None

    def cut(self, after: int, before: int | None = None, *, most: int | None = None) -> Cut:
        """This function will find up to `most` people between two ids, and never more than CHUNK."""
        most = min(most or CHUNK, CHUNK)
        if self._ids is not None:
            ahead = self._ids[bisect_right(self._ids, after) : None if before is None else bisect_left(self._ids, before)]
            return Cut(ahead[:most][-1] if ahead else None, len(ahead[:most]), len(ahead) > most)
        rest = self._within(pk__gt=after) if before is None else self._within(pk__gt=after, pk__lt=before)
        found = rest.order_by("pk")[:most].aggregate(last=Max("pk"), people=Count("pk"))
        return Cut(found["last"], found["people"], found["people"] == most)

    def has_more_than(self, number: int) -> bool:
        """This function will tell whether there are more people than that, and count no further."""
        if self._ids is not None:
            return len(self._ids) > number
        return self._within(pk__gt=0).order_by("pk")[number : number + 1].exists()

    def write_down(self, message_id: int, now: datetime) -> None:
        """This function will keep the ids of all of them (FanOut). A queryset is written by the database: no id passes through Python."""
        if self.everyone and self.everyone.through is not None:
            FanOut.objects.create(message_id=message_id, everyone_through=self.everyone.through, begun_at=now)
            return
        if self._ids is not None:
            ids = ",".join(map(str, self._ids))
            FanOut.objects.create(message_id=message_id, user_ids=ids, people=len(self._ids), begun_at=now)
            return
        statement, parameters = self._within(pk__gt=0).order_by().values("pk").query.sql_with_params()
        # In no order: sorting takes ten times as long as all the rest, and whoever reads them sorts.
        joined = "string_agg(id::text, ',')" if connection.vendor == "postgresql" else "group_concat(id, ',')"
        insert = f"INSERT INTO {FanOut._meta.db_table} (message_id, begun_at, trouble, user_ids, people)"
        with connection.cursor() as cursor:
            cursor.execute(
                f"{insert} WITH people(id) AS ({statement}) SELECT %s, %s, '', {joined}, count(*) FROM people",  # noqa: S608
                [*parameters, message_id, connection.ops.adapt_datetimefield_value(now)],
            )

    def between(self, first: int, last: int) -> QuerySet[Any]:
        """This function will give the people from one id to another."""
        if self._ids is not None:
            return self._users.filter(pk__in=self._ids[bisect_left(self._ids, first) : bisect_right(self._ids, last)])
        return self._within(pk__gte=first, pk__lte=last)

    def _within(self, **bounds: int) -> QuerySet[Any]:
        if self._audience is None:
            return self._users.filter(**bounds)
        if self._audience.query.combinator:
            # Nothing can be filtered after UNION and the like.
            return self._users.filter(pk__in=self._audience.values("pk"), **bounds)
        asked = self._audience.filter(**bounds)
        # With bounds on both sides of IN, PostgreSQL expects a fifth of the rows that come, and joins the rest one by one.
        return asked if _is_a_row_each(asked) else self._users.filter(pk__in=asked.values("pk"))


def _is_a_row_each(users: QuerySet[Any]) -> bool:
    """This function will tell whether a queryset reads the users' own table and nothing else, so that nobody can come twice."""
    asked = users.query
    more = asked.distinct or asked.annotations or asked.extra or asked.group_by or asked.values_select or asked.select_related
    return not more and len(asked.alias_map) <= 1


def with_contact(
    people: QuerySet[Any], kinds: Iterable[str], among: tuple[int, int] | None = None, *, verified: bool = True
) -> QuerySet[Any]:
    """This function will add to each person the contact points a channel could use now, as `contact` and its blind index, a row each.

    Someone without one has one row in which both are null. `among` are the lowest and the highest id of the people, where known.
    Only what verifies an address asks for those that are not `verified`.
    """
    kinds = list(kinds)
    reached: QuerySet[Any]
    if not kinds:
        reached = people.annotate(contact=Value(0), contact_index=Value(""))
        return reached
    usable = Q(carillon_contact_points__kind__in=kinds, carillon_contact_points__removed_at=None)
    if verified:
        usable &= Q(carillon_contact_points__verified_at__isnull=False)
    if among:
        usable &= Q(carillon_contact_points__user_id__gte=among[0], carillon_contact_points__user_id__lte=among[1])
    reached = people.annotate(usable=FilteredRelation("carillon_contact_points", condition=usable))
    reached = reached.annotate(contact=F("usable__id"), contact_index=F("usable__index"))
    return reached


def with_zone(people: QuerySet[Any], among: tuple[int, int]) -> QuerySet[Any]:
    """This function will add where each person is, as `place__time_zone`."""
    here = Q(carillon_recipient__user_id__gte=among[0], carillon_recipient__user_id__lte=among[1])
    placed: QuerySet[Any] = people.annotate(place=FilteredRelation("carillon_recipient", condition=here))
    return placed
