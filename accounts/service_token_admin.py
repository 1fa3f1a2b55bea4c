"""Where an operator makes a service's token, which is shown once, and revokes it. Read next: service_tokens.py."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ServiceToken
from accounts.service_tokens import make_service_token, revoke
from notifications.api import known_scopes

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[ServiceToken]
    Form = forms.ModelForm[ServiceToken]
else:
    # Django's classes are generic to the type checker only.
    Admin, Form = admin.ModelAdmin, forms.ModelForm


class ServiceTokenForm(Form):
    scopes = forms.MultipleChoiceField(label=_("Scopes"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "scopes" in self.fields:
            choices = [(name, f"{name}: {words}") for name, words in known_scopes().items()]
            self.fields["scopes"] = forms.MultipleChoiceField(label=_("Scopes"), widget=forms.CheckboxSelectMultiple, choices=choices)

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError(_("Choose a time in the future, or none."))
        return expires_at


@admin.register(ServiceToken)
class ServiceTokenAdmin(Admin):
    form = ServiceTokenForm
    list_display = ["name", "hint", "told_scopes", "made_by", "made_at", "expires_at", "used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "made_at"]
    list_select_related = ["made_by"]
    search_fields = ["name", "hint"]
    ordering = ["-pk"]
    actions = ["revoke"]
    show_full_result_count = False
    # One field with one label: Django's own two have none that a screen reader finds.
    formfield_overrides = {
        models.DateTimeField: {"form_class": forms.DateTimeField, "widget": forms.DateTimeInput(attrs={"type": "datetime-local"})}
    }

    @admin.display(description=_("scopes"))
    def told_scopes(self, token: ServiceToken) -> str:
        return ", ".join(token.scopes)

    def get_fields(self, request: HttpRequest, obj: ServiceToken | None = None) -> Any:
        return ["name", "scopes", "expires_at"] if obj is None else self.list_display

    def save_model(self, request: HttpRequest, obj: ServiceToken, form: Any, change: bool) -> None:
        clear = make_service_token(
            name=obj.name, scopes=obj.scopes, made_by_id=request.user.pk, expires_at=obj.expires_at, now=timezone.now()
        )
        made = ServiceToken.objects.order_by("-pk").filter(hint=clear[-4:]).first()
        obj.pk = made.pk if made else None
        self.message_user(request, _("The token, shown this once: %(token)s") % {"token": clear})

    @admin.action(description=_("Revoke the selected tokens"), permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ServiceToken]) -> None:
        self.message_user(request, _("Revoked: %(number)d.") % {"number": revoke(queryset, timezone.now())})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What a token may do stays as it was made: revoke it, and make another.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
