"""From a document to a design that people live by: import, look, publish. Read next: protocol.py."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils.module_loading import import_string

from studies.audit import write_audit
from studies.models import ProtocolVersion, Study, StudyRole
from studies.protocol import Protocol, ProtocolError, parse
from studies.protocol_document import read_document


class NotPublishable(Exception):
    """The version is already published, or not the newest."""


def create_study(*, name: str, participant_name: str, owner_id: int, now: datetime) -> Study:
    """This function will create a study in draft, owned by a person."""
    with transaction.atomic():
        study = Study.objects.create(name=name, participant_name=participant_name, created_at=now)
        StudyRole.objects.create(study=study, user_id=owner_id, role=StudyRole.Role.OWNER)
        write_audit(study, "study_created", now, actor_id=owner_id, details={"name": name})
    return study


def import_protocol(study: Study, document: Mapping[str, Any], *, actor_id: int, now: datetime) -> ProtocolVersion:
    """This function will keep a valid document as the study's next, unpublished version. Raises ProtocolError with every problem."""
    parse(document)
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        number = (study.versions.aggregate(last=Max("number"))["last"] or 0) + 1
        version = ProtocolVersion.objects.create(study=study, number=number, document=dict(document), imported_at=now)
        write_audit(study, "protocol_imported", now, actor_id=actor_id, details={"version": number})
    return version


def publish(version: ProtocolVersion, *, actor_id: int, now: datetime, for_enrolled: bool = False) -> None:
    """This function will make a version the one that new participants join, and by which those who are in live (`for_enrolled`).

    Without it they stay with the version they joined. What changes for them is another app's to work out: settings.STUDIES["AMEND"].
    Raises NotPublishable.
    """
    with transaction.atomic():
        study = Study.objects.select_for_update().get(pk=version.study_id)
        if study.versions.filter(number__gt=version.number).exists():
            raise NotPublishable("A newer version exists.")
        if not ProtocolVersion.objects.filter(pk=version.pk, published_at=None).update(published_at=now):
            raise NotPublishable("This version is already published.")
        Study.objects.filter(pk=study.pk, state=Study.State.DRAFT).update(state=Study.State.LIVE)
        write_audit(study, "protocol_published", now, actor_id=actor_id, details={"version": version.number})
        if for_enrolled:
            import_string(settings.STUDIES["AMEND"])(version, now, actor_id=actor_id)


def hold_versions(study_ids: Collection[int]) -> None:
    """This function will keep studies at their versions until the caller's transaction ends; it waits for what is being published.

    Any number may hold a study at once: it is the lock that whoever writes a row of the study takes as well. SQLite, which has one writer
    at a time, needs none.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM studies_study WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE", [sorted(study_ids)])


def published_version(study: Study) -> ProtocolVersion | None:
    """This function will give the version that new participants join, if there is one."""
    return study.versions.filter(published_at__isnull=False).order_by("-number").first()


def protocol_of(version: ProtocolVersion) -> Protocol:
    """This function will read a stored version; what was imported is always readable, though it would be refused today."""
    return read_document(version.document)


__all__ = [
    "NotPublishable",
    "ProtocolError",
    "create_study",
    "hold_versions",
    "import_protocol",
    "protocol_of",
    "publish",
    "published_version",
]
