import time

import pytest
from kombu.exceptions import OperationalError

from settings.base import CELERY_BROKER_TRANSPORT_OPTIONS
from settings.celery import app


def test_a_broker_that_is_away_is_given_up_at_once() -> None:
    began = time.monotonic()

    # What is said while it is away goes through here (kombu connects when a message is published).
    with (
        app.connection_for_write(url="redis://127.0.0.1:9/0", transport_options=CELERY_BROKER_TRANSPORT_OPTIONS) as broker,
        pytest.raises(OperationalError),
    ):
        _ = broker.default_channel

    assert time.monotonic() - began < 1
