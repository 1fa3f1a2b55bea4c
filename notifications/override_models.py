"""What operators decided about types, over what the code declares: everywhere, or for one site. Read next: overrides.py."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.brand_models import Brand
from notifications.choice_models import Cadence

ONE = _("There is one already for this: change that one.")


class TypeOverride(models.Model):
    """Another default, lock or cadence for one line of the settings page over one channel; what is empty stays as declared.

    A brand's own stands in place of the one for everywhere, wholly.
    """

    brand = models.ForeignKey(
        Brand,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="overrides",
        verbose_name=_("brand"),
        help_text=_("Nothing means everywhere. What a brand has of its own stands in place of that."),
    )
    # A type's name, or the name of the line that it shares with others, as in Preference.
    scope = models.CharField(_("type"), max_length=100)
    channel = models.CharField(_("channel"), max_length=16)
    is_on = models.BooleanField(_("on by default"), null=True, blank=True)
    is_locked = models.BooleanField(_("always sent"), default=False, help_text=_("Nobody can turn it off, and it goes past pauses."))
    cadence = models.CharField(_("how often"), max_length=8, choices=Cadence, blank=True, default="", help_text=_("For e-mail only."))
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+")
    changed_at = models.DateTimeField(_("changed"), editable=False)

    class Meta:
        verbose_name = _("override of a type")
        verbose_name_plural = _("overrides of types")
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "channel"], condition=Q(brand=None), name="carillon_override_once", violation_error_message=ONE
            ),
            models.UniqueConstraint(
                fields=["brand", "scope", "channel"], name="carillon_override_once_a_brand", violation_error_message=ONE
            ),
            models.CheckConstraint(condition=~Q(is_locked=True, is_on=False), name="carillon_override_locks_what_is_on"),
            models.CheckConstraint(condition=Q(cadence="") | Q(channel="email"), name="carillon_override_cadence_of_email"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.channel}"
