"""Is this process alive, and may it be given work? For orchestrators and people on call, in words for programs. Read next: urls.py."""

import logging
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from channels_ace.api import oldest_due, resting_providers
from settings.celery import app

logger = logging.getLogger(__name__)

# A delivery that waits longer than this means that no worker does its job.
LATE_AFTER = timedelta(minutes=15)


@never_cache
@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """This function will answer whenever this process can answer at all; it asks nobody else."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """This function will answer 200 when the database answers and has every migration, else 503.

    A broker that is away, deliveries that are late and providers that rest are told but do not refuse: pages still work, and
    the sweep finds what is due.
    """
    facts: dict[str, object] = {"database": "away", "migrations": "unknown", "broker": "answers" if is_broker_there() else "away"}
    try:
        missing = missing_migrations()
        facts |= {"database": "answers", "migrations": "missing" if missing else "applied"}
        if not missing:
            waited = oldest_due(timezone.now())
            facts |= {"oldest_due_seconds": int(waited.total_seconds()), "deliveries": "late" if waited > LATE_AFTER else "on time"}
            facts["resting_providers"] = resting_providers()
    except DatabaseError:
        logger.exception("Not ready: the database does not answer")
    is_ready = facts["migrations"] == "applied"
    return JsonResponse({"status": "ready" if is_ready else "not ready", **facts}, status=200 if is_ready else 503)


def missing_migrations() -> list[str]:
    """This function will name the migrations that this code has and the database has not."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def is_broker_there() -> bool:
    """This function will tell whether the broker takes a connection within a second."""
    try:
        with app.connection_for_write(transport_options={"socket_connect_timeout": 1, "socket_timeout": 1}) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except (OperationalError, OSError):
        return False
    return True
