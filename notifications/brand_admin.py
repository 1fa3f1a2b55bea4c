"""Where operators make a site's brand, and see its mail before it goes out. Read next: brands.py, message_previews.py."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_ace.api import registered
from notifications.brand_models import check_orgs
from notifications.brand_texts import TextRefused, check_brand_text, files, put_back, remove_text, write_text, written_parts
from notifications.models import Brand, BrandMember, BrandText, BrandTextVersion

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    BrandForm = forms.ModelForm[Brand]
    TextForm = forms.ModelForm[BrandText]
    Inline = admin.StackedInline[BrandText, Brand]
else:
    # Django's classes are generic to the type checker only.
    Admin, BrandForm, TextForm, Inline = admin.ModelAdmin, forms.ModelForm, forms.ModelForm, admin.StackedInline

# What a preview shows first: a discussion, a due date and an account.
SHOWN = ("discussion.new_response", "dates.assignment_due", "account.password_changed")


class OneBrandForm(BrandForm):
    def clean_orgs(self) -> list[str]:
        orgs = self.cleaned_data["orgs"] or []
        check_orgs(orgs)
        for other in Brand.objects.exclude(pk=self.instance.pk):
            if shared := sorted(set(orgs) & set(other.orgs)):
                raise forms.ValidationError(_("“%(org)s” belongs to %(brand)s.") % {"org": shared[0], "brand": other.name})
        return list(orgs)


class OneTextForm(TextForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names = [known.name for known in registered()]
        for name, choices in (("type", names), ("file", files())):
            self.fields[name] = forms.ChoiceField(label=self.fields[name].label, choices=[(one, one) for one in choices])
        self.fields["language"] = forms.ChoiceField(label=self.fields["language"].label, choices=settings.LANGUAGES)

        # What a text that is only looked at would make: channel, part and words.
        self.previewed: list[tuple[str, str, str]] = []

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if self.errors:
            return found
        text = BrandText(**{name: found[name] for name in ("type", "file", "language", "text")})
        try:
            check_brand_text(text)
        except TextRefused as refused:
            self.add_error("text", str(refused))
            return found
        if "_preview" in self.data:
            text.brand = found["brand"]
            self.previewed = [(channel, part, words) for channel, part, words in written_parts(text) if part != "html"]
            self.add_error(None, _("Nothing is saved yet: below is how it reads."))
        return found


class BrandTextInline(Inline):
    model = BrandText
    form = OneTextForm
    extra = 0


@admin.register(Brand)
class BrandAdmin(Admin):
    form = OneBrandForm
    inlines = [BrandTextInline]
    list_display = ["name", "orgs", "sender_address", "address"]
    list_filter = ["sender_address"]
    search_fields = ["name"]
    ordering = ["name"]
    readonly_fields = ["previews"]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for text in formset.save(commit=False):
            write_text(text, by=request.user.pk, now=timezone.now())
        for text in formset.deleted_objects:
            remove_text(text, by=request.user.pk, now=timezone.now())

    @admin.display(description=gettext_lazy("Previews, as saved"))
    def previews(self, brand: Brand) -> str:
        if brand._state.adding:
            return _("Save it first.")
        links = [
            (f"{reverse('message-preview', args=[name, 'email', language])}?brand={brand.pk}", f"{name} ({language})")
            for name in SHOWN
            for language, _label in settings.LANGUAGES
        ]
        return format_html("<ul>{}</ul>", format_html_join("", '<li><a href="{}">{}</a></li>', links))


@admin.register(BrandMember)
class BrandMemberAdmin(Admin):
    list_display = ["user", "brand"]
    list_filter = ["brand"]
    list_select_related = ["user", "brand"]
    search_fields = ["user__username__exact"]
    raw_id_fields = ["user"]
    ordering = ["user"]
    show_full_result_count = False


@admin.register(BrandText)
class BrandTextAdmin(Admin):
    form = OneTextForm
    list_display = ["brand", "type", "file", "language"]
    list_filter = ["brand", "language"]
    list_select_related = ["brand"]
    search_fields = ["type"]
    ordering = ["brand", "type", "file", "language"]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        text = self.get_object(request, object_id)
        asked = {"brand__id__exact": text.brand_id, "q": text.type, "language__exact": text.language} if text else {}
        url = f"{reverse('admin:carillon_notifications_brandtextversion_changelist')}?{urlencode(asked)}"
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "versions_url": url})

    def save_model(self, request: HttpRequest, obj: BrandText, form: Any, change: bool) -> None:
        write_text(obj, by=request.user.pk, now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: BrandText) -> None:
        remove_text(obj, by=request.user.pk, now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BrandText]) -> None:
        for text in queryset:
            self.delete_model(request, text)


@admin.register(BrandTextVersion)
class BrandTextVersionAdmin(Admin):
    list_display = ["brand", "type", "file", "language", "words", "written_at", "written_by"]
    list_filter = ["brand", "language"]
    list_select_related = ["brand", "written_by"]
    search_fields = ["type"]
    ordering = ["-pk"]
    actions = ["put_back"]

    @admin.display(description=gettext_lazy("text"))
    def words(self, version: BrandTextVersion) -> str:
        return Truncator(version.text).chars(80) if version.text else _("As installed")

    @admin.action(description=gettext_lazy("Put back what this version says"), permissions=["put_back"])
    def put_back(self, request: HttpRequest, queryset: QuerySet[BrandTextVersion]) -> None:
        for version in queryset.order_by("pk"):
            try:
                put_back(version, by=request.user.pk, now=timezone.now())
            except TextRefused as refused:
                self.message_user(request, f"{version}: {refused}", messages.ERROR)
            else:
                self.message_user(request, _("%(text)s is as it was.") % {"text": version})

    def has_put_back_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("carillon_notifications.change_brandtext"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
