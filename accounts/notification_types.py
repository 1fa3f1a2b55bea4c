"""What the keeper of accounts says. Read next: signed_in_apps.py."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import email_links, phone_codes
from channels_ace.api import Hours, MessageType, Repeat
from channels_ace.api import register as register_message_type
from notifications.api import Category, NotificationType, register

register_message_type(
    MessageType(
        name=phone_codes.TYPE,
        channels=("sms",),
        variables=("seed",),
        hours=Hours.ANY,
        repeat=Repeat.AT_LEAST_ONCE,
        lane="urgent",
        fresh_for=phone_codes.LASTS,
        to_unverified=True,
        fill=phone_codes.fill,
    )
)
for _name, _lasts, _fill in (
    (email_links.CONFIRMATION, email_links.CONFIRMATION_LASTS, email_links.fill_confirmation),
    (email_links.RESET, email_links.RESET_LASTS, email_links.fill_reset),
):
    register_message_type(
        MessageType(
            name=_name,
            channels=("email",),
            hours=Hours.ANY,
            repeat=Repeat.AT_LEAST_ONCE,
            lane="urgent",
            fresh_for=_lasts,
            to_unverified=_name == email_links.CONFIRMATION,
            fill=_fill,
        )
    )


def _security(name: str, label: str | Promise, hint: str | Promise, *variables: str) -> None:
    register(
        NotificationType(
            name=f"account.{name}",
            category=Category.ACCOUNT,
            label=label,
            hint=hint,
            channels=("inbox", "email"),
            on=frozenset({"inbox", "email"}),
            locked=frozenset({"inbox", "email"}),
            variables=variables,
            hours=Hours.ANY,
            repeat=Repeat.AT_LEAST_ONCE,
            lane="urgent",
        )
    )


_security("app_signed_out", _("App signed out"), _("When we sign an app out because its key was used twice"), "app")
_security("second_factor_added", _("Second factor added"), _("When an authenticator app is added to your account"))
_security("provider_linked", _("Single sign-on"), _("When your account is linked with single sign-on"), "provider")
_security("second_factor_removed", _("Second factor removed"), _("When your authenticator app is removed"))
_security("recovery_code_used", _("Recovery code used"), _("When somebody signs in by one of your recovery codes"), "left")
