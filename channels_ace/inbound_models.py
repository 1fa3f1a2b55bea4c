"""What people answered, and what they agreed to by it. Read next: inbound.py."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_ace.crypto import BlindIndexField, EncryptedTextField
from channels_ace.keywords import Intent


class InboundText(models.Model):
    """A text that somebody sent to us, once each. Number and words are readable to nobody who has only the table."""

    class Meaning(models.TextChoices):
        STOP = Intent.STOP.value, _("No more texts")
        START = Intent.START.value, _("Texts again")
        HELP = Intent.HELP.value, _("Who are you?")
        UNSURE = Intent.UNSURE.value, _("Unclear: a person must read it")
        OTHER = Intent.OTHER.value, _("Something else")

    provider = models.CharField(_("provider"), max_length=32)
    event_id = models.CharField(_("provider's event id"), max_length=191)
    index = BlindIndexField(_("blind index of the number"), db_index=True)
    hint = models.CharField(_("from a number that ends in"), max_length=64, blank=True)
    to = models.CharField(_("to"), max_length=32, blank=True)
    text = EncryptedTextField(_("text"), blank=True)
    intent = models.CharField(_("meaning"), max_length=16, choices=Meaning.choices)
    scope = models.CharField(_("scope"), max_length=191, blank=True, default="")
    sent_at = models.DateTimeField(_("sent"))
    received_at = models.DateTimeField(_("received"))
    # Only what is unclear waits for a person.
    read_at = models.DateTimeField(_("read by a person"), null=True, blank=True)

    class Meta:
        verbose_name = _("inbound text")
        verbose_name_plural = _("inbound texts")
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="carillon_inbound_text_once")]

    def __str__(self) -> str:
        return f"{self.hint} {self.intent}"


class ConsentRecord(models.Model):
    """Each time somebody took back or gave their agreement to be written to, and how we know. Only ever added to."""

    class Decision(models.TextChoices):
        STOPPED = "stopped", _("wants no more")
        PAUSED = "paused", _("may want no more")
        STARTED = "started", _("wants them again")
        RESUMED = "resumed", _("did not mean to stop")

    class Source(models.TextChoices):
        TEXT = "text", _("a text from that number")
        PROVIDER = "provider", _("the provider's list")
        OPERATOR = "operator", _("an operator who read the text")

    channel = models.CharField(_("channel"), max_length=16)
    index = BlindIndexField(_("blind index of the address"), db_index=True)
    scope = models.CharField(_("scope"), max_length=191, blank=True, default="")
    decision = models.CharField(_("decision"), max_length=16, choices=Decision.choices)
    source = models.CharField(_("how we know"), max_length=16, choices=Source.choices)
    evidence = models.CharField(_("evidence"), max_length=191, blank=True)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")

    def __str__(self) -> str:
        return f"{self.channel} {self.decision}"
