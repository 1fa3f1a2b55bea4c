"""When and about what a person wants to be left alone. Read next: preferences.py, resting.py, policies.py."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Cadence(models.TextChoices):
    """How often e-mail comes about something."""

    NOW = "now", _("At once")
    DAILY = "daily", _("Once a day")
    WEEKLY = "weekly", _("Once a week")


class EmailCadence(models.Model):
    """A choice that differs from the default: how often e-mail comes about a type, or a category."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="carillon_cadences", verbose_name=_("user"))
    # As in Preference: a type beats its category, which beats the default.
    scope = models.CharField(_("type or category"), max_length=100)
    cadence = models.CharField(_("how often"), max_length=8, choices=Cadence)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("e-mail cadence")
        verbose_name_plural = _("e-mail cadences")
        constraints = [models.UniqueConstraint(fields=["user", "scope"], name="carillon_cadence_once")]

    def __str__(self) -> str:
        return f"{self.scope} {self.cadence}"


class Rest(models.Model):
    """When a person wants quiet: nothing until an instant, nothing outside their own hours, nothing on some days."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="carillon_rest", verbose_name=_("user")
    )
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    # Whole hours of the local day; they only ever narrow the site's own windows.
    opens = models.PositiveSmallIntegerField(_("not before"), default=0)
    closes = models.PositiveSmallIntegerField(_("not after"), default=24)
    # Monday is the first bit; 127 is every day.
    days = models.PositiveSmallIntegerField(_("days"), default=127)
    # When summaries come, where that is not the site's own hour and day; Monday is 0.
    digest_hour = models.PositiveSmallIntegerField(_("hour of summaries"), null=True, blank=True)
    digest_weekday = models.PositiveSmallIntegerField(_("day of the weekly summary"), null=True, blank=True)

    class Meta:
        verbose_name = _("rest")
        verbose_name_plural = _("rests")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(opens__lt=models.F("closes"), closes__lte=24, days__gte=1, days__lte=127), name="carillon_rest_hours"
            ),
            models.CheckConstraint(
                condition=(models.Q(digest_hour=None) | models.Q(digest_hour__lte=23))
                & (models.Q(digest_weekday=None) | models.Q(digest_weekday__lte=6)),
                name="carillon_rest_summaries",
            ),
        ]

    def __str__(self) -> str:
        return f"rest of user {self.user_id}"


class Mute(models.Model):
    """What a person wants to hear nothing of: a course, a study, or one thread."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="carillon_mutes", verbose_name=_("user"))
    # A message's scope ("course-v1:...", "study:7"), or the key of its thread.
    key = models.CharField(_("what"), max_length=255)
    label = models.CharField(_("shown as"), max_length=200, blank=True, default="")
    muted_at = models.DateTimeField(_("muted"))

    class Meta:
        verbose_name = _("mute")
        verbose_name_plural = _("mutes")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="carillon_mute_once")]

    def __str__(self) -> str:
        return self.key
