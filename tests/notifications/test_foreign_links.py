"""A link to a host that nobody allowed, by every way in which a message comes and goes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.service_tokens import make_service_token
from channels_ace.api import Message, Refused, deliver_all, render
from notifications.api import choose
from notifications.ingest import ingest_line
from notifications.links import absolute
from notifications.models import Brand, CourseDate, InboxItem, IngestedEvent, ServiceMessage
from notifications.notify import notify
from notifications.registry import registered
from notifications.service_messages import plan_due
from tests.factories import COURSE, NOW, make_member, make_user
from tests.fakes import Doubles
from tests.notifications.bad_events import course_event, user_event

pytestmark = pytest.mark.django_db
EVIL = "https://evil.example/login"
LMS = "https://lms.example.org/courses/x"
SAID = {"texts": {"title": {"en": "Hi"}}, "audience": {"usernames": ["ana"]}}


@pytest.fixture
def ana() -> User:
    return make_member(make_user("ana", email="ana@example.org", platform_id=101))


@pytest.fixture
def lms(settings: Settings) -> Client:
    settings.LINK_HOSTS = ["lms.example.org"]
    scopes = ["messages:send", "dates:write"]
    clear = make_service_token(name="lms", scopes=scopes, made_by_id=None, expires_at=None, now=NOW)
    return Client(headers={"authorization": f"Bearer {clear}"})


def post(client: Client, address: str, body: object) -> Any:
    return client.post(address, json.dumps(body), content_type="application/json", headers={"idempotency-key": "k"})


@pytest.mark.parametrize(
    "body", [{**SAID, "link": EVIL}, {"type": "other.announcement", "context": {"title": "Hi"}, "audience": SAID["audience"], "link": EVIL}]
)
def test_the_api_refuses_it_in_words_of_ones_own_and_by_a_type(lms: Client, ana: User, body: dict[str, Any]) -> None:
    assert post(lms, "/api/v1/messages/", body).status_code == 400
    assert not ServiceMessage.objects.exists()


@pytest.mark.parametrize("type_name", [known.name for known in registered()])
def test_no_type_is_said_with_it(ana: User, type_name: str) -> None:
    with pytest.raises(Refused, match="link"):
        notify(type=type_name, audience=[ana], link=EVIL, context={}, now=NOW)
    assert not Message.objects.exists()


def test_a_date_with_it_is_refused_as_a_row_and_in_a_file(lms: Client) -> None:
    dates = f"/api/v1/courses/{COURSE}/dates/"
    row = {"external_id": "lab", "title": "Lab", "when": "2026-12-01", "link": EVIL}
    table = f"external_id,kind,title,when,link\nlab,assignment,Lab,2026-12-01,{EVIL}\n"

    answers = [post(lms, dates, {"dates": [row]}), lms.post(dates, table, content_type="text/csv")]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert not CourseDate.objects.exists()


def test_an_event_of_the_platform_with_it_says_nothing(lms: Client, ana: User) -> None:
    kept = [ingest_line(line, NOW) for line in (user_event("a", content_url=EVIL), course_event("b", content_url=EVIL))]

    assert [event.outcome for event in kept] == [IngestedEvent.Outcome.REFUSED] * 2
    assert not InboxItem.objects.exists()


FOREIGN = [EVIL, "//evil.example", "https://lms.example.org@evil.example/", "http://lms.example.org.evil.example/"]


@pytest.mark.parametrize("html", [f"<a href='{address}'>Sign in</a>" for address in FOREIGN])
def test_rich_text_keeps_its_words_alone(lms: Client, html: str) -> None:
    message = Message(type="updates.course_updates", context={"course_update_content": f"<p>{html}</p>"}, link="/inbox/", created_at=NOW)

    written = render(message, "email", ("subject", "text", "html"), "en")

    assert "Sign in" in written["html"]
    assert "Sign in" in written["text"]
    assert "evil.example" not in written["html"] + written["text"]


def test_rich_text_keeps_links_to_where_a_message_may_lead(lms: Client) -> None:
    html = f"<a href='{LMS}'>Lab</a> <a href='mailto:team@example.org'>us</a>"
    message = Message(type="updates.course_updates", context={"course_update_content": html}, link="/inbox/", created_at=NOW)

    written = render(message, "email", ("subject", "text", "html"), "en")

    assert (LMS in written["html"], LMS in written["text"], "mailto:team@example.org" in written["html"]) == (True, True, True)


def test_what_was_allowed_when_it_was_said_leads_to_the_inbox_once_its_host_is_not(lms: Client, ana: User, settings: Settings) -> None:
    item = notify(type="other.announcement", audience=[ana], link=LMS, context={"title": "Hi"}, now=timezone.now())
    reader = Client()
    reader.force_login(ana)
    settings.LINK_HOSTS = []

    told = reader.get("/api/v1/inbox/").json()["items"]
    mail = render(item, "email", ("subject", "text", "html"), "en")
    text = render(item, "sms", ("text",), "en")["text"]
    opened = reader.post(reverse("inbox-read", args=[item.public_id]))

    assert [one["link"] for one in told] == [absolute("/inbox/")]
    assert "lms.example.org" not in mail["html"] + mail["text"] + text
    assert "lms.example.org" not in opened.headers["Location"]


@pytest.mark.parametrize("channel", ["push", "email"])
def test_no_channel_carries_it_once_its_host_is_not_allowed(lms: Client, doubles: Doubles, settings: Settings, channel: str) -> None:
    bo = make_user(email="bo@example.org", device="bos-phone")
    choose(bo.pk, "other", channel, is_on=True, now=NOW)
    notify(type="other.announcement", audience=[bo], link=LMS, context={"title": "Hi"}, channels=["inbox", channel], now=NOW)
    settings.LINK_HOSTS = []

    deliver_all(NOW)

    (sent,) = doubles.ledger.entries()
    assert "lms.example.org" not in json.dumps(sent)


def test_a_push_and_the_inbox_lead_to_one_address(lms: Client, doubles: Doubles, settings: Settings) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "BUFFER_MINUTES": 0}
    bo, reader, noon = make_user(device="bos-phone"), Client(), timezone.now().replace(hour=12)
    reader.force_login(bo)
    choose(bo.pk, "other", "push", is_on=True, now=NOW)
    Brand.objects.create(name="North", orgs=["DemoX"], address="https://north.example.org")
    for link in ("/inbox/", LMS, ""):
        notify(type="other.announcement", audience=[bo], link=link, context={"title": "Hi"}, scope=COURSE, now=noon)
    told = {item["id"]: item["link"] for item in reader.get("/api/v1/inbox/").json()["items"]}

    deliver_all(noon)

    pushed = {one["extra"]["data"]["message_id"]: one["extra"]["data"]["link"] or None for one in doubles.ledger.entries()}
    assert len(pushed) == 3
    assert pushed == told


def test_what_waits_for_its_time_is_refused_once_its_host_is_not_allowed(lms: Client, ana: User, settings: Settings) -> None:
    later = timezone.now() + timedelta(hours=1)
    post(lms, "/api/v1/messages/", {**SAID, "link": LMS, "send_after": later.isoformat()})
    settings.LINK_HOSTS = []

    plan_due(later)

    assert "link" in ServiceMessage.objects.get().refused_because
    assert not InboxItem.objects.exists()
