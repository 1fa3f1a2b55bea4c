"""The types about dates of a course; what is due when is decided by date_reminders.py. Read next: templates/messages/dates.*/."""

from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from notifications.registry import Category, NotificationType, register


def _date(name: str, label: str | Promise, hint: str | Promise, about: str, *, push: bool = True) -> None:
    ways = ("inbox", "email", "push") if push else ("inbox", "email")
    register(
        NotificationType(
            name=f"dates.{name}",
            category=Category.COURSE_DATES,
            label=label,
            hint=hint,
            channels=ways,
            on=frozenset(ways),
            variables=(about, "due_date"),
            fresh_for_channel={"push": timedelta(days=1)} if push else {},
        )
    )


_date("assignment_due", _("Due dates"), _("Before an assignment is due"), "assignment")
_date("ora_step_due", _("Steps of assessments"), _("Before a step of an assessment is due"), "assignment")
_date("due_date_changed", _("Changed dates"), _("When a date that you were told of moves"), "assignment")
_date("course_starts", _("Start of a course"), _("Before a course you joined starts"), "course")
_date("course_ends", _("End of a course"), _("Before a course you take ends"), "course", push=False)
_date("upgrade_deadline", _("Upgrade deadline"), _("Before you can no longer move to the certificate track"), "course", push=False)
_date("certificate_available", _("Certificate dates"), _("When certificates of a course become available"), "course", push=False)
