"""The page on which a person asks for a copy of their data and takes it, or ends their account. Read next: data_copies.py."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import tasks
from accounts.data_copies import ask_for_copy, copy_of_theirs
from accounts.models import User
from accounts.personal_data import NotByThemselves, erase
from accounts.tries import TooMany, address_of, allow


class _NotDone(Exception):
    """What was asked for was not done, for a reason in words."""


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def data_page(request: HttpRequest) -> HttpResponse:
    """This function will say how far the person's copy is, have one made, give it as a file, or end the account.

    The file and the end ask for the password once more.
    """
    user, now, error = request.user, timezone.now(), ""
    if not isinstance(user, User):
        raise TypeError("The page is guarded by login_required.")
    do = request.POST.get("do", "")
    if do in _DEEDS:
        try:
            return _DEEDS[do](request, user, now)
        except _NotDone as reason:
            error = str(reason)
    page = {"copy": copy_of_theirs(user, now), "asks_password": user.has_usable_password(), "error": error, "failed": do if error else ""}
    return render(request, "accounts/data.html", page, status=400 if error else 200)


def _ask(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    try:
        ask_for_copy(user, get_language() or "", now)
    except TooMany as error:
        raise _NotDone(_("You had several copies today. Ask for the next one tomorrow.")) from error
    transaction.on_commit(tasks.poke_for_copies)
    return redirect("data")


def _take(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    copy = copy_of_theirs(user, now)
    if copy is None or copy.made_at is None:
        # The page says what has become of it.
        return redirect("data")
    _prove(request, user)
    answer = HttpResponse(copy.file, content_type="application/json")
    answer["Content-Disposition"] = 'attachment; filename="carillon-data.json"'
    return answer


def _erase(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    _prove(request, user)
    if "sure" not in request.POST:
        raise _NotDone(_("Tick the box to say that you mean it."))
    try:
        erase(user, now)
    except NotByThemselves as error:
        raise _NotDone(_("Others depend on your account. Ask those who run this site to end it.")) from error
    logout(request)
    messages.success(request, _("Your account is ended, and what named you is erased."))
    return redirect("login")


_DEEDS: Mapping[str, Callable[[HttpRequest, User, datetime], HttpResponse]] = {"copy": _ask, "take": _take, "erase": _erase}


def _prove(request: HttpRequest, user: User) -> None:
    # Whoever signs in elsewhere has no password here.
    if user.has_usable_password() and (wrong := proved(request, user)):
        raise _NotDone(wrong)


def proved(request: HttpRequest, user: User) -> str:
    """This function will check the password, and say what is wrong with it."""
    try:
        allow("sign_in", timezone.now(), account=user.username, address=address_of(request))
    except TooMany:
        return _("Too many tries. Wait a quarter of an hour.")
    return "" if user.check_password(request.POST.get("password", "")) else _("This is not your password.")
