"""Ways to look at rows that nobody changes, and to find people without showing addresses. Read next: history.py."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from channels_ace.admin.paging import UpToPaginator
from channels_ace.contact_points import BadAddress, normal
from channels_ace.crypto import blind_indexes
from channels_ace.models import ContactPoint

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
    Form = forms.ModelForm[Any]
else:
    # Django's classes are generic to the type checker only.
    Admin, Inline, Form = admin.ModelAdmin, admin.TabularInline, forms.ModelForm

SEARCH_HELP = _("A user name, or a whole phone number or e-mail address: it is found without being shown.")


class HistoryAdmin(Admin):
    show_full_result_count = False
    # Counts beside filters would count the whole table once for each.
    show_facets = admin.ShowFacets.NEVER
    paginator = UpToPaginator

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def indexes_of(term: str) -> list[str]:
    """This function will give the blind indexes under which an address would be stored, for each kind that it could be."""
    found = []
    for kind in ContactPoint.Kind.values:
        try:
            found += blind_indexes(kind, normal(kind, term))
        except BadAddress:
            continue
    return found


def token_is(term: str) -> Q:
    """This function will match an attempt's token, and nothing where the text is none."""
    try:
        return Q(token=UUID(term))
    except ValueError:
        return Q(pk__in=[])


def people_found(term: str) -> list[int]:
    """This function will find the people with a user name, a number or an address, by exact match."""
    numbered = [int(term)] if term.isascii() and term.isdecimal() and len(term) < 10 else []
    named = get_user_model()._default_manager.filter(username=term).values_list("pk", flat=True)
    reached = ContactPoint.objects.filter(index__in=indexes_of(term)).values_list("user_id", flat=True)
    return [*numbered, *named, *reached]
