"""The page on which a person takes a copy of their data, or ends their account. Read next: personal_data.py."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.personal_data import NotByThemselves, copy_of, erase
from accounts.tries import TooMany, address_of, allow


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def data_page(request: HttpRequest) -> HttpResponse:
    """This function will give the copy as a file, or end the account; both ask for the password once more."""
    user, now = request.user, timezone.now()
    if not isinstance(user, User):
        raise TypeError("The page is guarded by login_required.")
    do = request.POST.get("do", "")
    error = ""
    if do in ("copy", "erase"):
        error = proved(request, user) or (
            _("Tick the box to say that you mean it.") if do == "erase" and "sure" not in request.POST else ""
        )
    if do == "copy" and not error:
        answer = JsonResponse(copy_of(user, now), json_dumps_params={"indent": 1, "ensure_ascii": False})
        answer["Content-Disposition"] = 'attachment; filename="carillon-data.json"'
        return answer
    if do == "erase" and not error:
        try:
            erase(user, now)
        except NotByThemselves:
            error = _("Others depend on your account. Ask those who run this site to end it.")
        else:
            logout(request)
            messages.success(request, _("Your account is ended, and what named you is erased."))
            return redirect("login")
    return render(request, "accounts/data.html", {"error": error, "failed": do if error else ""}, status=400 if error else 200)


def proved(request: HttpRequest, user: User) -> str:
    """This function will check the password, and say what is wrong with it."""
    try:
        allow("sign_in", timezone.now(), account=user.username, address=address_of(request))
    except TooMany:
        return _("Too many tries. Wait a quarter of an hour.")
    return "" if user.check_password(request.POST.get("password", "")) else _("This is not your password.")
