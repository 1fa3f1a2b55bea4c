import json
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from studies.protocol import SCHEMA_PATH, parse
from tests.scheduling.worlds import join, make_study

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DOCUMENT = json.loads((SCHEMA_PATH.parents[1] / "protocols" / "ema_factors.json").read_text(encoding="utf-8"))


@pytest.mark.django_db
def test_who_enrolls_gets_one_data_group_of_each_list_and_keeps_what_staff_gave() -> None:
    study = make_study(NOW, DOCUMENT)

    first = join(study, NOW)
    second = join(study, NOW, phone=None, data_groups=["fixed_4", "clinic_north"])

    given = [sorted(enrollment.data_groups.values_list("name", flat=True)) for enrollment in (first, second)]
    for groups in given:
        for arms in parse(DOCUMENT).randomised_groups:
            assert len(set(groups) & set(arms.shares)) == 1
    assert {"fixed_4", "clinic_north"} < set(given[1])
    assert len(given[1]) == 5


def test_shares_are_kept() -> None:
    document = {**DOCUMENT, "randomised_groups": [{"id": "arms", "groups": {"many": 3, "few": 1}}]}
    (arms,) = parse(document).randomised_groups

    picked = Counter(arms.pick(number / 1000) for number in range(1000))

    assert picked == {"many": 750, "few": 250}
    assert all(one == "few" or other == "many" for one, other in pairwise(arms.pick(number / 1000) for number in range(1000)))


def test_the_arm_does_not_hang_on_the_order_in_which_a_database_keeps_a_document() -> None:
    groups = {"many": 3, "few": 1, "some": 2}
    picked = []
    for names in (["many", "few", "some"], ["some", "many", "few"]):
        document = {**DOCUMENT, "randomised_groups": [{"id": "arms", "groups": {name: groups[name] for name in names}}]}
        picked.append([parse(document).randomised_groups[0].pick(number / 100) for number in range(100)])

    assert picked[0] == picked[1]
