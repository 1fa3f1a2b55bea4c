"""A text to one participant, written by staff or by another service. Read next: text_rules.py."""

from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from channels_ace.api import Delivery, Message, sentence
from notifications.api import notify
from studies.audit import write_audit
from studies.models import Enrollment
from studies.protocol_problems import MESSAGES
from studies.publishing import protocol_of
from studies.text_rules import fill, problems_of_text


class NotSendable(ValueError):
    """The text says what it must not, or nothing can reach the person; nothing was written."""

    def __init__(self, *words: str, is_about_text: bool = False) -> None:
        super().__init__(*words)
        self.is_about_text = is_about_text


def send_text(enrollment: Enrollment, text: str, *, key: str, now: datetime) -> Message:
    """This function will text a participant, once for each key. Raises NotSendable."""
    study = enrollment.study
    link = protocol_of(enrollment.version).link or settings.SITE_URL
    problems = problems_of_text(text, study.participant_name)
    if problems:
        raise NotSendable(*(_(MESSAGES[code]) % values for code, values in problems), is_about_text=True)
    said = fill(text, study.participant_name, link)
    with transaction.atomic():
        message = notify(
            type="studies.text",
            audience=[enrollment.user_id],
            context={"study": study.participant_name, "said": said},
            scope=study.scope,
            # As long whatever the caller's key is.
            idempotency_key=f"text:{enrollment.public_id}:{sha256(key.encode()).hexdigest()}",
            now=now,
        )
        barred = Delivery.objects.filter(message=message, state=Delivery.State.SUPPRESSED).first()
        if barred is not None:
            raise NotSendable(sentence(barred.reason))
        write_audit(study, "text_sent", now, enrollment=enrollment, details={"message": message.public_id})
    return message
