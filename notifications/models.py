"""What people chose, what they have read, and who belongs to which course. Read next: notify.py, inbox.py, preferences.py.

The inbox row is thin: the words stand once, in channels_ace's Message, and are rendered in the reader's language when
read. It has no id of its own and no database foreign key (docs/adr/0004).
"""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from channels_ace.api import Message
from notifications.brand_models import Brand, BrandMember, BrandText, BrandTextVersion
from notifications.calendar_feed import CalendarLink
from notifications.choice_models import Cadence, EmailCadence, Mute, Rest
from notifications.course_dates import CourseDate, DateChoice, DateReminder, Submission
from notifications.override_models import TypeOverride
from notifications.service_models import KeptAnswer, ServiceMessage
from notifications.webhook_models import Webhook, WebhookPost

__all__ = [
    "Brand",
    "BrandMember",
    "BrandText",
    "BrandTextVersion",
    "Broadcast",
    "Cadence",
    "CalendarLink",
    "CourseDate",
    "CourseMembership",
    "DateChoice",
    "DateReminder",
    "EmailCadence",
    "InboxItem",
    "InboxState",
    "IngestedEvent",
    "KeptAnswer",
    "Mute",
    "PlatformUser",
    "Preference",
    "Rest",
    "ServiceMessage",
    "Submission",
    "TypeOverride",
    "Webhook",
    "WebhookPost",
]


class InboxItem(models.Model):
    """One message in one person's inbox."""

    pk = models.CompositePrimaryKey("user_id", "message_id")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="carillon_inbox",
        verbose_name=_("user"),
    )
    message = models.ForeignKey(
        Message, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="inbox_items", verbose_name=_("message")
    )
    category = models.CharField(_("category"), max_length=16)
    seen_at = models.DateTimeField(_("seen"), null=True, blank=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    # Hidden until then; from then on it is new again. Nothing runs at that time: it is derived when read.
    snoozed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("inbox item")
        verbose_name_plural = _("inbox items")
        indexes = [
            # Which messages those are, and of which category, is read from their rows in any case.
            models.Index(fields=["user"], name="carillon_inbox_unread", condition=models.Q(read_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"inbox item {self.user_id}/{self.message_id}"


class InboxState(models.Model):
    """Up to which message a person has marked everything as read: one row however many items that were."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="carillon_inbox_state", verbose_name=_("user")
    )
    read_through = models.BigIntegerField(_("read through message"), default=0)
    read_at = models.DateTimeField(_("marked"), null=True, blank=True)

    class Meta:
        verbose_name = _("inbox state")
        verbose_name_plural = _("inbox states")

    def __str__(self) -> str:
        return f"inbox of user {self.user_id}"


class Broadcast(models.Model):
    """One message to everyone, kept once: it enters an inbox when its owner looks (broadcasts.py)."""

    message = models.OneToOneField(Message, models.CASCADE, primary_key=True, related_name="+", verbose_name=_("message"))
    # Who joined later is not meant.
    through_user_id = models.BigIntegerField(_("everyone up to user"))
    # The message's own, so that a look asks nothing of messages.
    begins_at = models.DateTimeField(_("enters from"), db_default=Now())

    class Meta:
        verbose_name = _("message to everyone")
        verbose_name_plural = _("messages to everyone")

    def __str__(self) -> str:
        return f"broadcast {self.message_id}"


class Preference(models.Model):
    """A choice that differs from the default: on or off for a type, a category, or (as "*") a whole channel."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="carillon_preferences", verbose_name=_("user"))
    # A type's name ("discussion.new_response") or a category's ("discussion"): a type beats its category, which beats the default.
    scope = models.CharField(_("type or category"), max_length=100)
    channel = models.CharField(_("channel"), max_length=16)
    is_on = models.BooleanField(_("on"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints = [models.UniqueConstraint(fields=["user", "scope", "channel"], name="carillon_preference_once")]

    def __str__(self) -> str:
        return f"{self.scope} {self.channel}"


class CourseMembership(models.Model):
    """A person's place in a course of the learning platform: the mirror that audiences are drawn from."""

    course_key = models.CharField(_("course"), max_length=191)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="carillon_courses", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=32, default="learner")
    mode = models.CharField(_("enrolment mode"), max_length=32, blank=True, default="")
    cohort = models.CharField(_("cohort"), max_length=32, blank=True, default="")
    team = models.CharField(_("team"), max_length=64, blank=True, default="")
    is_active = models.BooleanField(_("active"), default=True)
    # When this was so: an older event that comes late changes nothing.
    told_at = models.DateTimeField(_("told"), null=True, blank=True)

    class Meta:
        verbose_name = _("course membership")
        verbose_name_plural = _("course memberships")
        constraints = [models.UniqueConstraint(fields=["course_key", "user", "role"], name="carillon_membership_once")]
        indexes = [models.Index(fields=["course_key", "is_active"], name="carillon_membership_course")]

    def __str__(self) -> str:
        return f"{self.course_key} {self.role}"


class PlatformUser(models.Model):
    """Which of our users the learning platform means by a number."""

    platform_id = models.BigIntegerField(_("the platform's user id"), unique=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="carillon_platform_user", verbose_name=_("user"))

    class Meta:
        verbose_name = _("platform user")
        verbose_name_plural = _("platform users")

    def __str__(self) -> str:
        return f"platform user {self.platform_id}"


class IngestedEvent(models.Model):
    """One line that a learning platform sent us, and what became of it."""

    class Outcome(models.TextChoices):
        NOTIFIED = "notified", _("Notified")
        NOBODY = "nobody", _("Nobody to notify")
        KEPT = "kept", _("Kept")
        REFUSED = "refused", _("Refused")

    # The event's own id; a line without a readable one is known by the hash of its text.
    event_id = models.CharField(_("event id"), max_length=191, unique=True)
    fingerprint = models.CharField(max_length=64)
    type = models.CharField(_("type"), max_length=191, blank=True)
    received_at = models.DateTimeField(_("received"))
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    message = models.ForeignKey(Message, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("message"))

    class Meta:
        verbose_name = _("platform event")
        verbose_name_plural = _("platform events")

    def __str__(self) -> str:
        return self.event_id
