"""Telling a person what became of their account: it opened, its password or e-mail address changed. Read next: known_browsers.py."""

from datetime import datetime
from typing import Any

from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver
from django.utils import timezone

from accounts import email_links
from accounts.models import SignedInApp, User
from accounts.signed_in_apps import end
from channels_ace.api import BadAddress, ContactPoint, replace_contact_point, send
from notifications.api import notify


@receiver(pre_save, sender=User, dispatch_uid="accounts.remember_before")
def remember_before(instance: User, raw: bool, update_fields: frozenset[str] | None, **_signal: Any) -> None:
    written = {"email", "is_active"} if update_fields is None else {"email", "is_active"} & update_fields
    before = User.objects.filter(pk=instance.pk).values_list("email", "is_active") if instance.pk and written and not raw else []
    email, is_active = next(iter(before), (None, None))
    # What is not written stays as it is, whatever the object in hand says.
    instance.email_before = email if "email" in written else None
    instance.was_active = is_active if "is_active" in written else None


@receiver(post_save, sender=User, dispatch_uid="accounts.tell_of_changes")
def tell_of_changes(instance: User, created: bool, raw: bool, **_signal: Any) -> None:
    """However it was changed: on a page, in the admin or by a command."""
    if created or raw:
        return
    # Django holds the new password in clear until it is saved; a hash that is only made stronger is no change.
    if getattr(instance, "_password", None) is not None:
        # Each would be out at its next call; until then its phone would show what comes.
        end(SignedInApp.objects.filter(user=instance), SignedInApp.Ended.PASSWORD, timezone.now())
        notify(type="account.password_changed", audience=[instance])
    if instance.was_active is False and instance.is_active:
        notify(type="account.activated", audience=[instance])
    if instance.email_before is not None and instance.email_before.lower() != instance.email.lower():
        if instance.email_before:
            # First, while the address before is the person's: that is where it goes.
            notify(type="account.email_changed", audience=[instance])
        follow_email(instance, timezone.now())


def follow_email(user: User, now: datetime) -> None:
    """This function will send a person's mail nowhere but to the address of their account, once it is confirmed to be theirs."""
    try:
        point = replace_contact_point(user_id=user.pk, kind=ContactPoint.Kind.EMAIL, address=user.email, now=now)
    except BadAddress:
        # Commands and other systems write what they like; the person's mail stops all the same.
        point = replace_contact_point(user_id=user.pk, kind=ContactPoint.Kind.EMAIL, address="", now=now)
    if point is not None:
        send(type=email_links.CONFIRMATION, audience=[user.pk], now=now)
