"""Whom the suite texts: people whose numbers do nothing of their own at the providers' doubles."""

from faults.people import JOINED, phone
from tests.fakes import aws
from tests.fakes.answer import Asked
from tests.fakes.faults import is_unclear

# The doubles take a text to such a number, and then say that it cannot arrive (docs/magic-addresses.md).
INVALID = "0197"


def test_nobody_of_a_full_run_has_a_number_that_the_doubles_refuse_or_answer_unclearly() -> None:
    numbers = [phone(number) for number in (*range(20_000), *range(JOINED, JOINED + 2_000))]

    asked = [Asked(provider="eum", token="t", to=number, body="Hello", type="transactional") for number in numbers]

    assert [one.to for one in asked if aws.refuse_eum(one) or is_unclear(one.to) or one.to.endswith(INVALID)] == []
    assert len(set(numbers)) == len(numbers)
