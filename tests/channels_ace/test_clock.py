from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from channels_ace.clock import read_clock

pytestmark = pytest.mark.django_db


def test_a_worker_whose_clock_is_off_goes_by_the_database() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no clock of its own")
    now = datetime.now(UTC)

    with time_machine.travel(now + timedelta(hours=2)):
        assert abs(read_clock() - now) < timedelta(minutes=5)
