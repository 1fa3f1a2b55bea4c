from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from channels_ace.api import suppress
from channels_ace.models import Delivery
from scheduling.api import tick
from scheduling.models import Nudge, NudgeDecision
from scheduling.monitoring import monitored
from scheduling.participant_page import Person, describe_person
from scheduling.self_check import find_gaps
from studies.api import Enrollment, Study, enroll
from studies.fact_words import tell
from studies.protocol import parse
from tests.factories import make_contact, make_user
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
FOURTH = noon(date(2026, 1, 13))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
State = Delivery.State


def by(*channels: str) -> dict[str, Any]:
    """This function will give mPower's design with these channels of its rules."""
    document = mpower_document()
    for rule in document["nudges"]:
        rule["channels"] = list(channels)
    return document


def bring(study: Study, **addresses: str) -> Enrollment:
    person = make_user(time_zone="America/New_York", **addresses)  # type: ignore[arg-type]
    return enroll(study, user_id=person.pk, code=f"P{person.pk:04d}", time_zone="America/New_York", now=ENROLLED)


def ways(enrollment: Enrollment) -> list[tuple[str, str]]:
    """This function will list the deliveries of a person's nudges: channel and state, in their order."""
    mine = Delivery.objects.filter(user=enrollment.user_id, message__type="studies.nudge")
    return list(mine.order_by("pk").values_list("channel", "state"))


def end(enrollment: Enrollment, channel: str, state: State, reason: str = "refused_for_good") -> None:
    Delivery.objects.filter(user=enrollment.user_id, channel=channel).update(state=state, reason=reason)


def record(enrollment: Enrollment) -> Sequence[str]:
    found = NudgeDecision.objects.get(enrollment=enrollment, rule="missed", local_date=date(2026, 1, 13))
    return found.decision, found.channel, found.passed_over.strip()


def test_each_person_is_reminded_by_the_first_channel_that_reaches_them_and_by_no_other() -> None:
    # given
    study = make_study(ENROLLED, by("push", "sms", "email"))
    everything = bring(study, device="tablet", phone="+12065550101", email="a@example.org")
    phone = bring(study, phone="+12065550102", email="b@example.org")
    stopped = bring(study, phone="+12065550103", email="c@example.org")
    suppress(kind="phone", address="+12065550103", channel="sms", reason="stop", now=ENROLLED)
    mail = bring(study, email="d@example.org")
    nothing = bring(study)
    people = [everything, phone, stopped, mail, nothing]

    # when
    assert tick(FOURTH) == 4

    # then
    assert [ways(one) for one in people] == [[("push", "ready")], [("sms", "ready")], [("email", "ready")], [("email", "ready")], []]
    assert [record(one) for one in people] == [
        ("early", "push", ""),
        ("early", "sms", "push:no_contact_point"),
        ("early", "email", "push:no_contact_point sms:suppressed_stop"),
        ("early", "email", "push:no_contact_point sms:no_contact_point"),
        ("none", "", "push:no_contact_point sms:no_contact_point"),
    ]
    assert Nudge.objects.count() == 4
    # Yesterday's run, which was not done here; nothing that was said got lost.
    assert [gap.kind for gap in find_gaps(FOURTH + HOUR)] == ["missed_run"]


def test_what_failed_goes_on_by_the_next_channel_once_and_the_record_says_so() -> None:
    study = make_study(ENROLLED, by("push", "sms", "email"))
    person = bring(study, device="tablet", phone="+12065550101", email="a@example.org")
    make_contact(person.user, "device_token", "phone")
    tick(FOURTH)
    assert ways(person) == [("push", "ready"), ("push", "ready")]

    end(person, "push", State.UNDELIVERABLE, "contact_removed")
    assert [tick(FOURTH + number * timedelta(minutes=20)) for number in (1, 2)] == [0, 0]
    assert ways(person)[2:] == [("sms", "ready")]
    end(person, "sms", State.DEAD)
    tick(FOURTH + HOUR)
    tick(FOURTH + 2 * HOUR)

    assert ways(person)[3:] == [("email", "ready")]
    assert Nudge.objects.count() == 1
    assert record(person) == ("early", "email", "push:contact_removed sms:refused_for_good")
    end(person, "email", State.DELIVERED, "")
    tick(FOURTH + DAY)
    assert Nudge.objects.count() == 1


@pytest.mark.parametrize("state", [State.READY, State.UNKNOWN, State.UNKNOWN_FINAL, State.ACCEPTED, State.EXPIRED, State.CANCELLED])
def test_what_may_have_arrived_or_was_called_off_goes_by_no_other_channel(state: State) -> None:
    study = make_study(ENROLLED, by("push", "sms"))
    person = bring(study, device="tablet", phone="+12065550101")
    other = make_contact(person.user, "device_token", "phone")
    tick(FOURTH)
    end(person, "push", State.UNDELIVERABLE)
    Delivery.objects.filter(contact_point_id=other.pk).update(state=state)

    tick(FOURTH + HOUR)

    assert [channel for channel, _state in ways(person)] == ["push", "push"]


def test_an_unknown_one_uses_up_the_reminder_and_one_that_failed_everywhere_does_not() -> None:
    study = make_study(ENROLLED, by("push", "sms"))
    unknown, failed = bring(study, device="a", phone="+12065550101"), bring(study, device="b", phone="+12065550102")
    tick(FOURTH)
    end(unknown, "push", State.UNKNOWN_FINAL)
    end(failed, "push", State.DEAD)
    tick(FOURTH + HOUR)
    end(failed, "sms", State.UNDELIVERABLE)

    assert tick(FOURTH + DAY) == 1

    assert Nudge.objects.filter(enrollment=unknown).count() == 1
    assert Nudge.objects.filter(enrollment=failed).count() == 2


def test_nothing_goes_on_by_another_channel_once_it_is_stale() -> None:
    study = make_study(ENROLLED, by("push", "sms"))
    person = bring(study, device="tablet", phone="+12065550101")
    tick(FOURTH)
    end(person, "push", State.DEAD)

    tick(FOURTH + 4 * HOUR)

    assert ways(person) == [("push", "dead")]


def test_the_participants_page_says_which_channels_were_passed_over_and_who_has_another_is_not_called_unreachable() -> None:
    study = make_study(ENROLLED, by("sms", "email"))
    person, nobody = bring(study, email="a@example.org"), bring(study)
    tick(FOURTH)

    page = describe_person(Person(study, person, FOURTH + HOUR))

    assert page["decisions"][0]["reason"].endswith("Said by: E-mail.")
    assert "Text message was passed over: " in page["decisions"][0]["reason"]
    assert page["texts"][0]["state"] == "ready"
    blocked = {row.enrollment_id: row.blocked_by for row in monitored(study, FOURTH)}
    assert blocked == {person.pk: "", nobody.pk: "no_contact_point"}


def test_the_order_of_channels_is_told_in_words() -> None:
    said = " ".join(row.value for row in tell(parse(by("push", "sms", "email"))).rows)

    assert "By the first of these that reaches them: Push, Text message, E-mail." in said
