from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command

from channels_ace.api import Delivery, deliver_all
from scheduling.api import tick
from scheduling.models import Nudge, RunLedger
from scheduling.restored import close_lost_runs
from scheduling.self_check import find_gaps
from tests.fakes import Doubles
from tests.scheduling.worlds import join, make_study

pytestmark = pytest.mark.django_db
ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
# Who does nothing is reminded on the fourth day, at noon in New York.
NOON = datetime(2026, 1, 13, 17, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_run_that_may_have_been_lost_is_not_done_again_and_its_people_are_named(doubles: Doubles) -> None:
    join(make_study(ENROLLED), ENROLLED)

    assert close_lost_runs(NOON) > 0
    assert close_lost_runs(NOON) == 0

    assert tick(NOON + timedelta(minutes=5)) == 0
    assert [(gap.kind, gap.people) for gap in find_gaps(NOON + DAY)] == [("undecided", 1)]
    # On the next day they are looked at as ever.
    assert tick(NOON + DAY) == 1


def test_a_run_that_is_known_to_be_done_stays_as_it_is(doubles: Doubles) -> None:
    join(make_study(ENROLLED), ENROLLED)
    tick(NOON)
    known = list(RunLedger.objects.order_by("pk").values())

    close_lost_runs(NOON)

    assert list(RunLedger.objects.filter(pk__in=[one["id"] for one in known]).order_by("pk").values()) == known
    assert Nudge.objects.count() == 1


def test_the_command_does_both_and_says_how_much(doubles: Doubles) -> None:
    study = make_study(ENROLLED)
    join(study, ENROLLED)
    tick(NOON)
    join(study, ENROLLED + timedelta(minutes=1), zone="America/Chicago", phone="+12065550101")
    said = StringIO()

    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        call_command("after_restore", stdout=said)

    assert said.getvalue().startswith("1 deliveries may have been sent and are called unknown; ")
    assert Delivery.objects.get(message__type="studies.nudge", channel="sms").reason == "restored"
    deliver_all(NOON + timedelta(hours=1))
    assert tick(NOON + timedelta(hours=1)) == 0
    assert doubles.ledger.entries() == []
