"""Creating something once, however often the call is sent: the Idempotency-Key header. Read next: parsing.py.

The key is taken in a row that is committed before the work begins, so that a second call at the same moment is told to wait; the work
and its answer are one transaction. A call that fails gives its key back. After the draft of the IETF's HTTPAPI group,
draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from notifications.models import KeptAnswer
from notifications.rest_api.callers import caller_key
from notifications.rest_api.problems import Problem

KEPT_FOR = timedelta(hours=48)
# No request of ours takes that long: whoever took the key and has not answered by then is dead.
GIVEN_UP_AFTER = timedelta(minutes=2)
_KEY = re.compile(r'"?([!#-\[\]-~]{1,191})"?')

Method = Callable[..., Response]


def once(*, required: bool = False) -> Callable[[Method], Method]:
    """This function will make a view's method answer twice the same when it is called twice with one Idempotency-Key.

    The same key with another body is a 422, one that is still being worked on a 409. Only what succeeded is kept, for 48 hours and for
    the caller alone. With `required` a call without a key is a 400. Put it below extend_schema.
    """
    parameter = OpenApiParameter(
        "Idempotency-Key",
        str,
        OpenApiParameter.HEADER,
        required=required,
        description="Up to 191 visible ASCII characters of your choice. Sent again with the same key and body, the call changes nothing "
        "and is answered as it was, for 48 hours. The same key with another body: 422. While the first is worked on: 409.",
    )

    def decorate(method: Method) -> Method:
        @wraps(method)
        def wrapped(view: Any, request: Request, *arguments: Any, **named: Any) -> Response:
            key = _read_key(request, required=required)
            # A visitor is nobody: what one of them was answered must not be read by the next.
            if key is None or not caller_key(request):
                return method(view, request, *arguments, **named)
            return _answer_once(request, key, lambda: method(view, request, *arguments, **named))

        documented: Method = extend_schema(parameters=[parameter])(wrapped)
        return documented

    return decorate


def forget_answers(now: datetime) -> int:
    """This function will delete the answers that need not be kept any longer, and say how many those were."""
    return KeptAnswer.objects.filter(taken_at__lte=now - KEPT_FOR).delete()[0]


def _read_key(request: Request, *, required: bool) -> str | None:
    written = request.headers.get("Idempotency-Key")
    if written is None:
        if required:
            raise ValidationError(
                {"Idempotency-Key": [_("This header is required: it keeps a call that is sent twice from acting twice.")]}
            )
        return None
    found = _KEY.fullmatch(written)
    if found is None:
        raise ValidationError({"Idempotency-Key": [_("This must be 1 to 191 visible ASCII characters.")]})
    return found[1]


def _answer_once(request: Request, key: str, work: Callable[[], Response]) -> Response:
    now = timezone.now()
    fingerprint = _fingerprint(request)
    row, is_ours = _take(caller_key(request), key, fingerprint, now)
    if row.fingerprint != fingerprint:
        raise Problem(422, _("This key stands for another call"), _("The Idempotency-Key was used before with another body or address."))
    if not is_ours:
        if row.status is None:
            raise Problem(409, _("The first call is still being answered"), _("Ask again in a moment with the same key."))
        return Response(json.loads(row.body), status=row.status, headers={**row.headers, "Idempotent-Replay": "true"})
    try:
        with transaction.atomic():
            answer = work()
            _keep(row, answer)
    except BaseException:
        KeptAnswer.objects.filter(pk=row.pk, taken_at=row.taken_at, status=None).delete()
        raise
    return answer


def _take(caller: str, key: str, fingerprint: str, now: datetime) -> tuple[KeptAnswer, bool]:
    """This function will take a key: the row, and whether it is ours to answer."""
    # What has grown old counts as never said, also before the task that deletes it has come by.
    KeptAnswer.objects.filter(caller=caller, key=key, taken_at__lte=now - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(caller=caller, key=key, fingerprint=fingerprint, taken_at=now), True
    except IntegrityError:
        row = KeptAnswer.objects.filter(caller=caller, key=key).first()
    if row is None:
        # The first call failed in this very moment, and gave its key back.
        return _take(caller, key, fingerprint, now)
    dead = KeptAnswer.objects.filter(pk=row.pk, status=None, taken_at=row.taken_at, taken_at__lte=now - GIVEN_UP_AFTER)
    if row.fingerprint == fingerprint and dead.update(taken_at=now):
        row.taken_at = now
        return row, True
    return row, False


def _keep(row: KeptAnswer, answer: Response) -> None:
    kept = {name: value for name, value in answer.headers.items() if name in ("Location", "ETag")}
    body = json.dumps(answer.data, cls=DjangoJSONEncoder)
    # Whoever took the key over, because we were so slow, answers; what we did is rolled back.
    if not KeptAnswer.objects.filter(pk=row.pk, taken_at=row.taken_at, status=None).update(
        status=answer.status_code, body=body, headers=kept
    ):
        raise Problem(409, _("The first call is still being answered"), _("Ask again in a moment with the same key."))


def _fingerprint(request: Request) -> str:
    body: object = request.data
    told = body if isinstance(body, bytes) else json.dumps(body, sort_keys=True, cls=DjangoJSONEncoder).encode()
    return hashlib.sha256(b"\0".join([str(request.method).encode(), request.get_full_path().encode(), told])).hexdigest()
