"""The copy of what is held about a person: asked for, made by a worker, there for some days, and gone. Read next: personal_data.py."""

import json
from datetime import datetime, timedelta

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation

from accounts.models import DataCopy, User
from accounts.personal_data import copy_of
from accounts.tries import allow
from notifications.api import notify

# So long one worker has a copy to itself: a worker that died is followed by another, and what kills workers holds nobody else up.
LEASE = timedelta(minutes=5)
# By one task, so that it ends in time.
AT_ONCE = 20


def ask_for_copy(user: User, language: str, now: datetime) -> None:
    """This function will have a copy made, in place of one that is ready; while one is under way, it changes nothing. Raises TooMany."""
    if DataCopy.objects.filter(user=user, made_at=None).exists():
        return
    allow("data_copy", now, account=str(user.pk))
    with transaction.atomic():
        DataCopy.objects.filter(user=user, made_at__isnull=False).delete()
        # Of two that ask at once one finds it there.
        DataCopy.objects.get_or_create(user=user, defaults={"language": language, "asked_at": now})


def copy_of_theirs(user: User, now: datetime) -> DataCopy | None:
    """This function will give the copy that a person has asked for, without its file: under way, or ready and not yet at its end."""
    return DataCopy.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), user=user).defer("file").first()


def make_copies(now: datetime) -> int:
    """This function will make the copies that are asked for, and say how many it made."""
    due = DataCopy.objects.filter(Q(taken_until=None) | Q(taken_until__lte=now), made_at=None).select_related("user")
    return sum(_make(copy, now) for copy in due.order_by("asked_at")[:AT_ONCE])


def forget_copies(now: datetime) -> int:
    """This function will delete the copies whose days are over, and say how many those were."""
    return DataCopy.objects.filter(ends_at__lte=now).delete()[0]


def _make(copy: DataCopy, now: datetime) -> bool:
    asked = DataCopy.objects.filter(pk=copy.pk, asked_at=copy.asked_at, made_at=None)
    if not asked.filter(taken_until=copy.taken_until).update(taken_until=now + LEASE):
        return False
    with translation.override(copy.language):
        file = json.dumps(copy_of(copy.user, now), cls=DjangoJSONEncoder, indent=1, ensure_ascii=False)
    ends_at = now + timedelta(days=settings.DATA_COPY_DAYS)
    with transaction.atomic():
        # Nothing, where its owner was erased meanwhile.
        if not asked.update(file=file, made_at=now, ends_at=ends_at):
            return False
        notify(
            type="account.data_export_ready",
            audience=[copy.user_id],
            link=reverse("data"),
            idempotency_key=f"data-copy:{copy.pk}",
            expires_at=ends_at,
            now=now,
        )
    return True
