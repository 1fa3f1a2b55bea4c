"""How far a message has come on its way to its people. Read next: fan_out.py."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class FanOut(models.Model):
    """A fan-out of several chunks that is not finished: whom it is for, so that anyone can go on with it. It goes when it is done."""

    message = models.OneToOneField(
        "carillon_channels.Message", models.CASCADE, primary_key=True, related_name="fan_out", verbose_name=_("message")
    )
    # The ids with commas between, in no order: who they were when it was said (docs/adr/0009).
    user_ids = models.TextField(blank=True)
    # In place of ids: all who could sign in, up to this id.
    everyone_through = models.BigIntegerField(_("everyone up to user"), null=True, blank=True)
    people = models.PositiveIntegerField(_("people"), null=True, blank=True)
    begun_at = models.DateTimeField(_("begun"))
    trouble = models.CharField(_("what stops it"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("fan-out under way")
        verbose_name_plural = _("fan-outs under way")

    def __str__(self) -> str:
        return f"fan-out of {self.pk}"


class FanOutChunk(models.Model):
    """The ledger of a message's fan-out: a chunk is here exactly if its deliveries are."""

    message = models.ForeignKey("carillon_channels.Message", models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField(_("number"))
    first_user_id = models.BigIntegerField(_("first user"))
    last_user_id = models.BigIntegerField(_("last user"))
    people = models.PositiveIntegerField(_("people"), default=0, db_default=0)
    done_at = models.DateTimeField(_("done"))

    class Meta:
        verbose_name = _("fan-out chunk")
        verbose_name_plural = _("fan-out chunks")
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="carillon_chunk_once")]

    def __str__(self) -> str:
        return f"{self.message_id}/{self.number}"
