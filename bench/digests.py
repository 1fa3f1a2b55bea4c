"""Summaries: what building one takes for each person who has something due. Read next: channels_ace/gather.py."""

from datetime import timedelta

from accounts.models import User
from bench.database import ask, run, settle
from bench.measure import Figure, Goal, figure, interleave, watch
from bench.people import CONTEXT, TYPE, TYPE_SCOPE, make_people
from bench.world import NOW, World, empty
from channels_ace.api import gather_all
from notifications.api import notify

EACH = 6
# A Wednesday; a day later it has been five in the afternoon everywhere, which is when daily summaries go. Weekly ones go on another day.
SAID = NOW + timedelta(days=2)
AT = SAID + timedelta(hours=25, minutes=5)


def for_those_who_are_due(world: World) -> Figure:
    """This function will build the daily summaries of 2,000 people, while ten times as many wait for their weekly one."""
    due = world.of(2_000)
    make_people(11 * due, 11 * due)
    _choose("daily", 1, due)
    _choose("weekly", due + 1, 11 * due)
    try:
        ours, alone = interleave(world.repeats, lambda: _build(11 * due), lambda: _build(due))
        built = ask("SELECT count(*) FROM carillon_channels_message WHERE type = 'digest.summary'")
    finally:
        run("DELETE FROM carillon_notifications_emailcadence WHERE scope = %s", [TYPE_SCOPE])
    note = f"{1000 * ours / max(built, 1):.1f} ms for each of {built:,} who want theirs, of {EACH} items"
    return figure("digest", due, Goal(1.2), ours, alone, note=note)


def _choose(cadence: str, first: int, last: int) -> None:
    run(
        """INSERT INTO carillon_notifications_emailcadence (user_id, scope, cadence, changed_at)
        SELECT n, %s, %s, '2026-01-01' FROM generate_series(%s, %s) n ON CONFLICT DO NOTHING""",
        [TYPE_SCOPE, cadence, first, last],
    )


def _build(people: int) -> float:
    """This function will give the seconds in which the summaries of those who are due are built."""
    empty()
    for number in range(EACH):
        notify(
            type=TYPE,
            audience=User.objects.filter(pk__lte=people),
            context=CONTEXT,
            channels=["email"],
            idempotency_key=str(number),
            now=SAID,
        )
    # Each is looked at once, to be told its day and hour; from then on it waits for that.
    gather_all(SAID + timedelta(minutes=1))
    run("ANALYZE carillon_channels_delivery, carillon_channels_message")
    settle()
    with watch() as taken:
        gather_all(AT)
    return taken.seconds
