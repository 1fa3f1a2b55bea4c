from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from channels_ace import sns
from channels_ace.sns import CertificateUnavailable, Forged, certificate_path, verify
from tests.channels_ace.forgeries import body_of
from tests.fakes import Doubles, sns_topic
from tests.fakes.answer import Answer

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def cold_cache(doubles: Doubles) -> Iterator[None]:
    sns._certificate.cache_clear()
    yield
    sns._certificate.cache_clear()


def test_a_message_of_sns_is_believed() -> None:
    envelope = verify(body_of(sns_topic.notification("hello", at=NOW)), NOW)

    assert (envelope.type, envelope.message, envelope.topic_arn) == ("Notification", "hello", sns_topic.TOPIC)


@pytest.mark.parametrize("subject", ["", "A subject"])
@pytest.mark.parametrize("text", ["", "two\nlines", "¿Qué? 🛑", '{"a": "\\u00e9"}'])
def test_whatever_it_says(text: str, subject: str) -> None:
    assert verify(body_of(sns_topic.notification(text, at=NOW, subject=subject)), NOW).message == text


def test_the_certificate_is_fetched_once(doubles: Doubles) -> None:
    before = doubles.requests

    for _ in range(3):
        verify(body_of(sns_topic.notification("hello", at=NOW)), NOW)

    assert doubles.requests == before + 1


@pytest.mark.parametrize("age", [timedelta(minutes=59), timedelta(minutes=-59)])
def test_clocks_may_differ_by_less_than_an_hour(age: timedelta) -> None:
    assert verify(body_of(sns_topic.notification("hello", at=NOW - age)), NOW)


@pytest.mark.parametrize(
    "signer",
    [
        {"common_name": "sns.evil.example"},
        {"common_name": "sns.eu-west-1.amazonaws.com"},
        {"expired": True},
        {"of_stranger": True},
    ],
    ids=["another name", "another region", "expired", "under a certificate that did not issue it"],
)
def test_a_certificate_that_is_not_of_sns_signs_nothing(doubles: Doubles, signer: dict[str, Any]) -> None:
    by = sns_topic.signer(**signer)
    envelope = sns_topic.notification("hello", at=NOW)
    signature = by.sign({name: envelope[name] for name in ("Message", "MessageId", "Timestamp", "TopicArn", "Type")})
    doubles.serve_certificate(Answer(200, by.pem.decode()))

    with pytest.raises(Forged):
        verify(body_of({**envelope, "Signature": signature}), NOW)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, "no certificate"), Forged),
        (Answer(200, sns_topic.signer().pem.decode() + "\n" * sns.LARGEST_CERTIFICATE), Forged),
        (Answer(404, ""), Forged),
        (Answer(302, "", {"Location": "https://evil.example/key.pem"}), Forged),
        (Answer(503, ""), CertificateUnavailable),
    ],
    ids=["garbage", "too large", "not there", "a redirect", "out of order"],
)
def test_what_is_served_for_a_certificate_is_not_trusted(doubles: Doubles, answer: Answer, error: type[Exception]) -> None:
    doubles.serve_certificate(answer)
    before = doubles.requests

    with pytest.raises(error):
        verify(body_of(sns_topic.notification("hello", at=NOW)), NOW)

    assert doubles.requests == before + 1


def test_a_host_that_does_not_answer_says_nothing_about_the_message(settings: Settings) -> None:
    # Port 9 is discard: nobody listens there.
    settings.CHANNELS_ACE_PROVIDERS["AWS"]["endpoint_url"] = "http://127.0.0.1:9"

    with pytest.raises(CertificateUnavailable):
        verify(body_of(sns_topic.notification("hello", at=NOW)), NOW)


def test_without_topics_nothing_is_believed(settings: Settings) -> None:
    settings.CHANNELS_ACE_PROVIDERS["AWS"]["sns_topics"] = []

    with pytest.raises(Forged, match="foreign_topic"):
        verify(body_of(sns_topic.notification("hello", at=NOW)), NOW)


def test_the_certificate_is_of_our_own_region(settings: Settings) -> None:
    settings.CHANNELS_ACE_PROVIDERS["AWS"]["region_name"] = "eu-west-1"

    assert certificate_path(f"https://sns.eu-west-1.amazonaws.com{sns_topic.CERTIFICATE_PATH}") == sns_topic.CERTIFICATE_PATH
    with pytest.raises(Forged):
        certificate_path(sns_topic.CERTIFICATE_URL)


def test_what_is_larger_than_any_message_of_sns_is_not_even_read() -> None:
    with pytest.raises(Forged, match="too_large"):
        verify(body_of(sns_topic.notification("x" * sns.LARGEST_BODY, at=NOW)), NOW)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"{}", b'{"Type": 1}', b"\xff\xfe", b"[" * 100_000, b"1" * 5_000])
def test_what_is_no_message_at_all_is_refused(body: bytes) -> None:
    with pytest.raises(Forged, match="unreadable"):
        verify(body, NOW)
