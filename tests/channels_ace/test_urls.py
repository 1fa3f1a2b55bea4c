import pytest
from django.test import RequestFactory
from pytest_django import Settings

from channels_ace.urls import tracking_addresses

SECRET = {"WEBHOOK_SECRET": "name:password"}


@pytest.mark.parametrize(
    ("backend", "anymail", "names"),
    [
        ("django.core.mail.backends.smtp.EmailBackend", SECRET, []),
        ("anymail.backends.postmark.EmailBackend", {}, []),
        ("anymail.backends.postmark.EmailBackend", SECRET, ["postmark_tracking_webhook"]),
        ("anymail.backends.mandrill.EmailBackend", SECRET, ["mandrill_webhook", "mandrill_tracking_webhook"]),
        ("anymail.backends.amazon_ses.EmailBackend", SECRET, []),
    ],
)
def test_only_the_service_in_use_may_post_and_only_behind_its_secret(
    settings: Settings, backend: str, anymail: dict[str, str], names: list[str]
) -> None:
    settings.EMAIL_BACKEND, settings.ANYMAIL = backend, anymail
    assert [str(one.name) for one in tracking_addresses()] == names


def test_who_does_not_know_the_secret_is_refused(settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.ANYMAIL = "anymail.backends.postmark.EmailBackend", SECRET
    [address] = tracking_addresses()
    request = RequestFactory().post("/webhooks/anymail/postmark/tracking/", "{}", content_type="application/json")

    with pytest.raises(Exception, match="basic auth"):
        address.callback(request)
