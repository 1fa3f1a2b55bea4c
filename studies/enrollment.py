"""Joining and leaving a study; each change is told to settings.STUDIES["AFTER_CHANGE"]. Read next: scheduling/planner.py."""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.module_loading import import_string

from channels_ace.api import cancel_scope, local_date, parse_zone
from notifications.api import notify
from studies.audit import write_audit
from studies.models import DataGroup, Enrollment, Study
from studies.publishing import published_version


class NotOpen(Exception):
    """The study has no published protocol, or takes nobody now."""


def enroll(
    study: Study,
    *,
    user_id: int,
    code: str,
    time_zone: str,
    now: datetime,
    consented: bool = True,
    data_groups: Iterable[str] = (),
    actor_id: int | None = None,
) -> Enrollment:
    """This function will bring a person into a study from their local date on; done twice, it gives the first enrollment back.

    `time_zone` is an IANA name, or empty while it is not known: then no text goes out. Raises NotOpen and UnknownZone.
    """
    version = published_version(study)
    if version is None or study.state != Study.State.LIVE:
        raise NotOpen("This study takes nobody now.")
    date = local_date(now, parse_zone(time_zone or "UTC"))
    with transaction.atomic():
        enrollment, created = Enrollment.objects.get_or_create(
            study=study,
            user_id=user_id,
            defaults={
                "version": version,
                "code": code,
                "enrolled_at": now,
                "enrolled_date": date,
                "time_zone": time_zone,
                "consented_at": now if consented else None,
            },
        )
        if created:
            DataGroup.objects.bulk_create(DataGroup(enrollment=enrollment, name=name) for name in dict.fromkeys(data_groups))
            write_audit(study, "enrolled", now, actor_id=actor_id, enrollment=enrollment, details={"version": version.number})
            _tell([enrollment.pk], now)
            notify(
                type="studies.joined",
                audience=[user_id],
                context={"study": study.participant_name},
                link=reverse("my_studies"),
                scope=study.scope,
                idempotency_key=f"joined:{enrollment.public_id}",
                now=now,
            )
    return enrollment


def withdraw(enrollment: Enrollment, *, now: datetime, actor_id: int | None = None, why: str = "") -> None:
    """This function will take a person out of a study: what is not yet sent to them is cancelled in the same transaction."""
    with transaction.atomic():
        left = Enrollment.objects.filter(pk=enrollment.pk).exclude(state=Enrollment.State.WITHDRAWN)
        if not left.update(state=Enrollment.State.WITHDRAWN, withdrawn_at=now):
            return
        cancelled = cancel_scope(enrollment.study.scope, now, user_id=enrollment.user_id)
        write_audit(
            enrollment.study, "withdrawn", now, actor_id=actor_id, enrollment=enrollment, details={"why": why, "cancelled": cancelled}
        )
        _tell([enrollment.pk], now)


def _tell(enrollment_ids: list[int], now: datetime) -> None:
    for path in settings.STUDIES["AFTER_CHANGE"]:
        listener: Callable[[list[int], datetime], None] = import_string(path)
        listener(enrollment_ids, now)
