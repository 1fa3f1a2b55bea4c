"""The words of nudge decisions. Read next: nudge_rules.py."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_ace.api import add_reasons

_SENTENCES: dict[str, str | Promise] = {
    "excluded_data_group": _("They are in a data group that gets no reminders."),
    "already_notified": _("They have had their reminder for this burst."),
    "burst_starts_tomorrow": _("Their burst is about to start."),
    "not_in_burst": _("They are not in a burst."),
    "blackout_start": _("It is one of the first days of the burst, when nobody is reminded."),
    "blackout_end": _("It is one of the last days of the burst, when nobody is reminded."),
    "did_todays_activity": _("They have done today's activities."),
    "burst_completed": _("They have done all this burst asks for."),
    "thresholds_not_met": _("They have not missed enough days."),
    "cumulative_missed_threshold": _("They missed too many days of this burst in all."),
    "consecutive_missed_threshold_early": _("They missed several days in a row, early in the burst."),
    "consecutive_missed_threshold_late": _("They missed several days in a row, late in the burst."),
}
# Reasons of a rule itself. Any other reason of a decision is the router's: a text could not have reached the person.
RULE_REASONS = frozenset(_SENTENCES)


def register() -> None:
    """This function will make the reason codes of nudges readable."""
    add_reasons(_SENTENCES)
