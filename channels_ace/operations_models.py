"""What holds back what could go: operators, and providers that fail. Read next: switches.py, health.py."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Switch(models.Model):
    """What an operator has turned off, and why. Nothing of it is lost: it waits until the row is deleted, or expires."""

    class Kind(models.TextChoices):
        CHANNEL = "channel", _("Channel")
        PROVIDER = "provider", _("Provider")
        TYPE = "type", _("Type of message")
        SCOPE = "scope", _("Course or study")

    kind = models.CharField(_("what"), max_length=16, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=191, help_text=_("As it is written in the list of deliveries or messages: sms, study:1."))
    why = models.CharField(_("why"), max_length=300)
    who = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("turned off by"))
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("kill switch")
        verbose_name_plural = _("kill switches")
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="carillon_switch_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class SwitchesSeen(models.Model):
    """What the sweep saw when it last looked, in one row: only when one of the switches is gone does it look through all that is held."""

    seen = models.JSONField(default=list)
    looked_at = models.DateTimeField()

    class Meta:
        verbose_name = _("switches seen")
        verbose_name_plural = _("switches seen")

    def __str__(self) -> str:
        return f"{len(self.seen)} switches"


class ProviderHealth(models.Model):
    """How a provider answered lately, and since when it rests. Read next: health.py."""

    REMEMBERED: ClassVar = 50

    provider = models.CharField(_("provider"), max_length=32, primary_key=True)
    # Oldest first; "-" is an answer that was refused or never came.
    recent = models.CharField(_("last answers"), max_length=REMEMBERED, blank=True, default="")
    opened_at = models.DateTimeField(_("rests since"), null=True, blank=True)
    probe_at = models.DateTimeField(_("next probe"), null=True, blank=True)

    class Meta:
        verbose_name = _("provider's health")
        verbose_name_plural = _("providers' health")

    def __str__(self) -> str:
        return self.provider


class OriginatorPace(models.Model):
    """When the parts of texts that an originator was given are through, at the rate it is allowed (pacing.py)."""

    provider = models.CharField(_("provider"), max_length=32)
    # A number of ours, a short code or a sender id; empty where the provider chooses.
    originator = models.CharField(_("originator"), max_length=191, blank=True)
    # By the database's clock.
    free_at = models.DateTimeField(_("free again"))

    class Meta:
        verbose_name = _("originator's pace")
        verbose_name_plural = _("originators' pace")
        constraints = [models.UniqueConstraint(fields=["provider", "originator"], name="carillon_pace_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.originator}".strip()
