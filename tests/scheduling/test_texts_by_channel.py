"""Words of their own for a push and an e-mail."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from channels_ace.api import render
from scheduling.api import Nudge, tick
from studies.api import Enrollment, Study, enroll
from studies.protocol import ProtocolError, parse
from studies.text_previews import previews_of
from tests.factories import make_user
from tests.scheduling.test_nudges import noon
from tests.scheduling.worlds import make_study, mpower_document

ENROLLED = datetime(2026, 1, 10, 15, 0, tzinfo=UTC)
FOURTH = noon(date(2026, 1, 13))
PUSH = "{study}: {days_left} days are left. {link}"


def document(**rule: Any) -> dict[str, Any]:
    found = mpower_document()
    found["nudges"][0] |= {"channels": ["push", "email", "sms"], **rule}
    return found


def by_channel(**words: Any) -> dict[str, Any]:
    return document(texts_by_channel=words)


def bring(study: Study, *groups: str, **addresses: Any) -> Enrollment:
    person = make_user(time_zone="America/New_York", **addresses)
    code, zone = f"P{person.pk:04d}", "America/New_York"
    return enroll(study, user_id=person.pk, code=code, time_zone=zone, now=ENROLLED, data_groups=groups)


def said(enrollment: Enrollment, channel: str, part: str, language: str = "en") -> str:
    return render(Nudge.objects.get(enrollment=enrollment).message, channel, (part,), language)[part]


@pytest.mark.django_db
def test_each_channel_says_its_own_words_and_the_others_the_text() -> None:
    study = make_study(ENROLLED, by_channel(push={"early": {"en": [PUSH], "es": ["{study}: quedan {days_left}."]}}))
    device, mail = bring(study, device="tablet"), bring(study, email="a@example.org")
    phone = bring(study, phone="+12065550101")

    assert tick(FOURTH) == 3

    assert said(device, "push", "body").startswith("Daily Moments: 11 days are left. http")
    assert said(device, "push", "body", "es") == "Daily Moments: quedan 11."
    assert "11 days are left" not in said(mail, "email", "subject") + said(phone, "sms", "text")
    assert "STOP" not in said(mail, "email", "subject")
    assert "STOP" in said(phone, "sms", "text")


@pytest.mark.django_db
def test_an_arms_own_words_are_said_over_every_channel() -> None:
    own = {"arm_a": {"early": {"en": ["{study}: the arm's own. Reply STOP to end texts."]}}}
    study = make_study(ENROLLED, document(texts_by_channel={"push": {"early": {"en": [PUSH]}}}, texts_by_data_group=own))
    mine, other = bring(study, "arm_a", device="tablet"), bring(study, device="phone")

    assert tick(FOURTH) == 2

    assert said(mine, "push", "body") == "Daily Moments: the arm's own."
    assert "11 days are left" in said(other, "push", "body")


@pytest.mark.django_db
def test_the_page_shows_what_was_said_over_the_channel_that_carried_it(client: Client) -> None:
    study = make_study(ENROLLED, by_channel(push={"early": {"en": [PUSH]}}))
    person = bring(study, device="tablet")
    tick(FOURTH)
    client.force_login(study.roles.get().user)

    shown = client.get(reverse("participant", args=[study.public_id, person.public_id])).content.decode()

    assert "11 days are left" in shown


def problems(**words: Any) -> list[tuple[str, str]]:
    with pytest.raises(ProtocolError) as found:
        parse(by_channel(**words))
    return [(problem.path.removeprefix("$.nudges[0].texts_by_channel"), problem.code) for problem in found.value.problems]


@pytest.mark.parametrize(
    ("words", "path", "code"),
    [
        ({"push": {"early": {"en": ["Your days are few."]}}}, ".push.early.en[0]", "text_without_study"),
        ({"push": {"early": {"en": ["{study} {name}"]}}}, ".push.early.en[0]", "unknown_variable"),
        ({"push": {"early": {"en": ["{study}: your tremor"]}}}, ".push.early.en[0]", "tells_condition"),
        ({"email": {"late": {"es": ["{study}"]}}}, ".email.late", "language_missing"),
        ({"email": {"late": {"en": ["{study}"], "xx": ["{study}"]}}}, ".email.late.xx", "language_unknown"),
        ({"push": {"default": {"en": ["{study}"]}}}, ".push.default", "unknown"),
        ({"push": {}}, ".push", "too_short"),
    ],
)
def test_the_linter_reads_them_too(words: Any, path: str, code: str) -> None:
    assert (path, code) in problems(**words)


def test_a_channel_that_the_rule_does_not_try_is_named() -> None:
    found = document(channels=["sms"], texts_by_channel={"push": {"early": {"en": ["{study}"]}}})

    with pytest.raises(ProtocolError, match="is not among the channels of this rule: push"):
        parse(found)


def test_texts_have_no_channel_of_their_own() -> None:
    with pytest.raises(ProtocolError):
        parse(by_channel(sms={"early": {"en": ["{study} STOP"]}}))


def test_what_a_push_says_is_previewed() -> None:
    shown = previews_of(parse(by_channel(push={"early": {"en": [PUSH]}})), date(2026, 1, 10))

    (found,) = [preview for preview in shown if preview.channel]
    assert (found.kind, found.channel, found.parts) == ("Reminder early in a burst", "Push", 0)
    assert found.words.startswith("Daily Moments: 7 days are left.")


def test_before_a_burst_and_for_a_session_they_are_a_list_by_language() -> None:
    found = mpower_document()
    words = {"email": {"en": ["{study}: {days_until} days. {link}"]}}
    found["nudges"][1] |= {"channels": ["sms", "email"], "texts_by_channel": words}
    reminder = {"after_minutes": 600, "channels": ["email"], "texts": {"en": ["{study}: STOP"]}, "texts_by_channel": words}
    found["schedules"][0]["sessions"][0]["reminders"] = [reminder]

    rules = parse(found).rules

    assert {kind for rule in rules for kinds in rule.by_channel.values() for kind in kinds} == {"pre_burst", "session"}
