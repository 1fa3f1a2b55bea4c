"""What each device of a person shows, what it should show, and the push that says so. Read next: silent_telling.py."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast
from uuid import uuid4

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from channels_ace.channel import Channel, Outcome, Outgoing, Receipt
from channels_ace.contact_points import settled
from channels_ace.crypto import decrypt
from channels_ace.models import ContactPoint, Delivery, SilentPush, Suppression
from channels_ace.silent import PUSH, SHOWN, reached_by_push

# What the app knows it by, and operators turn it off by.
TYPE = "inbox.changed"
# What comes later is told with the next change, or by the app itself when it is opened.
WORTH_TELLING = timedelta(hours=1)
# Of 4,096 bytes that a push may have; more than any screen shows. The rest follows.
MOST_IDS = 100
# FCM keeps no push longer than that.
SHOWN_FOR = timedelta(days=28)


@dataclass(kw_only=True)
class Device:
    """A device of somebody who is to be told, and what is to leave its screen: (delivery, message's id), newest first."""

    point: dict[str, Any]
    shown: list[tuple[int, str]] = field(default_factory=list)
    # What it was told before: that push may still be waiting for it, and is replaced by ours.
    told_before: list[str] = field(default_factory=list)
    is_asked: bool = False
    receipt: Receipt | None = None

    @property
    def knows(self) -> bool:
        """Whether it shows what is so: because it was told, or because nobody had to."""
        return not self.is_asked or (self.receipt is not None and self.receipt.outcome is Outcome.ACCEPTED)


def busy(claimed: Sequence[SilentPush]) -> set[int]:
    """This function will tell who has a push under way: it carries an older number, and must not come after ours."""
    under_way = Delivery.objects.filter(user_id__in=[row.pk for row in claimed], channel=PUSH, state=Delivery.State.SENDING)
    return set(under_way.values_list("user_id", flat=True))


def devices_of(rows: Sequence[SilentPush], channel: Channel, now: datetime) -> dict[int, list[Device]]:
    """This function will find the devices of people, and what is to leave the screen of each. The addresses are as they are stored."""
    people = [row.pk for row in rows]
    blocked = Suppression.objects.filter(channel=PUSH, index=OuterRef("index"), lifted_at=None)
    points = ContactPoint.objects.filter(reached_by_push(), ~Exists(blocked), user_id__in=people, kind__in=channel.contact_kinds)
    last = Delivery.objects.filter(user_id__in=people, channel=PUSH, state__in=SHOWN)
    pushed_at = dict(last.order_by().values_list("contact_point_id").annotate(at=Max("changed_at")))
    # Read as it is stored: one address that no key opens must not fail the whole set.
    stored = points.annotate(stored=Cast("address", TextField()))
    known = list(stored.order_by("pk").values("pk", "user_id", "kind", "app", "stored"))
    here = settled([point["pk"] for point in known])
    found: dict[int, list[Device]] = {user_id: [] for user_id in people}
    by_point: dict[int, Device] = {}
    for point in known:
        if point["pk"] in here:
            by_point[point["pk"]] = Device(point={**point, "pushed_at": pushed_at.get(point["pk"])})
            found[point["user_id"]].append(by_point[point["pk"]])
    shown = last.filter(Q(withdrawn_at=None) & _is_over(now) | Q(withdrawn_at__gt=now - WORTH_TELLING), contact_point_id__in=by_point)
    columns = ("pk", "contact_point_id", "message__public_id", "withdrawn_at")
    for delivery, point_id, message, withdrawn_at in shown.filter(created_at__gt=now - SHOWN_FOR).order_by("-pk").values_list(*columns):
        if withdrawn_at is None:
            by_point[point_id].shown.append((delivery, message))
        else:
            by_point[point_id].told_before.append(message)
    return defaultdict(list, found)


def _is_over(now: datetime) -> Q:
    path = settings.CHANNELS_ACE.get("DEALT_WITH")
    return Q(message__cancelled_at__isnull=False) | (_found(path)(now) if path else Q(pk__in=[]))


@cache
def _found(path: str) -> Callable[[datetime], Q]:
    return cast(Callable[[datetime], Q], import_string(path))


def must_hear(device: Device, row: SilentPush, badge: int | None) -> bool:
    """This function will tell whether a device shows something else, or may; the one in which it was changed knows."""
    told, pushed_at = row.told.get(str(device.point["pk"])), device.point["pushed_at"]
    # A push that came after we told it set another number.
    is_told = told is not None and told["badge"] == badge and (pushed_at is None or pushed_at < datetime.fromisoformat(told["at"]))
    is_reader = bool(row.by) and device.point["app"] == row.by
    device.is_asked = not is_reader and (bool(device.shown) or not is_told)
    return device.is_asked


def outgoing_to(device: Device, badge: int | None) -> Outgoing:
    """This function will write the push to a device. Raises Unreadable."""
    user_id = device.point["user_id"]
    number = {} if badge is None else {"badge": str(badge)}
    withdrawn = [message for _, message in device.shown] + device.told_before
    return Outgoing(
        token=str(uuid4()),
        to=decrypt(device.point["stored"]),
        to_kind=device.point["kind"],
        parts={},
        type=TYPE,
        message_id=key_of(user_id),
        language="",
        ttl_seconds=int(WORTH_TELLING.total_seconds()),
        data={**number, "withdrawn": " ".join(withdrawn[:MOST_IDS])},
        badge=badge,
        silent=True,
    )


def key_of(user_id: int) -> str:
    """This function will give the key under which a person's silent pushes replace each other, which tells nobody who they are."""
    return f"inbox-{salted_hmac('carillon.silent', str(user_id)).hexdigest()[:20]}"
