"""After the database lost its last seconds: what may have gone out in them is not sent again. Read next: sweep.py.

A standby that takes over, or a snapshot that is put back, knows less than providers do. What went out meanwhile is due again there, and
its attempts are gone with their tokens, so that no receipt finds them.
"""

from datetime import datetime

from django.db.models import Q

from channels_ace.channel import carriers
from channels_ace.health import PROVIDER_DOWN
from channels_ace.message_types import Repeat, registered
from channels_ace.models import Delivery
from channels_ace.record import RECONCILE_AFTER

RESTORED = "restored"
State = Delivery.State


def quarantine(now: datetime) -> int:
    """This function will take out of the workers' way what may have been sent already, and say how many deliveries that are.

    These are all that were due by now, waited for a provider that had trouble, or were under way, of types that go out at most once.
    They stay unknown; what may be repeated is sent. What an operator has turned off waits on. No worker may run meanwhile.
    """
    repeated = [known.name for known in registered() if known.repeat is Repeat.AT_LEAST_ONCE]
    open_ones = Delivery.objects.filter(channel__in=list(carriers())).exclude(message__type__in=repeated)
    due = Q(state__in=Delivery.WAITING, due_at__lte=now) | Q(state=State.DEFERRED, reason=PROVIDER_DOWN) | Q(state=State.SENDING)
    return Delivery.objects.filter(pk__in=open_ones.filter(due).values("pk")).update(
        state=State.UNKNOWN, reason=RESTORED, reconcile_at=now + RECONCILE_AFTER, lease_until=None, changed_at=now
    )
