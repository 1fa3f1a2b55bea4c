from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from channels_ace.api import registered
from tests.factories import make_user

pytestmark = pytest.mark.django_db
LANGUAGES = [code for code, _ in settings.LANGUAGES]


@pytest.fixture
def operator(client: Client) -> Client:
    user = make_user()
    user.is_staff = True
    user.save()
    client.force_login(user)
    return client


def test_every_message_can_be_seen_on_every_channel_in_every_language(operator: Client) -> None:
    ours = [known for known in registered() if not known.name.startswith(("tests.", "bench.", "faults."))]
    answers = {
        (known.name, channel, language): operator.get(f"/dev/messages/{known.name}/{channel}/{language}/").status_code
        for known in ours
        for channel in known.channels
        for language in LANGUAGES
    }
    assert {place for place, status in answers.items() if status != 200} == set()
    assert ("digest.summary", "email", "ar") in answers
    assert operator.get("/dev/messages/").status_code == 200


def test_the_html_of_a_mail_may_run_and_fetch_nothing(operator: Client) -> None:
    answer: Any = operator.get("/dev/messages/digest.summary/email/en/html/")
    assert answer.status_code == 200
    assert "and 2 more" in answer.content.decode()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "address", ["nobody.knows/email/en/", "digest.summary/sms/en/", "digest.summary/email/xx/", "digest.summary/push/en/html/"]
)
def test_what_does_not_exist_is_not_found(operator: Client, address: str) -> None:
    assert operator.get(f"/dev/messages/{address}").status_code == 404


def test_a_learner_finds_nothing(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/dev/messages/").status_code == 404
