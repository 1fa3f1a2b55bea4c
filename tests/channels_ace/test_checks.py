from base64 import urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet
from django.core.checks import CheckMessage
from pytest_django import Settings

from channels_ace import checks


def ids(found: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in found]


@pytest.mark.parametrize(("keys", "expected"), [([], ["carillon_channels.E001"]), (["no-key"], ["carillon_channels.E002"])])
def test_keys_that_cannot_encrypt_are_refused_at_the_start(settings: Settings, keys: list[str], expected: list[str]) -> None:
    settings.FIELD_KEYS = keys
    assert ids(checks.check_field_keys(None)) == expected


def test_one_bad_key_among_good_ones_is_refused(settings: Settings) -> None:
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), "no-key"]
    assert ids(checks.check_field_keys(None)) == ["carillon_channels.E002"]


def test_keys_that_nobody_knows_are_accepted(settings: Settings) -> None:
    settings.SECRET_KEY, settings.FIELD_INDEX_KEY = "s" * 60, "i" * 60
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    assert checks.check_field_keys(None) == []
    assert checks.check_known_secrets(None) == []


def test_an_old_development_key_kept_for_reading_is_refused_too(settings: Settings) -> None:
    settings.SECRET_KEY, settings.FIELD_INDEX_KEY = "s" * 60, "i" * 60
    known = urlsafe_b64encode(b"development-only-key-12345678901").decode()
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), known]
    assert ids(checks.check_known_secrets(None)) == ["carillon_channels.E003"]


def test_an_index_key_that_can_be_tried_out_is_refused(settings: Settings) -> None:
    settings.SECRET_KEY, settings.FIELD_INDEX_KEY = "s" * 60, "i" * 31
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    assert ids(checks.check_known_secrets(None)) == ["carillon_channels.E004"]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8026", "http://127.9.9.9", "http://[::1]:1", "http://0.0.0.0:8026", "https://localhost/x", "http://a.localhost"],
)
def test_a_provider_on_this_machine_is_refused(settings: Settings, url: str) -> None:
    settings.CHANNELS_ACE_PROVIDERS = {"AWS": {"endpoint_url": url}, "FCM": {"base_url": "https://fcm.googleapis.com"}}
    assert ids(checks.check_providers_are_real(None)) == ["carillon_channels.E005"]


@pytest.mark.parametrize("url", [None, "", "https://fcm.googleapis.com", "https://10.0.0.7", "http://doubles:8026"])
def test_a_provider_elsewhere_is_accepted(settings: Settings, url: str | None) -> None:
    settings.CHANNELS_ACE_PROVIDERS = {"AWS": {"endpoint_url": url}}
    assert checks.check_providers_are_real(None) == []


@pytest.mark.parametrize(
    ("backend", "anymail", "aws", "expected"),
    [
        ("django.core.mail.backends.smtp.EmailBackend", {}, {}, []),
        ("anymail.backends.postmark.EmailBackend", {}, {}, ["carillon_channels.E007"]),
        ("anymail.backends.postmark.EmailBackend", {"WEBHOOK_SECRET": "name:password"}, {}, []),
        ("anymail.backends.amazon_ses.EmailBackend", {"WEBHOOK_SECRET": "name:password"}, {}, ["carillon_channels.E006"]),
        ("anymail.backends.amazon_ses.EmailBackend", {}, {"sns_topics": ["arn"]}, []),
        ("anymail.backends.amazon_ses.EmailBackend", {}, {"receipts_queue_url": "https://sqs.example"}, []),
    ],
)
def test_an_e_mail_service_that_cannot_tell_of_bounces_is_refused(
    settings: Settings, backend: str, anymail: dict[str, str], aws: dict[str, object], expected: list[str]
) -> None:
    settings.EMAIL_BACKEND, settings.ANYMAIL, settings.CHANNELS_ACE_PROVIDERS = backend, anymail, {"AWS": aws}
    assert ids(checks.check_bounces_are_heard(None)) == expected


def test_a_carrier_without_its_account_is_refused(settings: Settings) -> None:
    twilio = {"account_sid": "AC1", "auth_token": "t", "sender": "+12065550199"}
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": ["channels_ace.channels.sms_twilio.TwilioChannel"]}
    settings.CHANNELS_ACE_PROVIDERS = {"TWILIO": twilio}
    assert checks.check_providers_are_configured(None) == []

    settings.CHANNELS_ACE_PROVIDERS = {"TWILIO": {**twilio, "auth_token": ""}}
    (found,) = checks.check_providers_are_configured(None)
    assert (found.id, "has no auth_token" in found.msg) == ("carillon_channels.E008", True)
