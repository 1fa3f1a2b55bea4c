"""What was said, to whom it goes, and what became of it. Read next: send.py, then delivery.py.

Bulk rows (Delivery) hold no database foreign key: one to users makes writing them 2.5 to 4 times slower
(docs/adr/0004). A contact point of 0 means "none": unique keys must not hang on NULL.
"""

import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_ace.crypto import BlindIndexField, EncryptedTextField
from channels_ace.fan_out_models import FanOut, FanOutChunk
from channels_ace.inbound_models import ConsentRecord, InboundText
from channels_ace.operations_models import OriginatorPace, ProviderHealth, Switch, SwitchesSeen
from channels_ace.silent_models import SilentPush

__all__ = [
    "Attempt",
    "ConsentRecord",
    "ContactPoint",
    "Delivery",
    "FanOut",
    "FanOutChunk",
    "InboundText",
    "Message",
    "OriginatorPace",
    "ProviderEvent",
    "ProviderHealth",
    "Recipient",
    "SilentPush",
    "Suppression",
    "Switch",
    "SwitchesSeen",
    "new_public_id",
]


def new_public_id() -> str:
    """This function will make an opaque id for the outside, 22 characters of URL alphabet; none begins as an option of a command does."""
    made = secrets.token_urlsafe(16)
    return new_public_id() if made.startswith("-") else made


