"""What providers post to us: Amazon SNS here, other e-mail services through Anymail. Read next: sns.py, intake.py, urls.py.

No session, no CSRF token: a message is believed for its signature alone. What is forged gets 403 and leaves no trace but a log line
without a word of it; what came before gets 200 and changes nothing.
"""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_ace.intake import take_in, take_in_tracking
from channels_ace.models import ProviderEvent
from channels_ace.provider_events import NotUnderstood
from channels_ace.sns import LARGEST_BODY, CertificateUnavailable, Envelope, Forged, verify

logger = logging.getLogger(__name__)

CONFIRMATION = "subscription_confirmation"


@csrf_exempt
@require_POST
def sns(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    try:
        envelope = verify(request.read(LARGEST_BODY + 1), now)
    except Forged as error:
        logger.warning("Refused a message to the SNS webhook: %s", error)
        return HttpResponse(status=403)
    except CertificateUnavailable as error:
        logger.warning("The certificate of SNS could not be fetched: %s", error)
        return HttpResponse(status=503)
    take_in_envelope(envelope, now)
    return HttpResponse(status=200)


def take_in_envelope(envelope: Envelope, now: datetime) -> None:
    """This function will apply what SNS wraps, whole or not at all; what is not for us to understand is kept for an operator."""
    with transaction.atomic():
        if envelope.type == "Notification":
            try:
                take_in(envelope.message, now, sent_at=envelope.sent_at)
            except NotUnderstood as error:
                _keep(envelope, "not_understood", {"why": str(error)}, now)
        elif envelope.type == "SubscriptionConfirmation":
            # Its SubscribeURL is followed by nobody: an operator confirms by name (management command confirm_sns_topic).
            _keep(envelope, CONFIRMATION, {"token": envelope.token}, now)
        else:
            logger.error("SNS says that the webhook is no longer subscribed to %s", envelope.topic_arn)
            _keep(envelope, "unsubscribe_confirmation", {}, now)


def _keep(envelope: Envelope, kind: str, payload: dict[str, Any], now: datetime) -> None:
    ProviderEvent.objects.get_or_create(
        provider="sns",
        event_id=envelope.message_id[:191],
        defaults={
            "kind": kind,
            "occurred_at": envelope.sent_at,
            "received_at": now,
            "payload": {"topic": envelope.topic_arn, **payload},
        },
    )


def note_tracking(sender: Any, event: Any, esp_name: str, **_: Any) -> None:
    """This function will hear what Anymail's webhooks heard (its signal `tracking`, connected in apps.py)."""
    with transaction.atomic():
        take_in_tracking(event, esp_name, timezone.now())
