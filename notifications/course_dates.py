"""The dates of courses, as a platform or a calendar file tells them: one row a date, never one a learner. Read next: date_reminders.py."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from channels_ace.api import Message

# How long before a date somebody may be reminded, in hours; the first two are counted in local days.
WEEK, DAY = 168, 24
HOURS = (1, 3, 6, 12)


class CourseDate(models.Model):
    """Something of a course that happens at an instant or on a local date; with a user, that learner's own date in its place."""

    class Kind(models.TextChoices):
        ASSIGNMENT = "assignment", _("Assignment due")
        COURSE_STARTS = "course_starts", _("Course starts")
        COURSE_ENDS = "course_ends", _("Course ends")
        UPGRADE = "upgrade", _("Upgrade deadline")
        CERTIFICATE = "certificate", _("Certificate available")
        ORA_STEP = "ora_step", _("Step of an assessment due")

    course_key = models.CharField(_("course"), max_length=191)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="carillon_dates",
        verbose_name=_("learner"),
    )
    external_id = models.CharField(_("external id"), max_length=191)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    title = models.CharField(_("title"), max_length=200)
    link = models.CharField(_("link"), max_length=500, blank=True, default="")
    at = models.DateTimeField(_("time"), null=True, blank=True)
    on = models.DateField(_("date"), null=True, blank=True)
    # Counts the changes of the date itself, as a calendar's SEQUENCE does.
    sequence = models.PositiveIntegerField(_("times moved"), default=0)
    moved_at = models.DateTimeField(_("moved"), null=True, blank=True)
    changed_at = models.DateTimeField(_("changed"))
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)

    class Meta:
        verbose_name = _("course date")
        verbose_name_plural = _("course dates")
        constraints = [
            models.UniqueConstraint(fields=["course_key", "external_id"], condition=Q(user=None), name="carillon_date_once"),
            models.UniqueConstraint(fields=["course_key", "external_id", "user"], name="carillon_date_once_each"),
            models.CheckConstraint(condition=Q(at=None, on__isnull=False) | Q(at__isnull=False, on=None), name="carillon_date_one_time"),
        ]
        indexes = [models.Index(fields=["at"], name="carillon_date_at"), models.Index(fields=["on"], name="carillon_date_on")]

    def __str__(self) -> str:
        return f"{self.course_key} {self.external_id}"


class Submission(models.Model):
    """A learner has handed in what a date asks for: nobody reminds them of it."""

    course_key = models.CharField(_("course"), max_length=191)
    external_id = models.CharField(_("external id"), max_length=191)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="carillon_submissions", verbose_name=_("learner"))
    submitted_at = models.DateTimeField(_("submitted"))

    class Meta:
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        constraints = [models.UniqueConstraint(fields=["course_key", "external_id", "user"], name="carillon_submission_once")]

    def __str__(self) -> str:
        return f"submission of {self.external_id}"


class DateReminder(models.Model):
    """The ledger: for one state of a date, what was said how long before it to the learners of one zone. Once each."""

    date = models.ForeignKey(CourseDate, models.CASCADE, related_name="reminders", verbose_name=_("date"))
    sequence = models.PositiveIntegerField(_("times moved"))
    # 0: that the date has moved.
    lead = models.PositiveSmallIntegerField(_("hours before"))
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    said_at = models.DateTimeField(_("said"))
    # Nobody wanted it then.
    message = models.ForeignKey(Message, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("message"))

    class Meta:
        verbose_name = _("date reminder")
        verbose_name_plural = _("date reminders")
        constraints = [models.UniqueConstraint(fields=["date", "sequence", "lead", "time_zone"], name="carillon_reminder_once")]

    def __str__(self) -> str:
        return f"{self.lead} hours before date {self.date_id}"


class DateChoice(models.Model):
    """When a learner wants to be reminded of dates, where that is not the default of one day before."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="carillon_date_choice", verbose_name=_("user")
    )
    week_before = models.BooleanField(_("seven days before"), default=False)
    day_before = models.BooleanField(_("one day before"), default=True)
    hours_before = models.PositiveSmallIntegerField(_("hours before"), null=True, blank=True)
    # For those whose calendar reminds them: only tell when a date moves.
    changes_only = models.BooleanField(_("changes only"), default=False)

    class Meta:
        verbose_name = _("choice of date reminders")
        verbose_name_plural = _("choices of date reminders")
        constraints = [
            models.CheckConstraint(condition=Q(hours_before=None) | Q(hours_before__in=HOURS), name="carillon_date_choice_hours")
        ]

    def __str__(self) -> str:
        return f"date reminders of user {self.user_id}"