class Recipient(models.Model):
    """How to address a person: their zone and language. No row means neither is known."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="carillon_recipient", verbose_name=_("user")
    )
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    language = models.CharField(_("language"), max_length=16, blank=True, default="")

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")

    def __str__(self) -> str:
        return f"recipient {self.pk}"


class ContactPoint(models.Model):
    """Where a channel reaches a person. The address is encrypted; `index` finds it, `hint` shows its last characters."""

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail address")
        PHONE = "phone", _("Phone number")
        DEVICE_TOKEN = "device_token", _("Device (token)")
        DEVICE_FID = "device_fid", _("Device (installation)")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="carillon_contact_points", verbose_name=_("user"))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    address = EncryptedTextField(_("address"))
    index = BlindIndexField(_("blind index"), db_index=True)
    # A device belongs to one person at a time, a phone or mailbox may be shared: the key says which without a conditional constraint.
    owner_key = models.CharField(max_length=96)
    hint = models.CharField(_("ends in"), max_length=64, blank=True)
    # The signed-in app that registered a device, by a name that is opaque here: what is changed in it need not be told to it.
    app = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)
    removed_reason = models.CharField(_("why removed"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("added"))

    class Meta:
        verbose_name = _("contact point")
        verbose_name_plural = _("contact points")
        constraints = [models.UniqueConstraint(fields=["kind", "owner_key"], name="carillon_contact_point_owner")]
        indexes = [models.Index(fields=["user", "kind"], name="carillon_contact_point_user")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.hint}"


class Suppression(models.Model):
    """An address we must not use, and since when. `scope` empty means: for everything but what signs a person in."""

    class Reason(models.TextChoices):
        STOP = "stop", _("The person replied STOP")
        UNSURE = "unsure", _("The person may have meant STOP")
        BOUNCE = "bounce", _("The address does not exist")
        COMPLAINT = "complaint", _("The person reported a message as unwanted")
        OPERATOR = "operator", _("An operator blocked the address")

    channel = models.CharField(_("channel"), max_length=16)
    index = BlindIndexField(_("blind index of the address"))
    scope = models.CharField(_("scope"), max_length=191, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=16, choices=Reason.choices)
    since = models.DateTimeField(_("since"))
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        # One for each reason: that an operator lifts theirs, or a person their STOP, says nothing about the others.
        constraints = [models.UniqueConstraint(fields=["index", "channel", "scope", "reason"], name="carillon_suppression_reason_once")]

    def __str__(self) -> str:
        return f"{self.channel} {self.reason}"


class Message(models.Model):
    """Something said once. Immutable: what became of it is in its deliveries."""

    public_id = models.CharField(_("id"), max_length=22, unique=True, default=new_public_id, editable=False)
    type = models.CharField(_("type"), max_length=100, db_index=True)
    context = models.JSONField(_("context"), default=dict)
    link = models.CharField(_("link"), max_length=500, blank=True, default="")
    scope = models.CharField(_("scope"), max_length=191, blank=True, default="", db_index=True)
    # Which conversation it belongs to, so that a person can mute just that; opaque, as the scope is.
    thread = models.CharField(_("thread"), max_length=255, blank=True, default="", db_default="")
    channels = models.JSONField(_("channels"), default=list)
    idempotency_key = models.CharField(_("idempotency key"), max_length=191, unique=True)
    # SHA-256 of everything said, so that the same key with other words is an error and not a silent no.
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("said"), db_index=True)
    send_after = models.DateTimeField(_("not before"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    fanned_out_at = models.DateTimeField(_("planned for everyone"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")

    def __str__(self) -> str:
        return f"{self.type} {self.public_id}"


class Delivery(models.Model):
    """One message to one recipient over one channel (and device): a state and the reason for it."""

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        READY = "ready", _("Ready")
        DEFERRED = "deferred", _("Waiting")
        SENDING = "sending", _("Sending")
        UNKNOWN = "unknown", _("Unknown")
        ACCEPTED = "accepted", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        UNDELIVERABLE = "undeliverable", _("Failed")
        SUPPRESSED = "suppressed", _("Held back")
        EXPIRED = "expired", _("Expired")
        CANCELLED = "cancelled", _("Cancelled")
        IN_DIGEST = "in_digest", _("In a summary")
        UNKNOWN_FINAL = "unknown_final", _("Unknown, closed")
        DEAD = "dead", _("Set aside")

    WAITING: ClassVar = (State.PLANNED, State.READY, State.DEFERRED)
    # What waits for these is gathered (gather.py); a text is never one of several.
    TOGETHER: ClassVar = ("buffered", "digest_daily", "digest_weekly", "own_hours", "quiet_hours")

    # Without the index of each foreign key: the unique key begins with the message, carillon_delivery_user with the user.
    message = models.ForeignKey(
        Message, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="deliveries", verbose_name=_("message")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="carillon_deliveries",
        verbose_name=_("recipient"),
    )
    channel = models.CharField(_("channel"), max_length=16)
    contact_point_id = models.BigIntegerField(_("contact point"), db_default=0, default=0)
    lane = models.CharField(_("lane"), max_length=16)
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    reason = models.CharField(_("reason"), max_length=64, blank=True, db_default="", default="")
    due_at = models.DateTimeField(_("due"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    created_at = models.DateTimeField(_("decided"))
    changed_at = models.DateTimeField(_("changed"))
    # Leases and fences use the database's clock; every other time is the `now` that was passed in.
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(db_default=0, default=0)
    claims = models.PositiveSmallIntegerField(_("claims"), db_default=0, default=0)
    reconcile_at = models.DateTimeField(_("reconciled at the latest"), null=True, blank=True)
    # The message that stood for this one, where several became one.
    digest_id = models.BigIntegerField(_("summary"), null=True, blank=True)
    # When the device was told to take it off its screen (silent_telling.py).
    withdrawn_at = models.DateTimeField(_("taken off the screen"), null=True, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["message", "user", "channel", "contact_point_id"], name="carillon_delivery_once"),
        ]
        indexes = [
            models.Index(
                fields=["lane", "due_at"], name="carillon_delivery_due", condition=models.Q(state__in=["planned", "ready", "deferred"])
            ),
            models.Index(
                fields=["expires_at"],
                name="carillon_delivery_stale",
                condition=models.Q(state__in=["planned", "ready", "deferred"], expires_at__isnull=False),
            ),
            models.Index(
                fields=["state", "reconcile_at"], name="carillon_delivery_open", condition=models.Q(state__in=["sending", "unknown"])
            ),
            models.Index(fields=["user", "-id"], name="carillon_delivery_user"),
            models.Index(
                fields=["reason", "channel", "changed_at"],
                name="carillon_delivery_held",
                condition=models.Q(state="deferred", reason__in=["switched_off", "provider_down"]),
            ),
            models.Index(
                fields=["due_at"],
                name="carillon_delivery_gathered",
                condition=models.Q(
                    state="deferred",
                    channel__in=["email", "push"],
                    reason__in=["buffered", "digest_daily", "digest_weekly", "own_hours", "quiet_hours"],
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.pk}"

    @classmethod
    def gathered(cls) -> models.Q:
        """This function will give the condition that a delivery waits to be gathered, and is not claimed."""
        return models.Q(state=cls.State.DEFERRED, channel__in=["email", "push"], reason__in=cls.TOGETHER)


class Attempt(models.Model):
    """One request to one provider, committed before its first byte leaves. No outcome means: nobody recorded one."""

    token = models.UUIDField(_("token"), unique=True, default=uuid.uuid4, editable=False)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts", verbose_name=_("delivery"))
    fence = models.PositiveIntegerField()
    provider = models.CharField(_("provider"), max_length=32)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=16, blank=True, default="")
    code = models.CharField(_("code"), max_length=64, blank=True, default="")
    detail = models.CharField(_("detail"), max_length=300, blank=True, default="")
    provider_message_id = models.CharField(_("provider's id"), max_length=191, blank=True, default="")
    parts = models.PositiveSmallIntegerField(_("parts"), default=1)
    # In dollars, for a text that was taken or may have been.
    price_estimate = models.DecimalField(_("estimated price"), max_digits=9, decimal_places=5, null=True, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        indexes = [
            models.Index(fields=["started_at"], name="carillon_attempt_priced", condition=models.Q(price_estimate__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"attempt {self.pk}"


class ProviderEvent(models.Model):
    """What a provider reported afterwards, once each, kept whole."""

    provider = models.CharField(_("provider"), max_length=32)
    event_id = models.CharField(_("provider's event id"), max_length=191)
    token = models.UUIDField(_("attempt token"), null=True, blank=True, db_index=True)
    kind = models.CharField(_("kind"), max_length=32)
    occurred_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("received"))
    applied_at = models.DateTimeField(_("applied"), null=True, blank=True)
    payload = models.JSONField(_("payload"), default=dict)

    class Meta:
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="carillon_provider_event_once")]
        indexes = [
            models.Index(
                fields=["received_at"], name="carillon_event_parked", condition=models.Q(applied_at__isnull=True, token__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"
