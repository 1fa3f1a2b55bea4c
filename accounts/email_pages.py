"""The page behind the link by which a person confirms their e-mail address. Read next: email_links.py."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.email_links import BadLink, address_to_confirm
from channels_ace.api import add_contact_point


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email_page(request: HttpRequest, token: str) -> HttpResponse:
    """This function will ask whether the address is theirs, and take a click for a yes: mail scanners follow links, and click nothing."""
    try:
        point = address_to_confirm(token)
    except BadLink as error:
        raise Http404 from error
    if request.method != "POST":
        return render(request, "accounts/confirm_email.html", {"point": point})
    add_contact_point(user_id=point.user_id, kind=point.kind, address=point.address, now=timezone.now(), verified=True)
    messages.success(request, _("Your e-mail address is confirmed."))
    return redirect("settings")
