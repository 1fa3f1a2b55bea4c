"""The words of what people chose, as reasons. Read next: policies.py."""

from django.utils.translation import gettext_lazy as _

from channels_ace.api import add_reasons

add_reasons(
    {
        "turned_off": _("They turned this notification off for this channel."),
        "category_turned_off": _("They turned this category off for this channel."),
        "channel_turned_off": _("They turned this channel off altogether."),
        "paused": _("They paused everything that is not urgent."),
        "muted": _("They muted the course, study or thread that it is about."),
        "own_hours": _("It waits for the hours and days at which they want to be reached."),
        "read_elsewhere": _("They had read it in their inbox before it was sent."),
        "digest_daily": _("It waits for the daily summary that they asked for."),
        "digest_weekly": _("It waits for the weekly summary that they asked for."),
        "buffered": _("It waits a few minutes, to come together with others."),
        "not_for_role": _("It is for a course role that they do not have."),
        "handed_in": _("They handed in the work before they were reminded of it."),
        "off_by_default": _("This channel is off until they turn it on."),
    }
)
