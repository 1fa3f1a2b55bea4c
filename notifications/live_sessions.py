"""Whose stream is it, and does their session, or bell's token, still hold? Asked in a thread, which gives its connection back at once."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.db import connections
from django.http import HttpRequest
from django.utils import timezone

from notifications.bell_tokens import PREFIX, owner_of


def find_person(session_key: str) -> tuple[int, str] | None:
    """This function will give the id of the person of a session's key or a bell's token, and that; None for a visitor."""
    try:
        if session_key.startswith(PREFIX):
            owner = owner_of(session_key, timezone.now())
            return (int(owner.pk), session_key) if owner is not None else None
        request = HttpRequest()
        request.session = _store()(session_key)
        user = get_user(request)
        return (int(user.pk), session_key) if user.is_authenticated and user.pk is not None else None
    finally:
        connections.close_all()


def still_valid(held: Mapping[str, int]) -> set[str]:
    """This function will tell which of these sessions (key -> user id) are neither over nor of somebody who may not come in any more."""
    try:
        store = _store()
        keys, now = {key for key in held if not key.startswith(PREFIX)}, timezone.now()
        bells = {key for key in held if key.startswith(PREFIX) and owner_of(key, now) is not None}
        if hasattr(store, "get_model_class"):
            sessions = store.get_model_class().objects.filter(session_key__in=keys, expire_date__gt=now)
            keys = set(sessions.values_list("session_key", flat=True))
        people = get_user_model()._default_manager.filter(pk__in=set(held.values()), is_active=True)
        active = set(people.values_list("pk", flat=True))
        return {key for key in keys if held[key] in active} | bells
    finally:
        connections.close_all()


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore
