import random
from collections.abc import Callable, Set
from datetime import UTC, datetime, timedelta

import pytest

from scheduling.models import PlannerRow
from scheduling.nudge_rules import concerned, ruling
from scheduling.planner import protocol
from tests.scheduling import nudge_model
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
Model = Callable[[int, Set[int], nudge_model.Rule], tuple[str, str]]


@pytest.mark.parametrize(("evaluate", "model"), [("current", nudge_model.decide), ("bridge", nudge_model.decide_as_bridge)])
def test_the_expression_and_a_walk_over_the_days_agree_for_every_day_and_many_histories(evaluate: str, model: Model) -> None:
    # given
    document = mpower_document()
    document["nudges"][0]["evaluate"] = evaluate
    study = make_study(ENROLLED, document)
    plans = [join(study, ENROLLED, phone=None).plans.get() for _ in range(60)]
    design = protocol(plans[0].version_id)
    rule = design.nudge("missed")
    chance = random.Random(20260110)

    for day in range(14):
        today = plans[0].burst_start + timedelta(days=day)
        histories = {}
        for plan in plans:
            done = {at for at in range(day + 1) if chance.random() < chance.choice([0.2, 0.5, 0.8])}
            histories[plan.pk] = done
            PlannerRow.objects.filter(pk=plan.pk).update(done=sum(1 << at for at in done), done_count=len(done))

        # when
        expression, outcomes = ruling(rule, design, today, {plans[0].burst_start}, plans[0].time_zone)
        rows = PlannerRow.objects.filter(concerned(rule, design, today)).annotate(outcome=expression)

        # then
        decided = {pk: (outcomes[number].decision, outcomes[number].reason) for pk, number in rows.values_list("pk", "outcome")}
        assert decided == {pk: model(day, done, nudge_model.Rule()) for pk, done in histories.items()}
