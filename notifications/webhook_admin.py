"""Where operators see what webhooks were told, make and end them, and post again. Read next: webhooks.py."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_ace.api import Refused
from notifications.models import Webhook, WebhookPost
from notifications.webhook_posts import replay
from notifications.webhooks import EVENTS, check_url, end_webhook, make_webhook, replace_secret

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Form = forms.ModelForm[Webhook]
else:
    # Django's classes are generic to the type checker only.
    Admin, Form = admin.ModelAdmin, forms.ModelForm


class WebhookForm(Form):
    events = forms.MultipleChoiceField(label=_("Events"), choices=[(name, name) for name in EVENTS], widget=forms.CheckboxSelectMultiple)

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_url(url)
        except Refused as error:
            raise forms.ValidationError(str(error)) from error
        return url


@admin.register(Webhook)
class WebhookAdmin(Admin):
    form = WebhookForm
    list_display = ["service", "url", "told_events", "made_at", "ended_at", "ended_because"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter), "made_at"]
    search_fields = ["service__startswith", "url__startswith", "public_id__exact"]
    ordering = ["-pk"]
    actions = ["replace", "end"]

    @admin.display(description=_("events"))
    def told_events(self, webhook: Webhook) -> str:
        return ", ".join(webhook.events)

    def get_fields(self, request: HttpRequest, obj: Webhook | None = None) -> Any:
        return ["service", "url", "events"] if obj is None else ["public_id", *self.list_display]

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        made = make_webhook(service=obj.service, url=obj.url, events=obj.events, now=timezone.now())
        obj.pk = made.pk
        self.message_user(request, _("The secret, shown this once: %(secret)s") % {"secret": made.secret})

    @admin.action(description=_("Replace the secrets of the selected webhooks"), permissions=["add"])
    def replace(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset.filter(ended_at=None):
            secret = replace_secret(webhook, timezone.now())
            told = {"url": webhook.url, "secret": secret}
            self.message_user(request, _("The new secret of %(url)s, shown this once: %(secret)s. For a day both sign.") % told)

    @admin.action(description=_("End the selected webhooks"), permissions=["add"])
    def end(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset.filter(ended_at=None):
            end_webhook(webhook, "Ended by an operator.", timezone.now())

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What was told stays readable; it is ended instead.
        return False


@admin.register(WebhookPost)
class WebhookPostAdmin(Admin):
    list_display = ["webhook", "event", "happened_at", "state", "attempts", "last_at", "next_at", "answer"]
    list_filter = ["state", "event", "happened_at"]
    list_select_related = ["webhook"]
    search_fields = ["event_id__exact", "public_id__exact", "webhook__service__startswith"]
    ordering = ["-pk"]
    actions = ["replay"]
    show_full_result_count = False

    @admin.action(description=_("Post the selected events again"), permissions=["view"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookPost]) -> None:
        replayed = sum(replay(one, timezone.now()) for one in queryset)
        self.message_user(request, _("Posted again within a minute: %(number)d.") % {"number": replayed})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
