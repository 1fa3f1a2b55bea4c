"""Joining and leaving a study; each change is told to settings.STUDIES["AFTER_CHANGE"]. Read next: scheduling/planner.py."""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.module_loading import import_string

from channels_ace.api import cancel_scope, local_date, parse_zone
from notifications.api import notify
from studies.audit import write_audit
from studies.chance import draw
from studies.models import DataGroup, Enrollment, ProtocolVersion, Study
from studies.protocol import Protocol
from studies.publishing import protocol_of, published_version


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
    again: bool = False,
) -> Enrollment:
    """This function will bring a person into a study from their local date on; done twice, it gives the first enrollment back.

    So it does for who has left, unless they come back (`again`): then they get another enrollment, with a code, dates and arms of its own,
    and the first is kept as it was.

    `time_zone` is an IANA name, or empty while it is not known: then no text goes out. Raises NotOpen and UnknownZone.
    """
    version = published_version(study)
    if version is None or study.state != Study.State.LIVE:
        raise NotOpen("This study takes nobody now.")
    date = local_date(now, parse_zone(time_zone or "UTC"))
    with transaction.atomic():
        left = Enrollment.objects.filter(study=study, user_id=user_id, state=Enrollment.State.WITHDRAWN).order_by("-pk").first()
        present = Enrollment.objects.exclude(state=Enrollment.State.WITHDRAWN)
        if left is not None and not again and not present.filter(study=study, user_id=user_id).exists():
            return left
        enrollment, created = present.get_or_create(
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
            groups = _with_arms(protocol_of(version), list(data_groups), enrollment.public_id)
            DataGroup.objects.bulk_create(DataGroup(enrollment=enrollment, name=name) for name in groups)
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


def _with_arms(protocol: Protocol, groups: list[str], seed: str) -> list[str]:
    """This function will add one group by chance of each list of the protocol of which none was given."""
    for found in protocol.randomised_groups:
        if found.shares.keys().isdisjoint(groups):
            groups.append(found.pick(draw(seed, "arm", found.id)))
    return list(dict.fromkeys(groups))


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
        _tell([enrollment.pk], now)


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
        _tell([enrollment.pk], now)


def _change_state(enrollment: Enrollment, before: str, after: str, what: str, now: datetime, actor_id: int | None, why: str) -> bool:
    with transaction.atomic():
        if not Enrollment.objects.filter(pk=enrollment.pk, state=before).update(state=after):
            return False
        write_audit(enrollment.study, what, now, actor_id=actor_id, enrollment=enrollment, details={"why": why})
        _tell([enrollment.pk], now)
    enrollment.refresh_from_db(fields=["state"])
    return True


def _tell(enrollment_ids: list[int], now: datetime) -> None:
    for path in settings.STUDIES["AFTER_CHANGE"]:
        listener: Callable[[list[int], datetime], None] = import_string(path)
        listener(enrollment_ids, now)
