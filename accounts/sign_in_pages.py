"""Signing in with a browser: the password, then the second factor of whoever has one. Read next: second_factor.py.

Until both are shown nobody is signed in: the session only knows who is about to be. The administration has no door of its own.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import CharField, Form, TextInput
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import second_factor
from accounts.models import User
from accounts.tries import TooMany, address_of, allow

_WAITING = "signing_in"
# How long somebody may look for their phone after the password.
_WAITS = timedelta(minutes=10)


class SignInForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        try:
            account = str(self.cleaned_data.get("username", ""))
            allow("sign_in", timezone.now(), account=account, address=address_of(self.request) if self.request else "")
        except TooMany as error:
            raise ValidationError(wait_words(error)) from error
        return super().clean()


class SecondFactorForm(Form):
    code = CharField(
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("The six digits that your authenticator app shows now, or one of your recovery codes."),
        max_length=16,
        widget=TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}),
    )


# Django's own view takes a PUT for a POST, and leads whoever is signed in on by any method.
@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
class SignInPage(LoginView):
    """The password. Whoever has a second factor is led on to it."""

    form_class = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(provider=settings.OIDC["name"] if settings.OIDC["issuer"] else "", **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        if user.second_factor_at is None:
            return super().form_valid(form)
        wait_for_code(self.request, user, self.get_redirect_url(), timezone.now())
        return redirect("sign-in-code")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code_page(request: HttpRequest) -> HttpResponse:
    """This function will take the second factor of somebody whose password was right, and sign them in."""
    now = timezone.now()
    user, goes_to = _waiting(request, now)
    if user is None:
        return redirect("login")
    form = SecondFactorForm(request.POST or None)
    if form.is_valid():
        try:
            second_factor.take(user, form.cleaned_data["code"], now)
        except TooMany as error:
            form.add_error("code", wait_words(error))
        except second_factor.WrongCode:
            form.add_error("code", _("This code does not fit, or was used before. Wait for the next one."))
        else:
            del request.session[_WAITING]
            login(request, user)
            second_factor.note_shown(user, request.session)
            return redirect(goes_to or resolve_url(settings.LOGIN_REDIRECT_URL))
    return render(request, "accounts/sign_in_code.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def admin_door(request: HttpRequest) -> HttpResponseBase:
    """This function will lead whom the administration does not know to the one page for signing in."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied
    goes_to = request.GET.get(REDIRECT_FIELD_NAME, "")
    if not url_has_allowed_host_and_scheme(goes_to, {request.get_host()}, require_https=request.is_secure()):
        goes_to = resolve_url("admin:index")
    return redirect(goes_to) if request.user.is_authenticated else redirect_to_login(goes_to)


def wait_for_code(request: HttpRequest, user: User, goes_to: str, now: datetime) -> None:
    """This function will write into a session of nobody who is about to sign in, and where they want to go."""
    request.session.flush()
    request.session[_WAITING] = {
        "user": user.pk,
        "password": user.get_session_auth_hash(),
        "until": (now + _WAITS).timestamp(),
        "next": goes_to,
        # By which backend Django signs in who it did not ask itself.
        "backend": getattr(user, "backend", settings.AUTHENTICATION_BACKENDS[0]),
    }


def wait_words(error: TooMany) -> str:
    """This function will say how long to wait."""
    minutes = max(1, round(error.wait.total_seconds() / 60))
    words = ngettext("Too many tries. Try again in %(count)d minute.", "Too many tries. Try again in %(count)d minutes.", minutes)
    return words % {"count": minutes}


def _waiting(request: HttpRequest, now: datetime) -> tuple[User | None, str]:
    """This function will give who is about to sign in; nobody once it took too long, or their account or password changed."""
    waiting = request.session.get(_WAITING)
    if not waiting or waiting["until"] <= now.timestamp():
        return None, ""
    user = User.objects.filter(pk=waiting["user"], is_active=True, second_factor_at__isnull=False).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), waiting["password"]):
        return None, ""
    user.backend = waiting["backend"]
    return user, waiting["next"]
