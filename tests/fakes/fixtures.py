"""The doubles as a fixture: `doubles` has an empty ledger and no faults, and the settings of the test point at it."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.fakes.doubles import Doubles


@pytest.fixture(scope="session")
def running_doubles() -> Iterator[Doubles]:
    with Doubles() as doubles:
        yield doubles


@pytest.fixture
def doubles(running_doubles: Doubles, settings: Settings) -> Iterator[Doubles]:
    running_doubles.ledger.forget()
    running_doubles.account.forget()
    running_doubles.receipts.forget()
    running_doubles.serve_certificate(None)
    settings.CHANNELS_ACE_PROVIDERS = running_doubles.provider_settings(timeout_seconds=1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = running_doubles.host, running_doubles.smtp_port, 1
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield running_doubles
    running_doubles.faults.clear()
