"""The words of nudge decisions. Read next: nudge_rules.py."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_ace.api import add_reasons

_SENTENCES: dict[str, str | Promise] = {
    "excluded_data_group": _("They are in a data group that gets no reminders."),
    "not_in_data_group": _("They are in none of the data groups that get this reminder."),
    "excluded_attribute": _("They have an attribute for which the protocol leaves people out."),
    "without_attribute": _("They have not the attribute that the protocol asks for."),
    "left_out_by_chance": _("They were due, and chance left them out, as the protocol wants it of some."),
    "already_notified": _("They have had their reminder for these days."),
    "reminded_lately": _("They had another reminder less than 18 hours before, of this study or of another."),
    "changed_just_now": _("They did something in the moment in which it was decided."),
    "already_reminded": _("They have had this reminder of the session."),
    "session_open": _("A session is open, and they have not done it."),
    "session_done": _("They have done the session, or declined it."),
    "burst_starts_tomorrow": _("Their burst is about to start."),
    "event_is_near": _("The day that they are told of is near."),
    "not_in_burst": _("They are not in a burst."),
    "blackout_start": _("It is one of the first days, when nobody is reminded."),
    "blackout_end": _("It is one of the last days, when nobody is reminded."),
    "did_todays_activity": _("They have done today's activities."),
    "burst_completed": _("They have done all that these days ask for."),
    "thresholds_not_met": _("They have not missed enough days."),
    "too_soon": _("Fewer of these days have passed than are looked at."),
    "enough_activities": _("They have done as many activities as is asked of these days."),
    "few_activities": _("They have done fewer activities than is asked of these days."),
    "cumulative_missed_threshold": _("They missed too many of these days in all."),
    "consecutive_missed_threshold_early": _("They missed several days in a row, early on."),
    "consecutive_missed_threshold_late": _("They missed several days in a row, later on."),
}
# Reasons of a rule itself. Any other reason of a decision is the router's: a text could not have reached the person.
RULE_REASONS = frozenset(_SENTENCES)
# Of days on which nothing was decided about somebody (explain.py).
_OF_NO_DECISION: dict[str, str | Promise] = {
    "not_joined_yet": _("They had not joined the study."),
    "nothing_near": _("No day that they are told of was near enough."),
    "not_decided_yet": _("It has not been decided: the hour has not come."),
    "run_missed": _("The run of this hour did not take place, and is not made up for."),
    "stood_elsewhere": _("Nothing was decided about them: their dates or their zone were others then."),
}
_OF_TELLINGS: dict[str, str | Promise] = {
    "session_seen_to": _("They began the session, or declined it, before this went out."),
    "session_reminded": _("A reminder of the session went out before this."),
}


def register() -> None:
    """This function will make the reason codes of nudges and tellings readable."""
    add_reasons({**_SENTENCES, **_OF_NO_DECISION, **_OF_TELLINGS})
