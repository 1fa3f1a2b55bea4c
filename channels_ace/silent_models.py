"""What a person's devices are still to be told without a sound. Read next: silent.py."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SilentPush(models.Model):
    """That something of a person's has changed since their devices were told: one row a person, however much that is.

    What changed is not in it. It is read from what is so when the push goes out, so that late, twice or together is the same.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Sending")
        TOLD = "told", _("Told")
        UNCHANGED = "unchanged", _("Nothing to tell")
        GIVEN_UP = "given_up", _("Given up")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="carillon_silent_push", verbose_name=_("user")
    )
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.UNCHANGED)
    reason = models.CharField(_("reason"), max_length=64, blank=True, default="")
    # What was asked for while a push was under way is not in it: then the number is another.
    asked = models.PositiveIntegerField(_("times asked"), default=0)
    # The app in which it was changed, which knows (ContactPoint.app); empty where it is unknown, or several.
    by = models.CharField(max_length=64, blank=True, default="")
    due_at = models.DateTimeField(_("due"))
    # Providers hold back what comes too often: until then the next one waits, and says more.
    rests_until = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    claims = models.PositiveSmallIntegerField(_("tries"), default=0)
    # What each device was told last, by the key of its contact point: {"badge": 3, "at": "2026-03-02T12:00:00+00:00"}.
    told = models.JSONField(_("told"), default=dict, blank=True)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("silent push")
        verbose_name_plural = _("silent pushes")
        indexes = [
            models.Index(fields=["due_at"], name="carillon_silent_due", condition=models.Q(state="waiting")),
            models.Index(fields=["lease_until"], name="carillon_silent_leased", condition=models.Q(state="sending")),
        ]

    def __str__(self) -> str:
        return f"silent push to user {self.user_id}"
