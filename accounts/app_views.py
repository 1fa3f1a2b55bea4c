"""The page on which a person sees where they are signed in, and signs apps and browsers out. Read next: signed_in_apps.py."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import signed_in_apps, signed_in_browsers
from accounts.models import SignedInApp, User


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def apps_page(request: HttpRequest) -> HttpResponse:
    """This function will list where the person is signed in, or sign out one of these or all others."""
    now, person = timezone.now(), request.user
    if not isinstance(person, User):
        raise Http404
    apps, browsers = signed_in_apps.living(person.pk, now), signed_in_browsers.living(person, now)
    this = signed_in_browsers.this_one(request.session)
    if request.method != "POST":
        return render(request, "accounts/apps.html", {"apps": apps, "browsers": browsers, "this": this, "now": now})
    if "others" in request.POST:
        signed_in_browsers.sign_out(browsers.exclude(public_id=this))
        signed_in_apps.end(apps, SignedInApp.Ended.BY_PERSON, now)
        messages.success(request, _("You are signed out everywhere else."))
    else:
        messages.success(request, _("%(app)s is signed out.") % {"app": _sign_out(request, person, now)})
    return redirect("apps")


def _sign_out(request: HttpRequest, person: User, now: datetime) -> str:
    """This function will sign out the app or browser that was chosen, and give its name."""
    if "browser" in request.POST:
        browsers = signed_in_browsers.living(person, now).filter(public_id=request.POST["browser"])
        browser = browsers.first()
        if browser is None:
            raise Http404
        signed_in_browsers.sign_out(browsers)
        return browser.device or _("An unknown browser")
    app = signed_in_apps.living(person.pk, now).filter(public_id=request.POST.get("app", "")).first()
    if app is None:
        raise Http404
    signed_in_apps.end(SignedInApp.objects.filter(pk=app.pk), SignedInApp.Ended.BY_PERSON, now)
    return app.name
