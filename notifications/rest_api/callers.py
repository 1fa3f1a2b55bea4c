"""Who may call a resource: a person, or another service whose token has the scope. Read next: idempotency.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.urls import get_resolver
from django.utils.functional import Promise
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

# What a service's token may allow, and the words for whoever makes one.
_scopes: dict[str, str | Promise] = {}


def add_scopes(scopes: Mapping[str, str | Promise]) -> None:
    """This function will make scopes known ("messages:send"), each with the words by which an operator chooses it."""
    _scopes.update(scopes)


def known_scopes() -> dict[str, str | Promise]:
    """This function will give every scope with its words, in order of name."""
    # Each resource brings its own, with its address.
    _every_address = get_resolver().url_patterns
    return {name: _scopes[name] for name in sorted(_scopes)}


@dataclass(frozen=True)
class ServiceCaller:
    """Another service, as `request.user`. It is nobody: it has no inbox, no key, and no permission but its token's scopes."""

    token_id: int
    name: str
    scopes: frozenset[str] = field(default_factory=frozenset)
    pk: None = None
    is_authenticated: bool = True
    is_active: bool = True
    is_staff: bool = False


class IsPerson(BasePermission):
    """Somebody who is signed in; a service, whatever its scopes, is answered 403."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and request.user.pk is not None)


class HasScope(BasePermission):
    """A service whose token has the scope that the view names for the method: `scopes = {"POST": "messages:send"}`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method in ("HEAD", "OPTIONS") else request.method
        caller: Any = request.user
        return isinstance(caller, ServiceCaller) and view.scopes.get(method, next(iter(view.scopes.values()))) in caller.scopes


class IsCourseOperator(BasePermission):
    """An operator who may change who is in a course, and its dates."""

    def has_permission(self, request: Request, view: Any) -> bool:
        caller: Any = request.user
        return bool(caller.pk and caller.is_staff and caller.has_perm("carillon_notifications.change_coursemembership"))


def service_of(request: Request) -> str:
    """This function will name the service that asks, in a view that only services may call."""
    caller: Any = request.user
    name: str = caller.name
    return name


def caller_key(request: Request) -> str:
    """This function will name the caller for what is kept or counted by caller: "person:12", "service:3", or "" for a visitor."""
    caller: Any = request.user
    if isinstance(caller, ServiceCaller):
        return f"service:{caller.token_id}"
    return "" if isinstance(caller, AnonymousUser) or caller is None else f"person:{caller.pk}"


def app_key(request: Request) -> str:
    """This function will name the signed-in app that calls, or give "" for a browser and for what calls with another sort of token."""
    return getattr(request.auth, "public_id", "")
