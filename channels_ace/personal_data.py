"""What is held about a person, declared by the app that holds it: for the copy they may ask for, and for what goes when they go.

Each app declares its own in a module `personal_data.py`; who reads the declarations is the keeper of accounts. Read next: models.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_ace.crypto import indexes_since
from channels_ace.models import ContactPoint, Delivery, InboundText, Recipient, SilentPush, Switch
from channels_ace.send import cancel_waiting

BeforeErasing = Callable[[int, datetime], object]


@dataclass(frozen=True, kw_only=True)
class Held:
    """Rows of a model that are about a person: `who` leads to their account, `shown` are the fields that the copy tells.

    Rows are deleted with the account, unless `kept_because` says why they stay; they name nobody then.
    """

    model: type[Model]
    title: str | Promise
    who: str = "user"
    shown: tuple[str, ...] = ()
    kept_because: str = ""


_held: list[Held] = []
_before: list[BeforeErasing] = []


def hold(*held: Held) -> None:
    """This function will declare what an app holds about people."""
    _held.extend(one for one in held if one not in _held)


def before_erasing(act: BeforeErasing) -> BeforeErasing:
    """This function will have something done first when a person is erased: given their id and the time. Usable as a decorator."""
    if act not in _before:
        _before.append(act)
    return act


def all_held() -> list[Held]:
    """This function will list what all apps declared."""
    return list(_held)


def prepare_to_erase(user_id: int, now: datetime) -> None:
    """This function will do what the apps want done before a person's rows go."""
    for act in _before:
        act(user_id, now)


@before_erasing
def stop_and_forget(user_id: int, now: datetime) -> None:
    """This function will cancel what waits for a person, and forget what they texted.

    Suppressions and consent records stay: they hold no more than a keyed digest, and a STOP must outlive the account.
    """
    cancel_waiting(Delivery.objects.filter(user_id=user_id), now, reason="erased")
    for point in ContactPoint.objects.filter(user_id=user_id, kind=ContactPoint.Kind.PHONE):
        InboundText.objects.filter(index__in=indexes_since(point.index)).update(text="", hint="")


hold(
    Held(model=Recipient, title=_("Language and time zone"), shown=("language", "time_zone")),
    Held(
        model=ContactPoint,
        title=_("Addresses"),
        shown=("kind", "address", "verified_at", "removed_at", "created_at"),
    ),
    Held(
        model=Delivery,
        title=_("Deliveries"),
        shown=("message__type", "channel", "state", "reason", "created_at", "changed_at"),
        kept_because="The log of what was sent holds no address and no words; its numbers must add up.",
    ),
    Held(model=SilentPush, title=_("What devices were told"), shown=("state", "reason", "told", "changed_at")),
    Held(model=Switch, title=_("Switches"), who="who", kept_because="Who stopped sending, and when, is part of the record."),
)
