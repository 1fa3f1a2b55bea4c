"""Who wants to be told what became of messages, and what was told. Read next: webhook_events.py, webhook_posts.py."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_ace.api import EncryptedTextField, new_public_id


class Webhook(models.Model):
    """An address of another service, and the events that are posted to it."""

    public_id = models.CharField(_("id"), max_length=22, unique=True, default=new_public_id, editable=False)
    # By name, as in ServiceMessage: a service is told of its own messages.
    service = models.CharField(_("service"), max_length=100, db_index=True)
    url = models.CharField(_("address"), max_length=500)
    events = models.JSONField(_("events"), default=list)
    secret = EncryptedTextField(_("secret"), editable=False)
    # While a secret is replaced both sign, so that the receiver may change at any time until then.
    old_secret = EncryptedTextField(blank=True, default="", editable=False)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    made_at = models.DateTimeField(_("made"), editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    ended_because = models.CharField(_("why it ended"), max_length=100, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return f"{self.service} {self.public_id}"


class WebhookPost(models.Model):
    """One event for one webhook: posted until it is taken, for a day at most."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        TAKEN = "taken", _("Taken")
        GIVEN_UP = "given_up", _("Given up")

    public_id = models.CharField(_("id"), max_length=22, unique=True, default=new_public_id, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="posts", verbose_name=_("webhook"))
    # The same for every webhook that is told of the event, and for every replay: the receiver's way to see what it had before.
    event_id = models.CharField(_("event id"), max_length=64)
    event = models.CharField(_("event"), max_length=64)
    payload = models.JSONField(_("payload"))
    happened_at = models.DateTimeField(_("happened"))
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.WAITING)
    next_at = models.DateTimeField(_("next attempt"))
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    first_at = models.DateTimeField(_("first attempt"), null=True)
    last_at = models.DateTimeField(_("last attempt"), null=True)
    # What came back last: a status, or in a word why there was none.
    answer = models.CharField(_("last answer"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("webhook post")
        verbose_name_plural = _("webhook posts")
        constraints = [models.UniqueConstraint(fields=["webhook", "event_id"], name="carillon_webhook_post_once")]
        indexes = [models.Index(fields=["next_at"], name="carillon_webhook_post_due", condition=models.Q(state="waiting"))]

    def __str__(self) -> str:
        return f"{self.event} {self.public_id}"
