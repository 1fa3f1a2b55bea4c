"""Things to say in tests of the router, and what moves time where a test cannot wait. Read next: test_delivery.py."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now

from accounts.models import User
from channels_ace.api import Delivery, Hours, Message, MessageType, Repeat, register, send
from tests.factories import NOW, make_user

# On at noon where everybody in these tests lives: in UTC.
TEXT = MessageType(name="tests.text", channels=("sms",), lane="nudges")
CODE = MessageType(name="tests.code", channels=("sms", "email"), lane="urgent", hours=Hours.ANY, repeat=Repeat.AT_LEAST_ONCE)
NEWS = MessageType(name="tests.news", channels=("email", "push"), lane="bulk", variables=("title",))
FLASH = MessageType(
    name="tests.flash", channels=("sms", "push"), fresh_for=timedelta(hours=4), fresh_for_channel={"push": timedelta(hours=1)}
)
for _type in (TEXT, CODE, NEWS, FLASH):
    register(_type)


def make_people(count: int, **addresses: Any) -> list[User]:
    """This function will make people with a phone number each."""
    return [make_user(phone=f"+1206555{number:04d}", **addresses) for number in range(1000, 1000 + count)]


def say(audience: Any, kind: MessageType = TEXT, now: datetime = NOW, **more: Any) -> Message:
    """This function will say something of a kind, with a title where it needs one."""
    return send(type=kind.name, audience=audience, now=now, context={"title": "News"}, **more)


def states() -> Counter[tuple[str, str]]:
    """This function will count the deliveries by state and reason."""
    return Counter(Delivery.objects.values_list("state", "reason"))


def let_leases_end() -> None:
    """This function will make every lease end a while ago, as if minutes had passed."""
    Delivery.objects.filter(lease_until__isnull=False).update(lease_until=Now() - timedelta(minutes=1))
