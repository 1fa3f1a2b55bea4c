"""Reading: what an inbox of many takes, beside the least that it could take. Read next: learners.py, notifications/inbox.py.

Everything is asked of learners taken in turn, in this process. The list is the view of the API alone, and so is what it is compared with:
web server, middleware, sign-in and limits are the same for all, and would hide what differs.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import cycle, islice
from statistics import median
from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIRequestFactory, force_authenticate

from accounts.models import User
from bench.database import ask
from bench.learners import FEW, MANY, SOME, Learners, learners
from bench.measure import Figure, Goal, figure, interleave
from bench.processor import beside
from bench.stock import NothingView, StockView
from bench.world import World
from channels_ace.api import Message
from notifications import inbox, inbox_lines, inbox_marks
from notifications.models import Broadcast
from notifications.rest_api.inbox import InboxView

# How often something is asked in one measurement, each time of the next learner.
TIMES = 200
# Seconds are told for so many: one takes less than the table can show.
HUNDRED = 100
READERS = 40
BROADCASTS = 10

Asked = Callable[[int], object]
View = Callable[..., Any]

OPEN: dict[str, Any] = {"authentication_classes": [], "permission_classes": [], "throttle_classes": []}
REQUESTS = APIRequestFactory()


OURS = InboxView.as_view(**OPEN)
STOCK, NOTHING = StockView.as_view(**OPEN), NothingView.as_view(**OPEN)


def list_beside_stock(world: World) -> Figure:
    """This function will list inboxes through the API, beside a model serializer over fat rows."""
    return _list("list", STOCK, Goal(6, at_least=True), world)


def list_beside_nothing(world: World) -> Figure:
    """This function will list inboxes through the API, beside a view that answers {}."""
    return _list("list2", NOTHING, Goal(0.5, at_least=True), world)


def _list(name: str, view: View, goal: Goal, world: World) -> Figure:
    with learners(world) as made:
        users = User.objects.in_bulk(_readers(made))
        ours, bare, worked = beside(
            world.repeats,
            goal,
            lambda: _median(lambda user: _call(OURS, users[user]), list(users)),
            lambda: _median(lambda user: _call(view, users[user]), list(users)),
        )
        rows = ask("SELECT count(*) FROM carillon_notifications_inboxitem")
    return figure(name, rows, goal, ours, bare, note=f"{HUNDRED / ours:,.0f} a second against {HUNDRED / bare:,.0f}, {worked}")


def _call(view: View, user: User) -> None:
    request = REQUESTS.get("/api/v1/inbox/")
    force_authenticate(request, user)
    answer = view(request).render()
    if answer.status_code != 200:
        raise AssertionError(answer.content)


def page_500(world: World) -> Figure:
    """This function will turn to the page that 10,000 newer items stand above, beside the first."""
    goal = Goal(1.2)
    with learners(world) as made:
        now, user_id = timezone.now(), made.of(MANY)[0]
        ids = inbox.items(user_id, now).order_by("-message_id").values_list("message_id", flat=True)
        skipped = min(9_980, made.items(MANY) // 2)
        before = ids[skipped]
        ours, bare, worked = beside(
            world.repeats,
            goal,
            lambda: _median(lambda _user: _page(user_id, now, before=before), [user_id]),
            lambda: _median(lambda _user: _page(user_id, now), [user_id]),
        )
    return figure("deep", skipped, goal, ours, bare, note=f"{worked}; nothing stands on top of it that came back from a snooze")


def _page(user_id: int, now: datetime, *, before: int | None = None) -> object:
    return inbox_lines.lines(user_id, now, before=before, size=20)


def unread_counts(world: World) -> Figure:
    """This function will count what is unread, in all and for each tab, beside an empty round trip."""
    return _beside_a_round_trip("tabs", world, inbox.counts, "unread by category")


def unseen_badge(world: World) -> Figure:
    """This function will count what the bell shows, beside an empty round trip."""
    return _beside_a_round_trip("badge", world, inbox.badge, "unseen, up to a hundred")


def _beside_a_round_trip(name: str, world: World, count: Callable[[int, datetime], object], what: str) -> Figure:
    goal = Goal(2.5)
    with learners(world) as made:
        now, readers = timezone.now(), _readers(made)
        ours, bare, worked = beside(
            world.repeats,
            goal,
            lambda: _median(lambda user: count(user, now), readers),
            lambda: _median(lambda _user: ask("SELECT 1"), readers),
        )
    return figure(name, TIMES, goal, ours, bare, note=f"{what}; {worked}")


def list_with_broadcasts(world: World) -> Figure:
    """This function will list a page where ten things were said to everyone, beside the same inboxes without."""
    return _with_broadcasts("merged", _page, Goal(1.15), world)


def counts_with_broadcasts(world: World) -> Figure:
    """This function will count for tabs and badge where ten things were said to everyone, beside the same inboxes without."""
    return _with_broadcasts("merged2", inbox.tally, Goal(2), world)


def _with_broadcasts(name: str, asked: Callable[[int, datetime], object], goal: Goal, world: World) -> Figure:
    with learners(world) as made, _taken_back():
        now, readers = timezone.now(), _readers(made)

        def said() -> float:
            _say_to_everyone(made)
            return _median(lambda user: asked(user, now), readers)

        def unsaid() -> float:
            Broadcast.objects.all().delete()
            return _median(lambda user: asked(user, now), readers)

        _say_to_everyone(made)
        for user in readers:
            # What was said comes in with the first look; measured is every later one.
            asked(user, now)
        ours, bare, worked = beside(world.repeats, goal, said, unsaid)
    return figure(name, BROADCASTS, goal, ours, bare, note=f"{worked}; what had come in stays on both sides")


def _say_to_everyone(made: Learners) -> None:
    newest = Message.objects.order_by("-pk").values_list("pk", "created_at")[:BROADCASTS]
    said = [Broadcast(message_id=message, through_user_id=made.people, begins_at=at) for message, at in newest]
    Broadcast.objects.bulk_create(said, ignore_conflicts=True)


def mark_all(world: World) -> Figure:
    """This function will mark about a thousand items as read, beside one."""
    with learners(world) as made:
        now, readers = timezone.now(), list(made.of(SOME))[: READERS * 4]

        def one(user: int) -> None:
            # To mark what is read already would change nothing, and tell no device.
            item = inbox.unread(user, now).order_by("-message_id")[0]
            began = time.perf_counter()
            inbox_marks.mark_read([item], now)
            spent.append(time.perf_counter() - began)

        def every(user: int) -> None:
            began = time.perf_counter()
            inbox_marks.mark_all_read(user, now)
            spent.append(time.perf_counter() - began)

        spent: list[float] = []

        def timed(deed: Asked) -> float:
            spent.clear()
            for user in readers[:READERS]:
                with _taken_back():
                    deed(user)
            return HUNDRED * median(spent)

        ours, bare = interleave(world.repeats, lambda: timed(every), lambda: timed(one))
    return figure("mark", made.items(SOME), Goal(1.5), ours, bare, note="each is taken back, so neither side pays for its commit")


@contextmanager
def _taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _readers(made: Learners) -> list[int]:
    few = list(islice(made.of(FEW), 0, None, max(1, len(made.of(FEW)) // READERS)))[:READERS]
    return few + list(made.of(SOME))[: max(1, READERS // 8)]


def _median(asked: Asked, readers: Sequence[int]) -> float:
    for user in readers:
        asked(user)
    spent = []
    for user in islice(cycle(readers), TIMES):
        began = time.perf_counter()
        asked(user)
        spent.append(time.perf_counter() - began)
    return HUNDRED * median(spent)
