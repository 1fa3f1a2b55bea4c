"""To the provider of single sign-on and back. Read next: single_sign_on.py."""

import logging

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import second_factor, single_sign_on
from accounts.sign_in_pages import wait_for_code, wait_words
from accounts.tries import TooMany, address_of, allow

logger = logging.getLogger(__name__)
_GOES_TO = "sso_next"


@never_cache
@require_http_methods(["GET", "HEAD"])
def to_provider(request: HttpRequest) -> HttpResponse:
    """This function will lead a visitor to the provider."""
    if not single_sign_on.is_on():
        raise Http404
    goes_to = request.GET.get(REDIRECT_FIELD_NAME, "")
    is_ours = url_has_allowed_host_and_scheme(goes_to, {request.get_host()}, require_https=request.is_secure())
    request.session[_GOES_TO] = goes_to if is_ours else ""
    try:
        allow("single_sign_on", timezone.now(), address=address_of(request))
        return single_sign_on.lead_there(request)
    except TooMany as error:
        return _back(request, wait_words(error))
    except single_sign_on.NotBelieved as error:
        logger.warning("The provider of single sign-on does not answer: %s", error)
        return _back(request, _("%(provider)s cannot be reached just now. Try again later.") % {"provider": settings.OIDC["name"]})


@never_cache
@require_http_methods(["GET", "HEAD"])
def from_provider(request: HttpRequest) -> HttpResponse:
    """This function will sign in whom the provider names; a second factor that it did not ask for is asked for here."""
    if not single_sign_on.is_on():
        raise Http404
    now = timezone.now()
    try:
        claims = single_sign_on.read_return(request)
        user = single_sign_on.person_of(claims, now)
    except single_sign_on.NotBelieved as error:
        logger.warning("A return from the provider of single sign-on is not believed: %s", error)
        return _back(request, _("That did not work. Try once more."))
    except single_sign_on.Unknown:
        return _back(request, _("There is no account here for you. Ask those who run this site."))
    goes_to = request.session.pop(_GOES_TO, "")
    has_shown = single_sign_on.has_shown_second_factor(claims)
    if user.second_factor_at is not None and not has_shown:
        wait_for_code(request, user, goes_to, now)
        return redirect("sign-in-code")
    login(request, user, settings.AUTHENTICATION_BACKENDS[0])
    if has_shown:
        request.session[second_factor.SESSION_KEY] = second_factor.BY_PROVIDER
    return redirect(goes_to or resolve_url(settings.LOGIN_REDIRECT_URL))


def _back(request: HttpRequest, words: str) -> HttpResponse:
    messages.error(request, words)
    return redirect("login")
