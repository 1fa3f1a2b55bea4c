"""The copy of all that is held about a person, and the end of their account. Read next: data_copies.py, channels_ace/personal_data.py."""

from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import (
    AuthenticatorApp,
    DataCopy,
    KnownBrowser,
    PhoneCode,
    ProviderIdentity,
    RecoveryCode,
    ServiceToken,
    SignedInApp,
    SignedInBrowser,
    User,
)
from channels_ace.api import Held, all_held, hold, prepare_to_erase
from studies.api import may_research


class NotByThemselves(Exception):
    """Others depend on this account, such as a study that would lose its team: an operator ends it."""


def copy_of(user: User, now: datetime) -> dict[str, Any]:
    """This function will give all that is held about a person as plain data: by heading, the rows and what they say."""
    person = {name: getattr(user, name) for name in ("username", "email", "first_name", "last_name", "date_joined", "last_login")}
    held: dict[str, list[dict[str, Any]]] = {}
    for one in all_held():
        if one.shown:
            rows = one.model._default_manager.filter(**{one.who: user.pk}).order_by("pk")
            held.setdefault(str(one.title), []).extend(rows.values(*one.shown))
    return {"made_at": now, "person": person, **{title: rows for title, rows in held.items() if rows}}


def erase(user: User, now: datetime, *, by_operator: bool = False) -> None:
    """This function will end an account: nothing more is sent, what names the person goes, and what must stay names nobody.

    The row of the account stays as a number that nobody can sign in with. Raises NotByThemselves.
    """
    if not by_operator and (user.is_staff or may_research(user)):
        raise NotByThemselves
    with transaction.atomic():
        user.groups.clear()
        user.user_permissions.clear()
        user.username, user.email, user.first_name, user.last_name = f"erased-{user.pk}", "", "", ""
        user.is_active = user.is_staff = user.is_superuser = False
        user.last_login = user.second_factor_at = None
        user.set_unusable_password()
        # First, since a change of an account is told to its owner: that goes with the rest.
        user.save()
        prepare_to_erase(user.pk, now)
        for one in all_held():
            if not one.kept_because:
                one.model._default_manager.filter(**{one.who: user.pk}).delete()
        LogEntry.objects.filter(content_type__model="user", object_id=str(user.pk)).update(object_repr=user.username)


hold(
    Held(model=SignedInApp, title=_("Signed-in apps"), shown=("name", "created_at", "renewed_at", "ended_at", "ended_because")),
    Held(model=SignedInBrowser, title=_("Signed-in browsers"), shown=("device", "signed_in_at", "seen_at")),
    Held(model=AuthenticatorApp, title=_("Authenticator app"), shown=("added_at",)),
    Held(model=RecoveryCode, title=_("Recovery codes"), shown=("used_at",)),
    Held(model=ProviderIdentity, title=_("Single sign-on"), shown=("issuer", "subject", "linked_at")),
    Held(model=KnownBrowser, title=_("Known browsers"), shown=("first_seen_at",)),
    Held(model=DataCopy, title=_("Copies of your data"), shown=("asked_at",)),
    Held(model=PhoneCode, title=_("Codes by text"), shown=("use", "asked_at", "used_at")),
    Held(
        model=ServiceToken,
        title=_("Service tokens"),
        who="made_by",
        kept_because="The services go on; who made a token is known to nobody then.",
    ),
    Held(
        model=LogEntry,
        title=_("Done in the administration"),
        shown=("action_time", "object_repr"),
        kept_because="The record of operators is only added to.",
    ),
)
