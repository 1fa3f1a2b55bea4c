from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from channels_ace.api import Delivery, deliver_all
from scheduling.api import tick
from tests.fakes import Doubles
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import join, make_study

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_caps_take_none_of_the_seventeen_texts_from_who_does_nothing(doubles: Doubles) -> None:
    # The text before a burst and the early one are four days apart, across changes of clocks too.
    enrollment = join(make_study(ENROLLED), ENROLLED)

    for day in range(750):
        at = noon(enrollment.enrolled_date + timedelta(days=day))
        if tick(at):
            deliver_all(at)

    assert Counter(Delivery.objects.filter(channel="sms").values_list("state", "reason")) == {("accepted", "accepted"): 17}
