from datetime import UTC, datetime, timedelta
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from accounts.models import User
from channels_ace.api import Delivery, Message
from notifications.date_import import import_dates
from notifications.date_reminders import nominal, tick_dates
from notifications.date_rows import read_dates
from notifications.inbox import words
from notifications.models import CourseDate, CourseMembership, DateChoice, DateReminder, InboxItem, Submission
from tests.factories import COURSE, make_member, make_user

DUE = datetime(2026, 6, 20, 16, tzinfo=UTC)
EVE = DUE - timedelta(days=1)


def make_date(at: datetime = DUE, external_id: str = "lab", user: User | None = None) -> CourseDate:
    return CourseDate.objects.create(
        course_key=COURSE, external_id=external_id, user=user, kind="assignment", title="Lab", at=at, changed_at=DUE - timedelta(days=30)
    )


def readers() -> list[str]:
    return sorted(InboxItem.objects.values_list("user__username", flat=True))


def learner(name: str, zone: str = "UTC") -> User:
    return make_member(make_user(name, time_zone=zone))


@pytest.mark.django_db
def test_a_learner_is_reminded_a_day_before_and_only_once() -> None:
    make_date()
    learner("ana")
    assert tick_dates(EVE - timedelta(minutes=1)) == 0
    assert tick_dates(EVE) == 1
    assert tick_dates(EVE + timedelta(minutes=1)) == 0
    assert readers() == ["ana"]


@pytest.mark.django_db
def test_a_tick_that_was_missed_is_made_up_for_while_it_is_fresh() -> None:
    make_date()
    learner("ana")
    assert tick_dates(EVE + timedelta(hours=13)) == 0
    assert tick_dates(EVE + timedelta(hours=11)) == 1


@pytest.mark.django_db
def test_everyone_of_a_zone_is_told_by_one_message_in_their_own_time() -> None:
    make_date()
    for number in range(20):
        learner(f"b{number}", "Europe/Berlin")
    learner("kim", "Asia/Kolkata")
    # 21:30 of the eve in Kolkata is past the waking hours, so it comes at 21:00.
    assert tick_dates(EVE) == 2
    said = {words(item, "en")["title"] for item in InboxItem.objects.all()}
    assert said == {"“Lab” is due on June 20, 2026 18:00 UTC+02:00.", "“Lab” is due on June 20, 2026 21:30 UTC+05:30."}
    assert Message.objects.count() == 2


@pytest.mark.django_db
def test_nobody_is_reminded_who_handed_in_or_left_or_lives_elsewhere() -> None:
    date = make_date()
    Submission.objects.create(course_key=COURSE, external_id=date.external_id, user=learner("done"), submitted_at=EVE)
    make_member(make_user("left"), is_active=False)
    make_member(make_user("other"), "course-v1:other")
    learner("ana")
    tick_dates(EVE)
    assert readers() == ["ana"]


@pytest.mark.django_db
def test_an_own_date_takes_the_place_of_the_courses() -> None:
    make_date()
    make_date(DUE + timedelta(days=7), user=learner("ana"))
    learner("ben")
    tick_dates(EVE)
    assert readers() == ["ben"]
    tick_dates(EVE + timedelta(days=7))
    assert readers() == ["ana", "ben"]


@pytest.mark.django_db
@pytest.mark.parametrize(("before", "chosen"), [(7 * 24, "week"), (24, "ben"), (3, "three")])
def test_each_is_reminded_when_they_chose(before: int, chosen: str) -> None:
    make_date()
    learner("ben")
    DateChoice.objects.create(user=learner("week"), week_before=True, day_before=False)
    DateChoice.objects.create(user=learner("three"), day_before=False, hours_before=3)
    DateChoice.objects.create(user=learner("calendar"), changes_only=True)
    tick_dates(DUE - timedelta(hours=before))
    assert readers() == [chosen]


@pytest.mark.django_db
def test_a_date_that_moves_cancels_what_waits_and_reminds_anew() -> None:
    row = f"course_key,external_id,kind,title,when\n{COURSE},lab,assignment,Lab,"
    import_dates(read_dates(f"{row}{DUE.isoformat()}\n".encode())[0], EVE - timedelta(days=9))
    make_member(make_user("ana", email="ana@example.org"))
    tick_dates(EVE)
    import_dates(read_dates(f"{row}{(DUE + timedelta(days=5)).isoformat()}\n".encode())[0], EVE + timedelta(hours=1))
    tick_dates(EVE + timedelta(hours=1))
    assert set(Delivery.objects.filter(channel="email", message__type="dates.assignment_due").values_list("state", flat=True)) == {
        "cancelled"
    }
    tick_dates(EVE + timedelta(days=5))
    assert DateReminder.objects.filter(lead=24, message__isnull=False).count() == 2


@pytest.mark.django_db
def test_those_who_heard_the_earlier_time_are_told_once_that_it_moved() -> None:
    date = make_date()
    learner("ana")
    tick_dates(EVE)
    learner("late")
    DateChoice.objects.create(user=learner("calendar"), changes_only=True)
    later = EVE + timedelta(hours=1)
    CourseDate.objects.filter(pk=date.pk).update(at=DUE + timedelta(days=5), sequence=1, moved_at=later)
    tick_dates(later)
    tick_dates(later + timedelta(minutes=1))
    told = InboxItem.objects.filter(message__type="dates.due_date_changed")
    assert sorted(told.values_list("user__username", flat=True)) == ["ana", "calendar"]


@pytest.mark.django_db
def test_a_date_that_is_cancelled_is_not_spoken_of() -> None:
    date = make_date()
    date.cancelled_at = EVE
    date.save()
    learner("ana")
    assert tick_dates(EVE) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "due", "said"),
    [
        # The clock goes forward between: still the same hour of the wall clock.
        ("Europe/Berlin", datetime(2026, 3, 29, 16, tzinfo=UTC), datetime(2026, 3, 28, 17, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 17, tzinfo=UTC), datetime(2026, 10, 31, 16, tzinfo=UTC)),
        # Nobody is woken: 23:59 is told at 21:00, 03:00 on the evening before.
        ("UTC", datetime(2026, 6, 20, 23, 59, tzinfo=UTC), datetime(2026, 6, 19, 21, tzinfo=UTC)),
        ("UTC", datetime(2026, 6, 20, 3, tzinfo=UTC), datetime(2026, 6, 18, 21, tzinfo=UTC)),
    ],
)
def test_a_day_before_is_a_day_of_the_wall_clock_and_never_at_night(zone: str, due: datetime, said: datetime) -> None:
    assert nominal(make_date(due), 24, ZoneInfo(zone)) == said


@pytest.mark.django_db
def test_a_tick_asks_as_much_for_a_hundred_as_for_one(django_assert_max_num_queries: object) -> None:
    make_date()
    users = User.objects.bulk_create([User(username=f"many{number}") for number in range(100)])
    CourseMembership.objects.bulk_create([CourseMembership(course_key=COURSE, user=user) for user in users])
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        tick_dates(EVE)
    assert len(readers()) == 100


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'")
def test_two_ticks_at_once_say_it_once() -> None:
    make_date()
    learner("ana")

    def run() -> None:
        tick_dates(EVE)
        connection.close()

    ticks = [Thread(target=run) for _ in range(2)]
    for one in ticks:
        one.start()
    for one in ticks:
        one.join()
    assert readers() == ["ana"]
    assert DateReminder.objects.count() == 1
