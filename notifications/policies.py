"""What people chose, asked before every send. Read next: preferences.py, channels_ace/decision.py."""

from collections.abc import Iterable

from django.db.models import Exists, Q

from channels_ace.api import Question, Rule, deny
from notifications.models import Preference
from notifications.registry import NotificationType


class Preferred:
    """A type's own switch beats its category's, which beats the default; what is locked cannot be turned off."""

    def rules(self, question: Question) -> Iterable[Rule]:
        asked = question.type
        if not isinstance(asked, NotificationType) or question.channel in asked.locked:
            return
        mine = question.of_user(Preference.objects.filter(channel=question.channel))
        type_on = Exists(mine.filter(scope=asked.scope, is_on=True))
        type_off = Exists(mine.filter(scope=asked.scope, is_on=False))
        category_on = Exists(mine.filter(scope=asked.category, is_on=True))
        category_off = Exists(mine.filter(scope=asked.category, is_on=False))
        yield deny(type_off, "turned_off")
        if question.channel in asked.on:
            yield deny(Q(category_off) & ~Q(type_on), "category_turned_off")
        else:
            yield deny(~Q(type_on) & ~Q(category_on), "off_by_default")
