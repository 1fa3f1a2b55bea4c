from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db.models import Q
from pytest_django import Settings

from accounts.models import User
from channels_ace.api import Delivery, Question, Recipient, Suppression, defer, deliver_all, deny, send, suppress
from channels_ace.decision import Rule, rules
from channels_ace.message_types import find
from tests.channels_ace.saying import CODE, NEWS, TEXT
from tests.factories import NOW, make_contact, make_user

pytestmark = pytest.mark.django_db
State = Delivery.State

POINTS = ("none", "unverified", "removed", "verified", "removed and verified")
SUPPRESSED = ("", "stop", "bounce", "complaint", "operator", "lifted", "of the study", "of another study")
# At noon in UTC: night on two sides of the world, an opening hour, a closing hour, and nowhere.
ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Tokyo", "", "No/Where")
SCOPE = "study:1"


@pytest.fixture
def console(settings: Settings) -> None:
    paths = [f"channels_ace.channels.console.Console{name}Channel" for name in ("Email", "Push", "Sms")]
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "CHANNELS": paths}


def make_world() -> None:
    """This function will make a person for every mixture of facts."""
    for number, (points, suppressed, zone) in enumerate(product(POINTS, SUPPRESSED, ZONES)):
        person = make_user(time_zone="UTC")
        Recipient.objects.filter(user=person).update(time_zone=zone)
        for kind, channel, address in (("email", "email", f"p{number}@example.org"), ("phone", "sms", f"+1206{5550000 + number}")):
            if points != "none":
                point = make_contact(person, kind, address, verified="verified" in points and "un" not in points)
                if points == "removed":
                    type(point).objects.filter(pk=point.pk).update(removed_at=NOW)
            if suppressed:
                reason = suppressed if suppressed in Suppression.Reason.values else "stop"
                scope = {"of the study": SCOPE, "of another study": "study:2"}.get(suppressed, "")
                suppress(channel=channel, kind=kind, address=address, reason=reason, now=NOW, scope=scope)
        if suppressed == "lifted":
            Suppression.objects.filter(pk__in=Suppression.objects.order_by("-pk").values("pk")[:2]).update(lifted_at=NOW)


def decided() -> dict[tuple[int, str], tuple[str, str, Any]]:
    rows = Delivery.objects.values_list("user_id", "channel", "state", "reason", "due_at")
    return {(user, channel): (state, reason, due if state == State.DEFERRED else None) for user, channel, state, reason, due in rows}


@pytest.mark.parametrize(("kind", "channels"), [(TEXT, ["sms"]), (NEWS, ["email"]), (CODE, ["sms", "email"])])
def test_one_person_or_many_at_planning_or_at_sending_the_verdict_is_the_same(console: None, kind: Any, channels: list[str]) -> None:
    # given
    make_world()
    words: dict[str, Any] = {"type": kind.name, "channels": channels, "scope": SCOPE, "context": {"title": "x"}, "now": NOW}

    # when many are asked about, and each alone
    send(audience=User.objects.all(), **words)
    of_many = decided()
    Delivery.objects.all().delete()
    for person in User.objects.order_by("pk")[::7]:
        send(audience=[person], **words)
    of_one = decided()
    Delivery.objects.all().delete()

    # and again before sending
    send(audience=User.objects.all(), **words)
    Delivery.objects.update(state=State.READY, reason="", due_at=NOW)
    deliver_all(NOW)
    at_sending = decided()

    # then
    assert of_one.items() <= of_many.items()
    assert len({reason for _, reason, _ in of_many.values()}) >= 5
    sent_now = {key: (State.READY, "", None) if value[0] == State.ACCEPTED else value for key, value in at_sending.items()}
    assert sent_now == of_many


def test_a_no_comes_before_a_later_whatever_the_order_of_the_policies() -> None:
    make_user(time_zone="Pacific/Auckland")
    rows = Question(type=find(TEXT.name), channel="sms", contact_kinds=("phone",), now=NOW)
    laters = [rule.until is not None for rule in rules(rows)]
    assert laters == sorted(laters)
    assert any(laters)


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        (deny(Q(), "turned_off"), State.SUPPRESSED),
        (deny(Q(), "expired"), State.EXPIRED),
        (defer(Q(), "quiet_hours", NOW + timedelta(hours=1)), State.DEFERRED),
    ],
)
def test_a_rule_says_which_state_it_leads_to(rule: Rule, state: str) -> None:
    assert rule.state == state
