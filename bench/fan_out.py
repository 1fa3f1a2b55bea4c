"""Planning: from one message to rows for its people. Read next: bare.py, channels_ace/send.py."""

import statistics
from collections.abc import Iterable
from uuid import uuid4

from accounts.models import User
from bench import bare
from bench.database import ask, settle
from bench.measure import Figure, Goal, figure, interleave, watch
from bench.people import CONTEXT, TYPE
from bench.world import NOW, World, empty
from notifications import inbox
from notifications.api import EVERYONE, notify

BROADCAST = "other.announcement"
INBOX, DELIVERIES = "carillon_notifications_inboxitem", "carillon_channels_delivery"


def say_to(people: int, channels: Iterable[str]) -> float:
    """This function will give the seconds of one message to so many people, with a key of its own, on empty tables."""
    empty()
    settle()
    key = uuid4().hex
    with watch() as taken:
        notify(
            type=TYPE,
            audience=User.objects.filter(pk__lte=people),
            context=CONTEXT,
            channels=channels,
            idempotency_key=key,
            now=NOW,
        )
    return taken.seconds


def to_inboxes(world: World) -> Figure:
    """This function will tell 100,000 people, with their choices for the type and its category."""
    return _to_inboxes("inbox", world.of(100_000), Goal(1.2), world)


def to_a_million(world: World) -> Figure:
    """This function will tell a million people, in chunks that can be resumed, by two workers."""
    return _to_inboxes("million", world.of(1_000_000), Goal(0.8), world)


def _to_inboxes(name: str, people: int, goal: Goal, world: World) -> Figure:
    say_to(people, ["inbox"])
    told = ask(f"SELECT count(*) FROM {INBOX}")  # noqa: S608
    held_back = ask(f"SELECT count(*) FROM {DELIVERIES}")  # noqa: S608
    ours, rows = interleave(world.repeats, lambda: say_to(people, ["inbox"]), lambda: bare.insert_fat_rows(people, told))
    return figure(name, people, goal, ours, rows, note=f"{told:,} told, {held_back:,} held back with their reason")


def to_all_channels(world: World) -> Figure:
    """This function will plan inbox, e-mail and push for 100,000 people, with every policy, writing what is held back too."""
    people = world.of(100_000)
    channels = ["inbox", "email", "push"]
    say_to(people, channels)
    rows = bare.keep_copies(INBOX, DELIVERIES)
    ours, copied = interleave(world.repeats, lambda: say_to(people, channels), lambda: bare.insert_copies(INBOX, DELIVERIES))
    return figure("channels", people, Goal(1.5), ours, copied, note=f"{rows:,} rows")


def to_everyone(world: World) -> Figure:
    """This function will tell a million people one thing after another, and look into the inbox of one of them each time."""
    people = world.of(1_000_000)
    empty()
    settle()
    said, looked, looked_again, bare_rows = [], [], [], []
    for number in range(max(20, world.of(200))):
        reader = 1 + number % people
        with watch() as taken:
            message = notify(type=BROADCAST, audience=EVERYONE, context={"title": "Tea at five"}, channels=["inbox"], now=NOW)
        said.append(taken.seconds)
        with watch() as taken:
            page = inbox.page(reader, NOW)
        if page.items[0].message_id != message.pk:
            raise AssertionError("What was said to everyone is not in an inbox.")
        looked.append(taken.seconds)
        with watch() as taken:
            inbox.page(reader, NOW)
        looked_again.append(taken.seconds)
        bare_rows.append(bare.insert_two_rows())
        if number % 10 == 9:
            # As many as are ever kept at once.
            empty()
    # From then on, whoever looks sees it.
    visible, bound = statistics.median(said), statistics.median(bare_rows)
    times = [f"{statistics.median(taken) * 1000:.1f} ms" for taken in (looked, looked_again)]
    return Figure(
        name="everyone",
        n=people,
        seconds=round(visible, 4),
        bare_seconds=round(bound, 4),
        ratio=round(visible / bound, 3),
        goal="visible in at most 5 ms at p50",
        ok=visible <= 0.005,
        note=f"a look that brings in up to ten of them {times[0]}, the next look {times[1]}",
    )
