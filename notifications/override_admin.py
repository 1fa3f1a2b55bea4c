"""Where operators change the defaults of types, having seen how many people it touches. Read next: override_effects.py."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.models import TypeOverride
from notifications.override_effects import people_changed, people_changed_without
from notifications.registry import CHANNEL_LABELS, registered

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Form = forms.ModelForm[TypeOverride]
else:
    # Django's classes are generic to the type checker only.
    Admin, Form = admin.ModelAdmin, forms.ModelForm


PLACE = ("brand", "scope", "channel")


def change_for(people: int) -> str:
    """This function will say what a change does, in words."""
    return ngettext("This changes what one person gets.", "This changes what %(people)s people get.", people) % {"people": f"{people:,}"}


class OverrideForm(Form):
    # What the operator was told, as they were told it: whatever changed since is told again.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        lines = {known.scope: f"{known.category.label}: {known.label}" for known in registered()}
        self.fields["scope"] = forms.ChoiceField(label=self.fields["scope"].label, choices=list(lines.items()))
        self.fields["channel"] = forms.ChoiceField(label=self.fields["channel"].label, choices=list(CHANNEL_LABELS.items()))
        # Django calls the third answer "Unknown"; it is known, and stands in the type.
        for name in PLACE:
            # What is for something else is another override; whom it touches is told of one.
            self.fields[name].disabled = self.instance.pk is not None
        self.fields["is_on"].widget.choices = [("unknown", _("As declared")), ("true", _("On")), ("false", _("Off"))]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if self.errors:
            return found
        types = [known for known in registered() if known.scope == found["scope"]]
        if not any(found["channel"] in known.channels for known in types):
            self.add_error("channel", _("Nothing of this type goes out by this channel."))
        elif found["is_on"] is False and any(found["channel"] in known.locked for known in types):
            self.add_error("is_on", _("It is about people’s own accounts, and always sent."))
        elif found["is_locked"] and found["is_on"] is False:
            self.add_error("is_on", _("What is always sent cannot be off."))
        elif found["cadence"] and found["channel"] != "email":
            self.add_error("cadence", _("Only e-mail can wait for a digest."))
        else:
            self._tell_first(found)
        return found

    def _tell_first(self, found: dict[str, Any]) -> None:
        names = (*PLACE, "is_on", "is_locked", "cadence")
        wanted = TypeOverride(**{name: found[name] for name in names})
        people = people_changed(wanted, self._saved())
        told = "/".join(str(found[name]) for name in names) + f"/{people}"
        if found.get("seen") == told:
            return
        self.data = {**self.data.dict(), "seen": told} if isinstance(self.data, QueryDict) else {**self.data, "seen": told}
        self.add_error(None, change_for(people) + " " + _("Save again to apply it."))

    def _saved(self) -> TypeOverride | None:
        return TypeOverride.objects.filter(pk=self.instance.pk).first() if self.instance.pk else None


@admin.register(TypeOverride)
class TypeOverrideAdmin(Admin):
    form = OverrideForm
    list_display = ["scope", "channel", "brand", "is_on", "is_locked", "cadence", "changed_by", "changed_at"]
    list_filter = ["brand", "channel", "is_locked", "is_on"]
    list_select_related = ["brand", "changed_by"]
    search_fields = ["scope"]
    ordering = ["scope", "channel", "brand"]
    fields = ["brand", "scope", "channel", "is_on", "is_locked", "cadence", "seen"]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        listed, *rest = super().get_deleted_objects(objs, request)
        told = [f"{one}: {change_for(people_changed_without(one))}" for one in objs]
        return [*listed, *told], *rest

    def save_model(self, request: HttpRequest, obj: TypeOverride, form: Any, change: bool) -> None:
        obj.changed_by_id, obj.changed_at = request.user.pk, timezone.now()
        super().save_model(request, obj, form, change)
