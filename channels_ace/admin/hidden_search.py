"""Searches for phone numbers and addresses that put none of them into an address of a page. Read next: reading.py.

What a browser asks by GET stands in its history, in logs and in what a proxy keeps. So the search is posted, and answered with an address
in which the words are encrypted: pages, filters and actions carry that on.
"""

from typing import Any

from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from channels_ace.admin.reading import Admin
from channels_ace.crypto import Unreadable, decrypt, encrypt

TYPED = "typed"
_MARK = "~"


class HiddenSearchList(ChangeList):
    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        # For the search and its box; the links of the page are made of what the address holds.
        self.query = opened(self.query)
        return super().get_queryset(request, exclude_parameters)


class HiddenSearchAdmin(Admin):
    hides_search = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return HiddenSearchList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method != "POST" or TYPED not in request.POST:
            return super().changelist_view(request, extra_context)
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        query = request.GET.copy()
        for name in (SEARCH_VAR, PAGE_VAR):
            query.pop(name, None)
        if typed := request.POST[TYPED].strip():
            query[SEARCH_VAR] = _MARK + encrypt(typed)
        return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")


def opened(query: str) -> str:
    """This function will give the words of a search back; what is no search of ours stays as it is."""
    try:
        return decrypt(query.removeprefix(_MARK)) if query.startswith(_MARK) else query
    except Unreadable:
        return query
