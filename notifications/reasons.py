"""The words of what people chose, as reasons. Read next: policies.py."""

from django.utils.translation import gettext_lazy as _

from channels_ace.api import add_reasons

add_reasons(
    {
        "turned_off": _("They turned this notification off for this channel."),
        "category_turned_off": _("They turned this category off for this channel."),
        "off_by_default": _("This channel is off until they turn it on."),
    }
)
