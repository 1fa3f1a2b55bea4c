"""The page on which a person adds their authenticator app, or another in its place. Read next: second_factor.py."""

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import second_factor
from accounts.data_views import proved
from accounts.models import User
from accounts.sign_in_pages import SecondFactorForm, wait_words
from accounts.tries import TooMany, allow


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """This function will show the secret of a new app, or ask for a code before anything of the app there is changes."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("The page is guarded by login_required.")
    return _page_of_one(request, user) if user.second_factor_at else _page_of_none(request, user)


def _page_of_none(request: HttpRequest, user: User) -> HttpResponse:
    now = timezone.now()
    app = second_factor.begin(user, now)
    form, error = SecondFactorForm(request.POST or None), ""
    form.fields["code"].help_text = _("The six digits that the app shows.")
    if form.is_valid():
        # A session that somebody left open must not lock its owner out.
        error = proved(request, user) if user.has_usable_password() else ""
        try:
            if not error:
                allow("second_factor", now, account=str(user.pk))
                codes = second_factor.add(user, form.cleaned_data["code"], now)
                request.session.cycle_key()
                second_factor.note_shown(user, request.session)
                return render(request, "accounts/recovery_codes.html", {"codes": codes})
        except TooMany as too_many:
            form.add_error("code", wait_words(too_many))
        except second_factor.WrongCode:
            form.add_error("code", _("This code does not fit. Is the clock of your phone right?"))
    page = {
        "form": form,
        "error": error,
        "failed": "add" if error else "",
        "must_have": second_factor.must_have(user),
        "asks_password": user.has_usable_password(),
        "picture": segno.make(second_factor.address_of_app(app)).svg_data_uri(scale=4, border=4, light="#fff"),
        "secret": " ".join(app.secret[n : n + 4] for n in range(0, len(app.secret), 4)),
    }
    if second_factor.is_missing(user, request.session):
        # Everything else leads back here: no bell that asks in vain, and no links to nowhere.
        page |= {"inbox_url": "", "navigation": [], "account_links": [], "settings_url": ""}
    return render(request, "accounts/second_factor_new.html", page)


def _page_of_one(request: HttpRequest, user: User) -> HttpResponse:
    now, do = timezone.now(), request.POST.get("do", "")
    form = SecondFactorForm(request.POST if do in ("codes", "remove") else None)
    if form.is_valid():
        try:
            second_factor.take(user, form.cleaned_data["code"], now)
        except TooMany as error:
            form.add_error("code", wait_words(error))
        except second_factor.WrongCode:
            form.add_error("code", _("This code does not fit, or was used before. Wait for the next one."))
        else:
            if do == "codes":
                return render(request, "accounts/recovery_codes.html", {"codes": second_factor.make_recovery_codes(user)})
            second_factor.remove(user, now)
            messages.success(request, _("Your authenticator app is removed."))
            return redirect("second-factor")
    page = {"form": form, "left": second_factor.recovery_codes_left(user), "must_have": second_factor.must_have(user)}
    return render(request, "accounts/second_factor.html", page)
