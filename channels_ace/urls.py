"""Where providers post. Read next: webhooks.py.

Of Anymail's addresses only the one of the e-mail service in use is there, and only behind its secret. Amazon SES has none: Anymail
does not check the signatures of SNS, and /sns/ does.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import URLPattern, path

from channels_ace import twilio, webhooks


def email_service() -> str:
    """This function will name the e-mail service that Anymail speaks to, "" where there is none."""
    parts = settings.EMAIL_BACKEND.split(".")
    return parts[2] if parts[:2] == ["anymail", "backends"] and len(parts) > 3 else ""


def tracking_addresses() -> list[URLPattern]:
    """This function will list the addresses at which the e-mail service may tell what became of messages."""
    options: Mapping[str, Any] = getattr(settings, "ANYMAIL", {})
    service = email_service()
    if not options.get("WEBHOOK_SECRET") or service in ("", "amazon_ses"):
        return []
    # Imported here: no other site needs the views of fifteen services.
    from anymail.urls import urlpatterns

    return [one for one in urlpatterns if str(one.name) in (f"{service}_tracking_webhook", f"{service}_webhook")]


urlpatterns = [
    path("sns/", webhooks.sns, name="sns-webhook"),
    path("twilio/", twilio.webhook, name="twilio-webhook"),
    *(path(f"anymail/{one.pattern}", one.callback, name=one.name) for one in tracking_addresses()),
]
