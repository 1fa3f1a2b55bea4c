"""What people may be told: notification types and their categories. Read next: any app's notification_types.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_ace.api import MessageType
from channels_ace.api import find as find_message_type
from channels_ace.api import register as register_message_type
from channels_ace.api import registered as registered_message_types


class Category(TextChoices):
    """The headings under which a person finds their notifications and settings, in this order."""

    DISCUSSION = "discussion", _("Discussion")
    COURSE_DATES = "course_dates", _("Course dates")
    ACCOUNT = "account", _("Account")
    STUDY = "study", _("Study")
    OTHER = "other", _("Other")


CHANNEL_LABELS: Mapping[str, str | Promise] = {"inbox": _("Inbox"), "email": _("E-mail"), "push": _("Push"), "sms": _("Text message")}


# The scope of the switch that turns a whole channel off.
WHOLE_CHANNEL = "*"


@dataclass(frozen=True, kw_only=True)
class NotificationType(MessageType):
    """A message type that people find in their inbox and settings.

    `on` names the channels that are on until a person says otherwise; `locked` those that nobody can turn off.
    `label` and `hint` are for the settings page. `visible_to` names course roles; empty means everyone.
    """

    category: Category
    label: str | Promise
    hint: str | Promise = ""
    on: frozenset[str] = field(default_factory=frozenset)
    locked: frozenset[str] = field(default_factory=frozenset)
    visible_to: frozenset[str] = field(default_factory=frozenset)
    # Types with the same row share one line on the settings page and one preference.
    row: str = ""
    # What this type adds to a line that it shares.
    covers: str | Promise = ""
    # The context key of what it is about, such as a post: the inbox shows several about the same as one row.
    group_by: str = ""
    # The context key of who did it, so that such a row can name one of them and count the others.
    actor: str = ""
    # How often e-mail comes until a person says otherwise: "now", "daily" or "weekly".
    cadence: str = "now"

    @property
    def scope(self) -> str:
        """The name under which a person's choice for this type is kept."""
        return self.row or self.name


def register(notification_type: NotificationType) -> None:
    """This function will make a notification type known: its texts are messages/<name>/text.txt in any app's templates."""
    for channel in notification_type.locked - notification_type.on:
        raise ValueError(f"{notification_type.name} locks {channel}, which is not on.")
    register_message_type(notification_type)


def find(name: str) -> NotificationType:
    """This function will find a notification type by name. Raises channels_ace.api.UnknownType."""
    found = find_message_type(name)
    if not isinstance(found, NotificationType):
        raise TypeError(f"{name} is a message type, but no notification type.")
    return found


def registered() -> list[NotificationType]:
    """This function will list the notification types, by category and name."""
    order = [category.value for category in Category]
    types = [known for known in registered_message_types() if isinstance(known, NotificationType)]
    return sorted(types, key=lambda known: (order.index(known.category), known.name))
