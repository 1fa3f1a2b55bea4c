"""What Twilio posts: what became of a text, and what people answer. Read next: intake.py, channels/sms_twilio.py.

A request is believed for its signature alone: HMAC-SHA1 by the account's token over the address as Twilio knows it and every field in
order ("Webhooks security" in Twilio's documentation). The signature holds no time, so what is posted again is known by its event id.
"""

import base64
import hmac
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_ace.channel import provider_settings
from channels_ace.inbound import receive_text
from channels_ace.intake import record
from channels_ace.provider_events import Reported
from channels_ace.receipts import Kind

logger = logging.getLogger(__name__)

PROVIDER = "twilio"
# Words of the property MessageStatus; "read" and "canceled" never come of texts that we send.
_KINDS = {
    "accepted": Kind.ACCEPTED,
    "scheduled": Kind.QUEUED,
    "queued": Kind.QUEUED,
    "sending": Kind.PENDING,
    "sent": Kind.SENT,
    "delivered": Kind.DELIVERED,
    "undelivered": Kind.GIVEN_UP,
    "failed": Kind.GIVEN_UP,
}
_LARGEST_BODY = 64 * 1024
# Whatever else we said here would be texted to the person.
_NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    fields = _signed_fields(request)
    if fields is None:
        logger.warning("Refused a message to the Twilio webhook")
        return HttpResponse(status=403)
    with transaction.atomic():
        _take_in(fields, request.GET.get("attempt", ""), timezone.now())
    return HttpResponse(_NOTHING, content_type="text/xml")


def signature(url: str, fields: Mapping[str, str], auth_token: str) -> str:
    """This function will sign an address and form fields as Twilio does."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(errors="replace"), "sha1")).decode()


def _signed_fields(request: HttpRequest) -> dict[str, str] | None:
    """This function will give the form, or nothing where its signature is not of our account."""
    twilio = provider_settings("TWILIO")
    secret, url = str(twilio.get("auth_token") or ""), str(twilio.get("callback_url") or "")
    body = request.read(_LARGEST_BODY + 1)
    if not secret or not url or len(body) > _LARGEST_BODY:
        return None
    try:
        form = QueryDict(body)
    except (ValueError, SuspiciousOperation):
        return None
    # Two values of a name are not what Twilio sends; which of them was signed would be anybody's guess.
    if any(len(values) != 1 for _, values in form.lists()):
        return None
    fields = {name: str(value) for name, value in form.items()}
    query = request.META.get("QUERY_STRING", "")
    expected = signature(f"{url}?{query}" if query else url, fields, secret)
    is_ours = hmac.compare_digest(expected.encode(), request.headers.get("X-Twilio-Signature", "").encode(errors="replace"))
    if not is_ours or fields.get("AccountSid") != twilio.get("account_sid"):
        return None
    return {name: value.replace("\0", "") for name, value in fields.items()}


def _take_in(fields: Mapping[str, str], attempt: str, now: datetime) -> None:
    sid, status = fields.get("MessageSid", ""), fields.get("MessageStatus", "")
    if status:
        _report(sid, status, fields, attempt, now)
    elif sid and fields.get("From"):
        receive_text(PROVIDER, sid[:191], fields["From"], fields.get("To", ""), fields.get("Body", ""), now)
    else:
        logger.warning("Twilio said something that is neither a receipt nor a text")


def _report(sid: str, status: str, fields: Mapping[str, str], attempt: str, now: datetime) -> None:
    kind = _KINDS.get(status)
    if kind is None:
        return
    payload: dict[str, Any] = {"event": status, "error_code": fields.get("ErrorCode", "")[:16]}
    # Twilio says what happened, not when: the moment at which it tells is the best there is.
    told = Reported(
        provider=PROVIDER,
        event_id=f"{sid}:{status}"[:191],
        kind=kind,
        occurred_at=now,
        token=_token(attempt),
        provider_message_id=sid,
        payload=payload,
    )
    record(told, now)


def _token(attempt: str) -> UUID | None:
    try:
        return UUID(attempt)
    except ValueError:
        return None
