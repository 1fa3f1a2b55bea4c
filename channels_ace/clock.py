"""What time it is for all workers: one clock, the database's. Read next: tasks.py."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def read_clock() -> datetime:
    """This function will read the database's clock: a worker whose own is hours off sends nothing too early and nothing stale.

    SQLite has no clock but ours.
    """
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        now: datetime = cursor.fetchone()[0]
    return now
