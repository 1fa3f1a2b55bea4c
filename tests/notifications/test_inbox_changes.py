"""A copy that applies every page of changes ends equal to the inbox, whatever was done between and beside its questions."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from random import Random
from threading import Thread
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from channels_ace.api import EVERYONE, Message
from notifications import inbox, inbox_marks
from notifications.api import InboxItem, notify
from notifications.inbox_changes import Changes, Moment, Place, StartOver, changes
from notifications.inbox_retention import forget_old_items
from notifications.inbox_undo import TooLate, undo, undo_items, undo_read_all
from tests.factories import make_user

State = tuple[bool, bool, datetime | None, datetime | None]


class Copy:
    """What a phone keeps, and how it follows the pages it is given."""

    def __init__(self, person: User, *, size: int = 100) -> None:
        self.user_id, self.size = person.pk, size
        self.at: Moment | Place | None = None
        self.items: dict[int, tuple[datetime, State]] = {}

    def ask(self, now: datetime) -> Changes:
        page = changes(self.user_id, now, self.at, size=self.size)
        self.items |= {item.message_id: (item.message.created_at, state(item)) for item in page.items}
        self.items = {key: kept for key, kept in self.items.items() if kept[0] > page.kept_from}
        self.at = page.more or page.to
        return page

    def sync(self, now: datetime) -> list[int]:
        told: list[int] = []
        while True:
            page = self.ask(now)
            told += [item.message_id for item in page.items]
            if page.more is None:
                return told

    def states(self) -> dict[int, State]:
        return {key: kept[1] for key, kept in self.items.items()}


def state(item: InboxItem) -> State:
    return item.read_at is not None, item.seen_at is not None, item.archived_at, item.snoozed_until


def held(person: User, now: datetime) -> dict[int, State]:
    mark = inbox.mark_of(person.pk, now)
    found = list(inbox.items(person.pk, now))
    inbox.show_mark(found, *mark)
    return {item.message_id: state(item) for item in found}


def tell(*people: User, now: datetime | None = None) -> Message:
    return notify(type="other.announcement", audience=people, context={"title": "Labs"}, now=now)


@pytest.fixture
def ana() -> User:
    return make_user("ana")


class Doing:
    """Something that people and time do to an inbox, at random."""

    def __init__(self, person: User, chance: Random) -> None:
        self.person, self.chance, self.now = person, chance, timezone.now()
        self.undos: list[str] = []

    def some(self) -> list[InboxItem]:
        mine = list(inbox.items(self.person.pk, self.now))
        return self.chance.sample(mine, min(len(mine), self.chance.randint(1, 2)))

    def act(self) -> None:
        self.now += timedelta(minutes=self.chance.randint(1, 90))
        deed = self.chance.choice([*self.deeds(), self.say, self.say])
        deed()

    def deeds(self) -> Iterator[Callable[[], Any]]:
        yield self.wait
        yield self.take_back
        yield self.mark_all
        yield lambda: inbox_marks.mark_seen(self.person.pk, self.now)
        yield lambda: inbox_marks.archive_read(self.person.pk, self.now, through=self.newest())
        for change in (inbox_marks.mark_read, inbox_marks.archive):
            yield partial(self.change, partial(change, now=self.now))
        for back in (inbox_marks.mark_unread, inbox_marks.unarchive, inbox_marks.unsnooze):
            yield partial(self.change, partial(back, now=self.now))
        yield lambda: self.change(lambda items: self.snooze(items))

    def snooze(self, items: list[InboxItem]) -> None:
        inbox_marks.snooze(items, self.now + timedelta(minutes=self.chance.randint(5, 600)), self.now)

    def say(self) -> None:
        later = self.now + timedelta(minutes=self.chance.randint(5, 600)) if self.chance.random() < 0.3 else None
        audience = EVERYONE if self.chance.random() < 0.3 else [self.person]
        notify(type="other.announcement", audience=audience, context={"title": "Labs"}, send_after=later, now=self.now)

    def wait(self) -> None:
        self.now += timedelta(days=self.chance.randint(0, 3))
        forget_old_items(self.now)

    def newest(self) -> int:
        return max(inbox.items(self.person.pk, self.now).values_list("message_id", flat=True), default=0)

    def mark_all(self) -> None:
        before = inbox.mark_of(self.person.pk, self.now)
        ids = sorted(inbox.items(self.person.pk, self.now).values_list("message_id", flat=True))
        through = self.chance.choice(ids) if ids else 0
        watermark = inbox_marks.mark_all_read(self.person.pk, self.now, through=through)
        self.undos.append(undo_read_all(self.person.pk, watermark, *before))

    def change(self, deed: Callable[[list[InboxItem]], Any]) -> None:
        if items := self.some():
            self.undos.append(undo_items(items))
            deed(items)

    def take_back(self) -> None:
        if self.undos:
            try:
                undo(self.person.pk, self.undos.pop(), self.now)
            except TooLate:
                return


# Transactions that end: within one, everything counts as changed.
@pytest.mark.django_db(transaction=True)
def test_a_copy_ends_equal_to_the_inbox_whatever_is_done_between_its_questions(settings: LazySettings) -> None:
    settings.INBOX_DAYS = 14
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "KEPT_ONCE_ABOVE": 0}
    for seed in range(6):
        for copied, inbox_holds in _live_and_sync(make_user(), seed):
            assert copied == inbox_holds, f"seed {seed}"


def _live_and_sync(ana: User, seed: int) -> Iterator[tuple[Any, Any]]:
    """This function will live through twelve turns, and give after each what the copy holds and what the inbox does."""
    chance = Random(seed)
    doing = Doing(ana, chance)
    copy = Copy(ana, size=3)
    for _turn in range(12):
        for _deed in range(chance.randint(0, 6)):
            doing.act()
        # A phone that is cut off goes on from the page it had, while the inbox goes on too.
        if chance.random() < 0.5:
            copy.ask(doing.now)
            doing.act()
        try:
            copy.sync(doing.now)
            # What changed below a page that had been given is found the next time.
            copy.sync(doing.now)
        except StartOver:
            copy = Copy(ana, size=3)
            copy.sync(doing.now)
        yield copy.states(), held(ana, doing.now)


@pytest.mark.django_db(transaction=True)
def test_each_change_is_told_once(ana: User) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite does not number what is written: everything is told each time")
    now = timezone.now()
    first, second, third = (tell(ana) for _ in range(3))
    copy = Copy(ana)
    assert copy.sync(now) == [third.pk, second.pk, first.pk]

    items = {message: list(InboxItem.objects.filter(message=message)) for message in (second, third)}
    inbox_marks.snooze(items[third], now + timedelta(hours=1), now)
    later = notify(type="other.announcement", audience=[ana], context={"title": "Labs"}, send_after=now + timedelta(hours=1), now=now)
    _catch_up(copy, now)
    assert copy.sync(now + timedelta(minutes=59)) == []
    assert copy.sync(now + timedelta(minutes=61)) == [later.pk, third.pk]
    assert copy.sync(now + timedelta(minutes=62)) == []
    inbox_marks.mark_read(items[second], now)
    inbox_marks.mark_all_read(ana.pk, now, through=second.pk)
    assert copy.sync(now + timedelta(minutes=62)) == [second.pk, first.pk]


def _catch_up(copy: Copy, now: datetime) -> None:
    # What was written while anything else on this server is open is told again until that has ended. SQLite tells everything each time.
    end = time.monotonic() + 60
    while copy.sync(now) and connection.vendor == "postgresql" and time.monotonic() < end:
        time.sleep(0.1)


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_late_is_not_skipped(ana: User) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    now = timezone.now()
    early = tell(ana)
    copy = Copy(ana)
    late: list[int] = []

    def beside(deed: Callable[[], None]) -> None:
        thread = Thread(target=deed)
        thread.start()
        thread.join()

    with transaction.atomic():
        # A message and, within a savepoint, a change: both written before what comes beside, and committed after it.
        late.append(tell(ana).pk)
        with transaction.atomic():
            inbox_marks.archive(list(InboxItem.objects.filter(message=early)), now)

        def say_and_sync() -> None:
            tell(ana)
            copy.sync(now)
            connection.close()

        beside(say_and_sync)
        assert late[0] not in copy.items

    copy.sync(now)

    assert copy.states() == held(ana, now)
    assert len(copy.states()) == 3


@pytest.mark.django_db(transaction=True)
def test_a_mark_that_is_set_and_taken_back_between_two_pages_leaves_no_trace(ana: User) -> None:
    now = timezone.now()
    for _ in range(3):
        tell(ana)
    copy = Copy(ana, size=1)
    copy.ask(now)
    before = inbox.mark_of(ana.pk, now)
    watermark = inbox_marks.mark_all_read(ana.pk, now)
    copy.ask(now)
    undo(ana.pk, undo_read_all(ana.pk, watermark, *before), now)

    copy.sync(now)
    _catch_up(copy, now)

    assert copy.states() == held(ana, now)


@pytest.mark.django_db
def test_a_page_takes_three_statements_however_much_changed(ana: User, django_assert_num_queries: Any) -> None:
    now = timezone.now()
    copy = Copy(ana)
    tell(ana)
    copy.sync(now)
    for _ in range(8):
        tell(ana)
    expected = 3 if connection.vendor == "postgresql" else 2

    with django_assert_num_queries(expected):
        copy.sync(now)


@pytest.mark.django_db
def test_nobody_gets_what_is_anothers(ana: User) -> None:
    ben = make_user("ben")
    tell(ana, ben)
    tell(ben)

    assert len(Copy(ana).sync(timezone.now())) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "unlike",
    [
        {"database": "of a backup"},
        {"transaction": 2**62},
        {"at": timezone.now() - timedelta(days=61)},
        # Items that were over for the copy are kept again.
        {"kept_days": 30.0},
    ],
)
def test_a_cursor_that_tells_nothing_any_more_says_to_start_over(ana: User, unlike: dict[str, Any]) -> None:
    now = timezone.now()
    known = changes(ana.pk, now, None).to

    with pytest.raises(StartOver):
        changes(ana.pk, now, Moment(**{**vars(known), **unlike}))
