"""What the API keeps for its callers: answers given once, and messages of services. Read next: service_messages.py."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_ace.api import EncryptedTextField, Message, new_public_id


class KeptAnswer(models.Model):
    """The answer to a call with an Idempotency-Key, for its caller alone. Without a status, the call is still being worked on."""

    caller = models.CharField(_("caller"), max_length=64)
    key = models.CharField(_("idempotency key"), max_length=191)
    # SHA-256 of method, address and body.
    fingerprint = models.CharField(max_length=64)
    taken_at = models.DateTimeField(_("taken"), db_index=True)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    headers = models.JSONField(default=dict)
    # JSON, encrypted: an answer may hold what is shown once.
    body = EncryptedTextField(blank=True, default="")

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="carillon_kept_answer_once")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"


class ServiceMessage(models.Model):
    """What another service asked us to say (service_messages.py): it becomes a Message when its time comes, by a worker."""

    public_id = models.CharField(_("id"), max_length=22, unique=True, default=new_public_id, editable=False)
    # By name, not by token: a token is replaced, and the service still follows what it said.
    service = models.CharField(_("service"), max_length=100, db_index=True)
    type = models.CharField(_("type"), max_length=100)
    context = models.JSONField(_("context"), default=dict)
    link = models.CharField(_("link"), max_length=500, blank=True, default="")
    scope = models.CharField(_("scope"), max_length=191, blank=True, default="")
    # None: by every channel of the type.
    channels = models.JSONField(_("channels"), null=True)
    audience = models.JSONField(_("audience"))
    asked_at = models.DateTimeField(_("asked"))
    send_after = models.DateTimeField(_("not before"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    message = models.ForeignKey(Message, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("message"))
    people = models.PositiveIntegerField(_("people"), default=0)
    planned_at = models.DateTimeField(_("planned for everyone"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    refused_because = models.CharField(_("why refused"), max_length=300, blank=True, default="")
    # How far webhooks were told of it (webhook_events.py): its state, and its deliveries up to a change.
    told_state = models.CharField(max_length=16, blank=True, default="")
    told_through = models.DateTimeField(null=True)
    told_key = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("message of a service")
        verbose_name_plural = _("messages of services")
        indexes = [
            models.Index(
                fields=["asked_at"],
                name="carillon_service_waiting",
                condition=models.Q(planned_at=None, cancelled_at=None, refused_because=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.public_id}"
