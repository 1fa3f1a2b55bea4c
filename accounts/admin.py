from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import second_factor
from accounts.models import ProviderIdentity, SignedInApp, User

# Imported to be registered.
from accounts.service_token_admin import ServiceTokenAdmin  # noqa: F401
from accounts.signed_in_apps import end

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[SignedInApp]
    LinkAdmin = admin.ModelAdmin[ProviderIdentity]
    PeopleAdmin = UserAdmin[User]
else:
    # Django's classes are generic to the type checker only.
    Admin = LinkAdmin = admin.ModelAdmin
    PeopleAdmin = UserAdmin


@admin.register(User)
class PersonAdmin(PeopleAdmin):
    """The accounts, and the way back in for whoever lost their phone and their recovery codes."""

    actions = ["remove_second_factor"]

    @admin.action(description=_("Remove the second factor of the selected people"), permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        removed = [person for person in queryset if second_factor.remove(person, timezone.now())]
        for person in removed:
            self.log_change(request, person, "Removed the second factor.")
        self.message_user(request, _("Second factors removed: %(number)d.") % {"number": len(removed)})


@admin.register(ProviderIdentity)
class ProviderIdentityAdmin(LinkAdmin):
    """Who is linked with single sign-on: to read, and to unlink."""

    list_display = ["user", "issuer", "linked_at"]
    list_filter = ["issuer", "linked_at"]
    list_select_related = ["user"]
    search_fields = ["user__username__exact", "subject__exact"]
    fields = ["user", "issuer", "subject", "linked_at"]
    ordering = ["-pk"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SignedInApp)
class SignedInAppAdmin(Admin):
    """Who is signed in where: to read, and to sign out."""

    list_display = ["name", "user", "created_at", "renewed_at", "ended_at", "ended_because"]
    list_filter = ["ended_because", "created_at"]
    list_select_related = ["user"]
    search_fields = ["user__username__exact", "public_id__exact"]
    fields = ["public_id", "user", "name", "created_at", "renewed_at", "ended_at", "ended_because"]
    ordering = ["-pk"]
    actions = ["sign_out"]
    show_full_result_count = False

    @admin.action(description=_("Sign the selected apps out"), permissions=["view"])
    def sign_out(self, request: HttpRequest, queryset: QuerySet[SignedInApp]) -> None:
        signed_out = end(queryset, SignedInApp.Ended.BY_OPERATOR, timezone.now())
        self.message_user(request, _("Signed out: %(number)d.") % {"number": signed_out})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
