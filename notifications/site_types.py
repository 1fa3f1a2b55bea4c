"""The types of the site itself: accounts, enrolment, certificates, announcements. Read next: templates/messages/account.*/."""

from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_ace.api import Hours, Repeat
from notifications.registry import Category, NotificationType, register

INBOX_AND_EMAIL = frozenset({"inbox", "email"})


def _security(name: str, label: str | Promise, hint: str | Promise, *variables: str) -> None:
    """What its owner must hear of at once, whatever they have turned off."""
    register(
        NotificationType(
            name=f"account.{name}",
            category=Category.ACCOUNT,
            label=label,
            hint=hint,
            channels=("inbox", "email"),
            on=INBOX_AND_EMAIL,
            locked=INBOX_AND_EMAIL,
            variables=variables,
            hours=Hours.ANY,
            repeat=Repeat.AT_LEAST_ONCE,
            lane="urgent",
            to_replaced=name == "email_changed",
        )
    )


def _notice(name: str, category: Category, label: str | Promise, hint: str | Promise, *variables: str) -> None:
    register(
        NotificationType(
            name=name, category=category, label=label, hint=hint, channels=("inbox", "email"), on=INBOX_AND_EMAIL, variables=variables
        )
    )


_security("activated", _("Account activation"), _("When your account is ready"))
_security("password_changed", _("Account security"), _("When your password changes"))
_security("email_changed", _("E-mail address"), _("When the address of your account changes"))
_security("new_sign_in", _("New sign-in"), _("When somebody signs in from a new device"), "signed_in_at")
_notice("account.data_export_ready", Category.ACCOUNT, _("Data export"), _("When the copy of your data is ready"))
_notice("other.enrolled", Category.OTHER, _("Enrolment"), _("When you join or leave a course"), "course", "change")
_notice("other.certificate_earned", Category.OTHER, _("Certificates"), _("When you earn a certificate"), "course")
register(
    NotificationType(
        name="account.maintenance",
        category=Category.ACCOUNT,
        label=_("Maintenance"),
        hint=_("When the site will be closed for a while"),
        channels=("inbox", "email"),
        on=frozenset({"inbox"}),
        variables=("starts", "ends"),
        lane="bulk",
    )
)
register(
    NotificationType(
        name="other.announcement",
        category=Category.OTHER,
        label=_("Announcements"),
        hint=_("News that fits nowhere else"),
        channels=("inbox", "email", "push"),
        on=frozenset({"inbox"}),
        variables=("title",),
        lane="bulk",
        fresh_for_channel={"push": timedelta(days=1)},
    )
)
