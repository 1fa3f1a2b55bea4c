"""Several that become one: summaries, the buffer, and what waited for the morning. E1 to E8 are the ancestor's defects."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from channels_ace.api import Delivery, Message, Refused, explain, gather, gather_all
from channels_ace.delivery import deliver, deliver_all
from notifications.api import choose, choose_cadence, mute, notify
from notifications.digest import DAILY, DIGEST, WEEKLY, next_slot
from notifications.inbox_marks import mark_all_read, snooze
from notifications.models import InboxItem, Preference
from notifications.resting import choose_summaries, rest_of, summaries_of
from tests.channels_ace.saying import say
from tests.factories import NOW, make_user
from tests.fakes.doubles import Doubles

pytestmark = pytest.mark.django_db
State = Delivery.State
# NOW is a Monday noon in UTC, where everybody here lives unless another place is named.
FIVE = NOW.replace(hour=17)


@pytest.fixture(autouse=True)
def buffer(settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "BUFFER_MINUTES": 15}


def learner(cadence: str = "daily", time_zone: str = "UTC") -> int:
    user = make_user(email=f"{cadence}{len(mail.outbox)}@example.org", time_zone=time_zone)
    choose_cadence(user.pk, "discussion", cadence, now=NOW)
    return int(user.pk)


def answer(user_id: int, at: datetime = NOW, title: str = "Why?", scope: str = "") -> Message:
    context = {"replier_name": "lee", "post_title": title, "course_name": "Science"}
    return notify(type="discussion.new_response", audience=[user_id], context=context, channels=["inbox", "email"], now=at, scope=scope)


def run(*moments: datetime) -> list[list[str]]:
    """This function will let a worker run at each moment, and give the subjects that left at each."""
    subjects = []
    for moment in moments:
        before = len(mail.outbox)
        deliver_all(moment)
        subjects.append([str(sent.subject) for sent in mail.outbox[before:]])
    return subjects


def html_of(sent: mail.EmailMessage) -> str:
    assert isinstance(sent, mail.EmailMultiAlternatives)
    return str(sent.alternatives[0][0])


def ends() -> Counter[tuple[str, str]]:
    return Counter(Delivery.objects.exclude(message__type=DIGEST).values_list("state", "reason"))


def test_a_daily_summary_goes_out_at_five_and_stands_for_all_of_the_day() -> None:
    user = learner()
    message = answer(user)
    answer(user, NOW + timedelta(hours=1), "How?")
    assert run(NOW, FIVE - timedelta(seconds=1), FIVE, FIVE + timedelta(hours=1)) == [[], [], ["Your day: 2 notifications"], []]
    assert ends() == {(State.IN_DIGEST, "in_digest"): 2}
    digest = Message.objects.get(type=DIGEST)
    assert set(Delivery.objects.exclude(message=digest).values_list("digest_id", flat=True)) == {digest.pk}
    assert [found.words for found in explain(message, user)] == ["It was part of the summary of 17:00."]


def test_plain_text_and_html_name_the_same() -> None:
    user = learner()
    for number in range(7):
        answer(user, NOW + timedelta(minutes=number), f"Question {number}")
    run(NOW, FIVE)
    sent = mail.outbox[0]
    html = html_of(sent)
    for number in (6, 5, 4, 3, 2):
        assert f"Question {number}" in sent.body
        assert f"Question {number}" in html
    assert "Question 1" not in sent.body + html
    assert "and 2 more" in sent.body
    assert "and 2 more" in html
    assert "Discussion · Science" in sent.body


def test_each_of_mixed_cadences_gets_its_own_e1_e2() -> None:
    user = make_user(email="ana@example.org").pk
    choose_cadence(user, "discussion", "daily", now=NOW)
    choose_cadence(user, "updates.course_updates", "weekly", now=NOW)
    tuesday = NOW + timedelta(days=1)
    answer(user, tuesday)
    notify(
        type="updates.course_updates",
        audience=[user],
        context={"course_update_content": "x", "course_name": "S"},
        channels=["email"],
        now=tuesday,
    )
    notify(type="account.password_changed", audience=[user], channels=["email"], now=tuesday)
    assert len(run(tuesday)[0]) == 1
    assert run(FIVE + timedelta(days=1)) == [["Your day: 1 notification"]]
    assert run(FIVE + timedelta(days=7)) == [["Your week: 1 notification"]]


def test_all_who_want_it_at_once_get_it_at_once_e3() -> None:
    people = [make_user(email=f"p{number}@example.org") for number in range(90)]
    context = {"replier_name": "lee", "post_title": "Why?"}
    notify(type="discussion.new_response", audience=people, context=context, channels=["email"], now=NOW)
    assert len(run(NOW)[0]) == 90


def test_a_summary_that_the_server_refused_is_sent_later_and_not_recorded_as_sent_e4(doubles: Doubles) -> None:
    user = learner()
    answer(user)
    gather_all(NOW)
    gather_all(FIVE)
    digest = Delivery.objects.get(message__type=DIGEST)
    doubles.faults.script("smtp", "throttle")

    deliver(FIVE)
    digest.refresh_from_db()
    refused = digest.state
    deliver_all(digest.due_at)

    digest.refresh_from_db()
    assert refused in (State.READY, State.DEFERRED)
    assert digest.state == State.ACCEPTED
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [False, True]


def test_a_late_worker_leaves_nothing_out_e5() -> None:
    user = learner()
    answer(user, NOW)
    run(NOW)
    answer(user, NOW + timedelta(days=1))
    assert run(FIVE + timedelta(days=2, hours=4), FIVE + timedelta(days=3)) == [["Your day: 2 notifications"], []]


def test_running_twice_or_after_a_crash_makes_one_summary_e6() -> None:
    user = learner()
    answer(user)
    gather_all(NOW)
    gather_all(FIVE)
    # The worker is killed here, before anything is sent; others gather again.
    gather_all(FIVE)
    gather_all(FIVE + timedelta(minutes=1))
    assert Message.objects.filter(type=DIGEST).count() == 1
    assert run(FIVE + timedelta(minutes=1), FIVE + timedelta(minutes=2)) == [["Your day: 1 notification"], []]


def test_what_comes_in_after_the_summary_waits_for_the_next_one() -> None:
    user = learner()
    answer(user, FIVE - timedelta(seconds=2))
    assert len(run(FIVE)[0]) == 1
    # Planned a moment before, committed a moment after.
    answer(user, FIVE - timedelta(seconds=1), "late")
    assert run(FIVE + timedelta(seconds=5)) == [[]]
    assert len(run(FIVE + timedelta(days=1))[0]) == 1


@pytest.mark.parametrize(
    ("zone", "after", "slot"),
    [
        ("America/New_York", datetime(2026, 3, 7, 22, 30, tzinfo=UTC), datetime(2026, 3, 8, 21, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 10, 31, 21, tzinfo=UTC), datetime(2026, 11, 1, 22, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 3, 2, 11, 29, tzinfo=UTC), datetime(2026, 3, 2, 11, 30, tzinfo=UTC)),
        ("Mars/Base", datetime(2026, 3, 2, 17, tzinfo=UTC), datetime(2026, 3, 3, 17, tzinfo=UTC)),
    ],
)
def test_five_is_on_the_persons_own_clock_also_when_it_changes_e7_e8(zone: str, after: datetime, slot: datetime) -> None:
    assert next_slot(DAILY, zone, after, 17, 0) == slot


def test_a_weekly_summary_goes_out_on_monday() -> None:
    assert next_slot(WEEKLY, "UTC", NOW, 17, 0) == FIVE
    assert next_slot(WEEKLY, "UTC", FIVE, 17, 0) == FIVE + timedelta(days=7)


def test_a_summary_comes_at_the_hour_and_on_the_day_of_ones_own_choice() -> None:
    early, usual = learner(), learner()
    for user in (early, usual):
        answer(user)
    choose_summaries(early, hour=13, weekday=3, now=NOW)
    assert [len(found) for found in run(FIVE - timedelta(hours=4, seconds=1), FIVE - timedelta(hours=4), FIVE)] == [0, 1, 1]
    assert next_slot(WEEKLY, "UTC", NOW, *summaries_of(rest_of(early))) == datetime(2026, 3, 5, 13, tzinfo=UTC)


def test_what_waits_follows_when_the_hour_is_moved() -> None:
    user = learner()
    answer(user)
    assert run(NOW) == [[]]
    choose_summaries(user, hour=14, now=NOW + timedelta(minutes=5))
    assert [len(found) for found in run(NOW + timedelta(minutes=5), FIVE - timedelta(hours=3))] == [0, 1]


@pytest.mark.parametrize("chosen", [{"hour": 24}, {"hour": -1}, {"weekday": 7}])
def test_there_is_no_such_hour_or_day(chosen: dict[str, int]) -> None:
    with pytest.raises(Refused):
        choose_summaries(learner(), now=NOW, **chosen)


def test_what_was_read_or_turned_off_meanwhile_is_left_out() -> None:
    user = learner()
    read, kept = answer(user), answer(user, NOW + timedelta(minutes=1), "Kept")
    run(NOW)
    mark_all_read(user, NOW, through=read.pk)
    assert run(FIVE) == [["Your day: 1 notification"]]
    assert "Kept" in mail.outbox[0].body
    assert dict(Delivery.objects.filter(message__in=[read, kept]).values_list("message_id", "reason")) == {
        read.pk: "read_elsewhere",
        kept.pk: "in_digest",
    }


def test_what_was_asleep_when_all_was_marked_as_read_is_in_the_summary() -> None:
    user = learner()
    asleep = answer(user)
    run(NOW)
    snooze([InboxItem.objects.get(user=user, message=asleep)], FIVE + timedelta(hours=1), FIVE)
    mark_all_read(user, NOW)
    assert run(FIVE) == [["Your day: 1 notification"]]


def test_a_summary_with_nothing_left_when_it_is_sent_is_cancelled() -> None:
    user = learner()
    answer(user, scope="course-v1:X")
    gather_all(NOW)
    gather_all(FIVE)
    mute(user, "course-v1:X", "X", now=FIVE)
    assert run(FIVE) == [[]]
    digest = Delivery.objects.get(message__type=DIGEST)
    assert (digest.state, digest.reason) == (State.CANCELLED, "nothing_left")


def test_the_first_goes_now_and_what_follows_together() -> None:
    user = make_user(email="ana@example.org").pk
    minute = timedelta(minutes=1)
    answer(user)
    first = run(NOW)
    answer(user, NOW + 2 * minute, "How?")
    answer(user, NOW + 4 * minute, "When?")
    assert [len(sent) for sent in first + run(NOW + 10 * minute)] == [1, 0]
    assert run(NOW + 17 * minute) == [["2 new notifications"]]


def test_one_alone_in_the_buffer_goes_as_itself() -> None:
    user = make_user(email="ana@example.org").pk
    answer(user)
    answer(user, NOW + timedelta(minutes=2), "How?")
    assert run(NOW + timedelta(minutes=17))[0] == ["lee answered your post “Why?”.", "lee answered your post “How?”."]


def test_what_waited_for_the_morning_comes_as_one_over_each_channel() -> None:
    night, morning = NOW.replace(hour=23), NOW.replace(hour=8) + timedelta(days=1)
    user = make_user(email="ana@example.org", device="device-1").pk
    for number in range(3):
        context = {"replier_name": "lee", "post_title": f"Question {number}"}
        notify(type="discussion.new_response", audience=[user], context=context, channels=["email", "push"], now=night)
    gather_all(morning)
    assert Counter(Delivery.objects.filter(message__type=DIGEST).values_list("channel", "state")) == {
        ("email", State.READY): 1,
        ("push", State.READY): 1,
    }
    assert ends() == {(State.IN_DIGEST, "in_digest"): 6}


def test_a_summary_offers_to_turn_all_e_mail_off_by_one_click(client: Client) -> None:
    user = learner()
    answer(user)
    run(FIVE)
    (sent,) = mail.outbox
    headers = sent.message()
    address = str(headers["List-Unsubscribe"]).strip("<>").removeprefix(settings.SITE_URL)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert client.get(address).status_code == 200
    assert not Preference.objects.filter(scope="*").exists()

    assert client.post(address, {"List-Unsubscribe": "One-Click"}).status_code == 200

    assert Preference.objects.get(user=user, scope="*").is_on is False
    answer(user, FIVE + timedelta(hours=1))
    assert run(FIVE + timedelta(days=1)) == [[]]


def test_texts_are_never_gathered() -> None:
    say([make_user(phone="+12065550100")], now=NOW.replace(hour=23))
    assert Delivery.objects.filter(state=State.DEFERRED).update(reason="own_hours") == 1
    assert gather_all(NOW + timedelta(days=1)) == 0


def test_nobody_without_due_items_is_touched(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    learner()
    with django_assert_num_queries(3):
        assert gather(FIVE) == 0


def test_a_summary_needs_few_statements_however_many_people(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(20):
        user = make_user(email=f"q{number}@example.org").pk
        choose_cadence(user, "discussion", "daily", now=NOW)
        answer(user)
    gather_all(NOW)
    with django_assert_max_num_queries(16):
        assert gather(FIVE) == 20


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_a_summary_is_built_for_real_mail_programs(language: str) -> None:
    user = make_user(email="ana@example.org", language=language).pk
    choose_cadence(user, "discussion", "daily", now=NOW)
    for number in range(40):
        answer(user, NOW + timedelta(minutes=number), f"<b>{number}</b>" + "x" * 200)
    run(NOW, FIVE)
    html = html_of(mail.outbox[0])
    assert len(html.encode()) < 100_000
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;b&gt;" in html
    assert f'lang="{language}"' in html
    assert ('dir="rtl"' in html) == (language == "ar")


def test_whoever_turned_it_off_meanwhile_gets_no_summary() -> None:
    user = learner()
    answer(user)
    gather_all(NOW)
    choose(user, "discussion", "email", is_on=False, now=NOW)
    assert run(FIVE) == [[]]
    assert ends() == {(State.SUPPRESSED, "category_turned_off"): 1}
