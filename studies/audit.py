"""The study's own memory of who did what. Read next: models.py, AuditEntry."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from studies.models import AuditEntry, Enrollment, Study


def write_audit(
    study: Study,
    what: str,
    now: datetime,
    *,
    actor_id: int | None = None,
    enrollment: Enrollment | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """This function will add an entry, in the transaction of the change it tells of."""
    AuditEntry.objects.create(study=study, what=what, at=now, actor_id=actor_id, enrollment=enrollment, details=dict(details or {}))


def write_audits(
    study: Study, what: str, now: datetime, enrollments: Iterable[Enrollment], *, actor_id: int | None, details: Mapping[str, Any]
) -> None:
    """This function will add an entry for each of several enrollments."""
    AuditEntry.objects.bulk_create(
        AuditEntry(study=study, what=what, at=now, actor_id=actor_id, enrollment=found, details=dict(details)) for found in enrollments
    )
