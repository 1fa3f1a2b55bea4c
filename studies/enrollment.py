"""Changes of a person's enrollment; each is told to settings.STUDIES["AFTER_CHANGE"]. Read next: newcomers.py, scheduling/planner.py."""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.module_loading import import_string

from channels_ace.api import cancel_scope, local_date, parse_zone
from studies.audit import write_audit
from studies.chance import draw
from studies.models import DataGroup, Enrollment, ProtocolVersion
from studies.publishing import protocol_of


def give_consent(enrollment: Enrollment, at: datetime, *, now: datetime, actor_id: int | None = None, service: str = "") -> bool:
    """This function will keep that a person consented, from when on texts may go to them; False: they had, or have left."""
    with transaction.atomic():
        without = Enrollment.objects.filter(pk=enrollment.pk, consented_at=None).exclude(state=Enrollment.State.WITHDRAWN)
        if not without.update(consented_at=at):
            return False
        details = {"at": at.isoformat(), "service": service}
        write_audit(enrollment.study, "consented", now, actor_id=actor_id, enrollment=enrollment, details=details)
        tell([enrollment.pk], now)
    return True


def draw_missing_arms(version: ProtocolVersion) -> int:
    """This function will draw the lists of arms that a version adds to a study, for its people who have no group of them; it says how many.

    Lists that an older version had were drawn when people joined.
    """
    older = ProtocolVersion.objects.filter(study_id=version.study_id, number__lt=version.number, published_at__isnull=False)
    known = {arms.id for one in older for arms in protocol_of(one).randomised_groups}
    drawn = []
    for arms in protocol_of(version).randomised_groups:
        if arms.id not in known:
            mine = DataGroup.objects.filter(enrollment_id=OuterRef("pk"), name__in=list(arms.shares))
            without = Enrollment.objects.filter(~Exists(mine), study_id=version.study_id).exclude(state=Enrollment.State.WITHDRAWN)
            people = without.values_list("pk", "public_id")
            drawn += [DataGroup(enrollment_id=pk, name=arms.pick(draw(seed, "arm", arms.id))) for pk, seed in people]
    DataGroup.objects.bulk_create(drawn, batch_size=1_000)
    return len(drawn)


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
        tell([enrollment.pk], now)


def pause(enrollment: Enrollment, *, now: datetime, actor_id: int | None = None, why: str = "") -> bool:
    """This function will let a person rest: no text goes out, not even one that waits; False: they are not active."""
    return _change_state(enrollment, Enrollment.State.ACTIVE, Enrollment.State.PAUSED, "paused", now, actor_id, why)


def resume(enrollment: Enrollment, *, now: datetime, actor_id: int | None = None, why: str = "") -> bool:
    """This function will end a person's rest; what fell into it is not made up for. False: they are not paused."""
    return _change_state(enrollment, Enrollment.State.PAUSED, Enrollment.State.ACTIVE, "resumed", now, actor_id, why)


def choose_data_groups(
    enrollment: Enrollment, names: Iterable[str], *, now: datetime, actor_id: int | None = None, service: str = ""
) -> bool:
    """This function will make these, and no others, the data groups of an enrollment; False: they were so already."""
    wanted = list(dict.fromkeys(names))
    with transaction.atomic():
        Enrollment.objects.select_for_update().get(pk=enrollment.pk)
        before = set(enrollment.data_groups.values_list("name", flat=True))
        if before == set(wanted):
            return False
        enrollment.data_groups.exclude(name__in=wanted).delete()
        DataGroup.objects.bulk_create(DataGroup(enrollment=enrollment, name=name) for name in wanted if name not in before)
        details = {"before": sorted(before), "after": sorted(wanted), "service": service}
        write_audit(enrollment.study, "data_groups", now, actor_id=actor_id, enrollment=enrollment, details=details)
    return True


def choose_zone(enrollment: Enrollment, name: str, *, now: datetime, why: str) -> None:
    """This function will make a zone the enrollment's own; the first one also settles on which local date they enrolled.

    Whether it should is the study's policy (scheduling/zones.py). Raises UnknownZone.
    """
    zone = parse_zone(name)
    with transaction.atomic():
        changed: dict[str, object] = {"time_zone": name}
        if not enrollment.time_zone:
            changed |= {"enrolled_date": local_date(enrollment.enrolled_at, zone)}
        details = {"before": enrollment.time_zone, "after": name, "why": why}
        Enrollment.objects.filter(pk=enrollment.pk).update(**changed)
        enrollment.refresh_from_db(fields=["time_zone", "enrolled_date"])
        write_audit(enrollment.study, "time_zone", now, enrollment=enrollment, details=details)
        tell([enrollment.pk], now)


def _change_state(enrollment: Enrollment, before: str, after: str, what: str, now: datetime, actor_id: int | None, why: str) -> bool:
    with transaction.atomic():
        if not Enrollment.objects.filter(pk=enrollment.pk, state=before).update(state=after):
            return False
        write_audit(enrollment.study, what, now, actor_id=actor_id, enrollment=enrollment, details={"why": why})
        tell([enrollment.pk], now)
    enrollment.refresh_from_db(fields=["state"])
    return True


def tell(enrollment_ids: list[int], now: datetime) -> None:
    """This function will let other apps know that enrollments have changed, in the transaction of the change."""
    for path in settings.STUDIES["AFTER_CHANGE"]:
        listener: Callable[[list[int], datetime], None] = import_string(path)
        listener(enrollment_ids, now)
