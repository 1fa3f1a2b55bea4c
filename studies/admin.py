"""What operators see of studies. Publishing, enrolling and leaving have pages of their own, which tell others. Read next: models.py."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from studies.audit import write_audit
from studies.models import AuditEntry, DataGroup, Enrollment, ProfileAttribute, ProtocolVersion, Study, StudyRole

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
else:
    # Django's classes are generic to the type checker only.
    Admin, Inline = admin.ModelAdmin, admin.TabularInline


class HistoryAdmin(Admin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Study)
class StudyAdmin(Admin):
    list_display = ["name", "participant_name", "state", "public_id", "created_at"]
    list_filter = ["state", "created_at"]
    search_fields = ["name", "participant_name", "public_id__exact"]
    fields = ["name", "participant_name", "state", "public_id", "created_at"]
    readonly_fields = ["public_id", "created_at"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        # A study needs an owner; the study's own page gives it one.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Study, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changed = {name: str(form.cleaned_data[name]) for name in form.changed_data}
        write_audit(obj, "changed", timezone.now(), actor_id=request.user.pk, details=changed)


@admin.register(StudyRole)
class StudyRoleAdmin(Admin):
    list_display = ["study", "user", "role"]
    list_filter = ["role", "study"]
    list_select_related = ["study", "user"]
    search_fields = ["user__username", "study__name"]
    autocomplete_fields = ["study", "user"]
    ordering = ["-pk"]

    def save_model(self, request: HttpRequest, obj: StudyRole, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        details = {"user": obj.user_id, "role": obj.role}
        write_audit(obj.study, "role_given", timezone.now(), actor_id=request.user.pk, details=details)

    def delete_model(self, request: HttpRequest, obj: StudyRole) -> None:
        details = {"user": obj.user_id, "role": obj.role}
        write_audit(obj.study, "role_taken", timezone.now(), actor_id=request.user.pk, details=details)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for role in queryset.select_related("study"):
            self.delete_model(request, role)


@admin.register(ProtocolVersion)
class ProtocolVersionAdmin(HistoryAdmin):
    list_display = ["study", "number", "imported_at", "published_at"]
    list_filter = [("published_at", admin.EmptyFieldListFilter), "study"]
    list_select_related = ["study"]
    search_fields = ["study__name"]
    ordering = ["-pk"]


class DataGroupInline(Inline):
    model = DataGroup
    extra = 0
    can_delete = False


@admin.register(Enrollment)
class EnrollmentAdmin(HistoryAdmin):
    list_display = ["code", "study", "user", "state", "enrolled_date", "time_zone", "withdrawn_at"]
    list_filter = ["state", "study", ("consented_at", admin.EmptyFieldListFilter)]
    list_select_related = ["study", "user"]
    search_fields = ["code__startswith", "user__username__exact", "public_id__exact"]
    ordering = ["-pk"]
    inlines = [DataGroupInline]


@admin.register(DataGroup)
class DataGroupAdmin(HistoryAdmin):
    list_display = ["enrollment", "name"]
    list_filter = ["name"]
    list_select_related = ["enrollment"]
    search_fields = ["enrollment__code__startswith", "name"]
    ordering = ["-pk"]


@admin.register(ProfileAttribute)
class ProfileAttributeAdmin(HistoryAdmin):
    list_display = ["enrollment", "name", "value"]
    list_filter = ["name"]
    list_select_related = ["enrollment"]
    search_fields = ["enrollment__code__startswith", "name"]
    ordering = ["-pk"]


@admin.register(AuditEntry)
class AuditEntryAdmin(HistoryAdmin):
    list_display = ["at", "study", "enrollment", "actor", "what"]
    list_filter = ["what", "study", "at"]
    list_select_related = ["study", "enrollment", "actor"]
    search_fields = ["what__exact", "enrollment__code__exact", "actor__username__exact"]
    ordering = ["-pk"]
