"""Joining a study, and coming back to it: a list of people at once. Read next: enrollment.py, scheduling/planner.py."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from channels_ace.api import Recipient, local_date, parse_zone
from notifications.api import notify
from studies.attributes import NotAllowed, rows_of
from studies.audit import write_audits
from studies.chance import draw
from studies.enrollment import tell
from studies.models import DataGroup, Enrollment, ProfileAttribute, ProtocolVersion, Study
from studies.protocol import Protocol
from studies.publishing import protocol_of, published_version


class NotOpen(Exception):
    """The study has no published protocol, or takes nobody now."""


class NotEnrollable(ValueError):
    """What is wrong with newcomers, by their place in the list, then by field; nobody was enrolled."""

    def __init__(self, problems: Mapping[int, Mapping[str, Any]]) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Somebody who is to join a study.

    `time_zone` is an IANA name, or empty while it is not known: then no text goes out. `enrolled_at` is when their time in the study
    began, None for now; `consented_at` None is not yet. Who has left the study comes back by `again` alone.
    """

    user_id: int
    code: str
    time_zone: str = ""
    enrolled_at: datetime | None = None
    consented_at: datetime | None = None
    data_groups: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    again: bool = False


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
    """This function will bring a person into a study from their local date on, as enroll_all() does. Raises as that does."""
    one = Newcomer(
        user_id=user_id,
        code=code,
        time_zone=time_zone,
        consented_at=now if consented else None,
        data_groups=tuple(data_groups),
        again=again,
    )
    return enroll_all(study, [one], now=now, actor_id=actor_id)[0][0]


def enroll_all(
    study: Study, people: Sequence[Newcomer], *, now: datetime, actor_id: int | None = None, service: str = ""
) -> list[tuple[Enrollment, bool]]:
    """This function will bring people, each named once, into a study from their local dates on.

    It gives their enrollments in this order, each with whether it is new.

    Done twice, it gives the first enrollment back as it is. So it does for who has left, unless they come back (`again`): then they get
    another enrollment, with a code, dates and arms of its own, and the first is kept as it was.

    As many statements for many as for one. Raises NotOpen, NotEnrollable and UnknownZone.
    """
    with transaction.atomic():
        # One after the other: a person is enrolled once, and by the version that holds when they are.
        study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        version = published_version(study)
        if version is None or study.state != Study.State.LIVE:
            raise NotOpen("This study takes nobody now.")
        known = _known(study, people)
        new = [one for one in people if one.user_id not in known]
        _check(study, people, new, protocol_of(version))
        made = _write(version, new, now, {"version": version.number, "service": service}, actor_id)
    return [(made.get(one.user_id) or known[one.user_id], one.user_id in made) for one in people]


def _known(study: Study, people: Sequence[Newcomer]) -> dict[int, Enrollment]:
    """This function will give, by user, the enrollment of those who are in the study, or left it and do not come back."""
    coming_back = {one.user_id for one in people if one.again}
    theirs = Enrollment.objects.filter(study=study, user_id__in=[one.user_id for one in people]).order_by("pk")
    present = {found.user_id: found for found in theirs if found.state != Enrollment.State.WITHDRAWN}
    return {found.user_id: found for found in theirs if found.user_id not in coming_back} | present


def _check(study: Study, people: Sequence[Newcomer], new: Sequence[Newcomer], protocol: Protocol) -> None:
    problems: dict[int, dict[str, Any]] = {}
    taken = set(Enrollment.objects.filter(study=study, code__in=[one.code for one in new]).values_list("code", flat=True))
    for one in new:
        of_one: dict[str, Any] = {}
        if one.code in taken:
            of_one["code"] = [_("Another enrollment of this study has this code.")]
        taken.add(one.code)
        try:
            rows_of(one.attributes, protocol)
        except NotAllowed as error:
            of_one["attributes"] = {name: [words] for name, words in error.problems.items()}
        if of_one:
            problems[people.index(one)] = of_one
    if problems:
        raise NotEnrollable(problems)


def _write(
    version: ProtocolVersion, new: Sequence[Newcomer], now: datetime, details: Mapping[str, Any], actor_id: int | None
) -> dict[int, Enrollment]:
    if not new:
        return {}
    study, protocol = version.study, protocol_of(version)
    made = Enrollment.objects.bulk_create(_enrollment(version, one, now) for one in new)
    groups = [
        DataGroup(enrollment=found, name=name)
        for found, one in zip(made, new, strict=True)
        for name in _with_arms(protocol, list(one.data_groups), found.public_id)
    ]
    DataGroup.objects.bulk_create(groups)
    known = [(found, row) for found, one in zip(made, new, strict=True) for row in rows_of(one.attributes, protocol)]
    ProfileAttribute.objects.bulk_create(ProfileAttribute(enrollment=found, **row) for found, row in known)
    _keep_zones(new)
    write_audits(study, "enrolled", now, made, actor_id=actor_id, details=details)
    tell([found.pk for found in made], now)
    notify(
        type="studies.joined",
        audience=[one.user_id for one in new],
        context={"study": study.participant_name},
        link=reverse("my_studies"),
        scope=study.scope,
        idempotency_key=f"joined:{made[0].public_id}",
        now=now,
    )
    return {found.user_id: found for found in made}


def _enrollment(version: ProtocolVersion, one: Newcomer, now: datetime) -> Enrollment:
    enrolled_at = one.enrolled_at or now
    return Enrollment(
        study=version.study,
        version=version,
        user_id=one.user_id,
        code=one.code,
        enrolled_at=enrolled_at,
        enrolled_date=local_date(enrolled_at, parse_zone(one.time_zone or "UTC")),
        time_zone=one.time_zone,
        consented_at=one.consented_at,
    )


def _keep_zones(people: Iterable[Newcomer]) -> None:
    """This function will let the zone in which somebody joins be theirs for what is sent to them, if none was known."""
    by_zone: dict[str, list[int]] = defaultdict(list)
    for one in people:
        if one.time_zone:
            by_zone[one.time_zone].append(one.user_id)
    for zone, user_ids in by_zone.items():
        Recipient.objects.filter(user_id__in=user_ids, time_zone="").update(time_zone=zone)
        Recipient.objects.bulk_create((Recipient(user_id=pk, time_zone=zone) for pk in user_ids), ignore_conflicts=True)


def _with_arms(protocol: Protocol, groups: list[str], seed: str) -> list[str]:
    """This function will add one group by chance of each list of the protocol of which none was given."""
    for found in protocol.randomised_groups:
        if found.shares.keys().isdisjoint(groups):
            groups.append(found.pick(draw(seed, "arm", found.id)))
    return list(dict.fromkeys(groups))
