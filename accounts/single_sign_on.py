"""Single sign-on by OpenID Connect: who a provider says that somebody is. Read next: single_sign_on_pages.py.

What the protocol asks for (state, nonce, PKCE, the provider's keys, the claims) is Authlib's. Ours is whom we believe to be whom:

1. The account that this issuer's subject was linked with before.
2. Else the one active account that proved the same e-mail address here, where the provider says that it proved it too. An address that
   nobody proved here, or that two accounts have, links nothing: whoever wrote it into an account first would get its next owner's visits.
3. Else a new account with that address where OIDC_MAKES_ACCOUNTS says so and no account names it; otherwise nobody.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from joserfc.errors import JoseError
from requests import RequestException

from accounts.models import ProviderIdentity, User
from channels_ace.api import BadAddress, ContactPoint, Recipient, add_contact_point, blind_indexes, new_public_id, normal_address
from notifications.api import notify

# Signed by a key that only the provider has; never "none", nor a secret that we have too.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_SECONDS = 10


class NotBelieved(Exception):
    """The provider could not be asked, or what came back is not from it, not for us, or not for this visit. The log has more."""


class Unknown(Exception):
    """The provider is believed, and we have no account for whom it names."""


def is_on() -> bool:
    """This function will tell whether this site has a provider."""
    return bool(settings.OIDC["issuer"])


def lead_there(request: HttpRequest) -> HttpResponse:
    """This function will lead a visitor to the provider, and remember the visit in their session. Raises NotBelieved."""
    try:
        answer: HttpResponse = _provider().authorize_redirect(request, f"{settings.SITE_URL}{reverse('sso-return')}")
    except (RequestException, AuthlibBaseError, RuntimeError, ValueError) as error:
        raise NotBelieved(type(error).__name__) from error
    return answer


def read_return(request: HttpRequest) -> Mapping[str, Any]:
    """This function will give the claims for which the code stands that a visitor brought back. Raises NotBelieved."""
    provider = _provider()
    options = {
        "iss": {"essential": True, "value": settings.OIDC["issuer"]},
        "aud": {"essential": True, "value": settings.OIDC["client_id"]},
        "sub": {"essential": True},
        "exp": {"essential": True},
    }
    try:
        provider.load_server_metadata()["id_token_signing_alg_values_supported"] = _ALGORITHMS
        claims: Mapping[str, Any] | None = provider.authorize_access_token(request, claims_options=options).get("userinfo")
    except (RequestException, AuthlibBaseError, JoseError, RuntimeError, ValueError, KeyError, TypeError) as error:
        # Its words may hold the code or the token.
        raise NotBelieved(type(error).__name__) from error
    if not claims or not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
        raise NotBelieved("no subject")
    return claims


def person_of(claims: Mapping[str, Any], now: datetime) -> User:
    """This function will give the account of whom a provider names, by the rules above. Raises Unknown."""
    issuer, subject = settings.OIDC["issuer"], claims["sub"]
    known = ProviderIdentity.objects.select_related("user").filter(issuer=issuer, subject=subject).first()
    if known is not None:
        if not known.user.is_active:
            raise Unknown
        return known.user
    with transaction.atomic():
        address = _proved_address(claims)
        user = _owner_of(address) or _new_account(claims, address, now)
        _identity, is_new = ProviderIdentity.objects.get_or_create(
            issuer=issuer, subject=subject, defaults={"user": user, "linked_at": now}
        )
        if not is_new:
            raise Unknown
        notify(type="account.provider_linked", audience=[user], context={"provider": settings.OIDC["name"]}, now=now)
    return user


def has_shown_second_factor(claims: Mapping[str, Any]) -> bool:
    """This function will tell whether the provider asked for a second factor, in the words that OIDC_SECOND_FACTOR accepts."""
    methods = claims.get("amr")
    said = [claims.get("acr"), *(methods if isinstance(methods, list) else [])]
    return any(word in settings.OIDC["second_factor"] for word in said if isinstance(word, str))


def _proved_address(claims: Mapping[str, Any]) -> str:
    # Not "true", nor 1: a provider that lets people write their own claims may let them write these.
    if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
        raise Unknown
    try:
        return normal_address(ContactPoint.Kind.EMAIL, claims["email"])
    except BadAddress as error:
        raise Unknown from error


def _owner_of(address: str) -> User | None:
    indexes = blind_indexes(ContactPoint.Kind.EMAIL, address)
    points = ContactPoint.objects.filter(kind=ContactPoint.Kind.EMAIL, index__in=indexes, removed_at=None, verified_at__isnull=False)
    owners = list(User.objects.filter(pk__in=points.values("user_id"))[:2])
    if len(owners) > 1 or (owners and not owners[0].is_active):
        raise Unknown
    return owners[0] if owners else None


def _new_account(claims: Mapping[str, Any], address: str, now: datetime) -> User:
    if not settings.OIDC["makes_accounts"] or User.objects.filter(email__iexact=address).exists():
        raise Unknown
    names = {field: claims.get(claim) for field, claim in (("first_name", "given_name"), ("last_name", "family_name"))}
    written = {field: name.replace("\x00", "")[:150] for field, name in names.items() if isinstance(name, str)}
    user = User.objects.create_user(username=new_public_id(), email=address, **written)
    Recipient.objects.get_or_create(user=user)
    add_contact_point(user_id=user.pk, kind=ContactPoint.Kind.EMAIL, address=address, now=now, verified=True)
    return user


def _provider() -> Any:
    return _registered(settings.OIDC["issuer"], settings.OIDC["client_id"], settings.OIDC["client_secret"])


@lru_cache(maxsize=4)
def _registered(issuer: str, client_id: str, client_secret: str) -> Any:
    """One for each process: it keeps what the provider says of itself, and fetches keys anew when it meets one that it does not know."""
    return OAuth().register(
        "provider",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "default_timeout": _SECONDS},
    )
