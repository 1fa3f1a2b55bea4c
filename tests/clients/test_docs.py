"""docs/service-developers.md does what it says."""

import http.client
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from accounts.service_tokens import make_service_token
from notifications.models import InboxItem, ServiceMessage
from notifications.rest_api.callers import known_scopes
from notifications.service_messages import plan_due
from notifications.webhook_events import tell_changes
from notifications.webhook_posts import post_due
from tests.factories import make_member, make_user
from tests.fakes.receiver import receiver
from tests.scheduling.worlds import make_study

PAGE = (Path(__file__).parents[2] / "docs" / "service-developers.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def test_every_example_runs_in_order(transactional_db: None, live_server: Any, capsys: Any) -> None:
    ana, _ben = make_member(make_user("ana")), make_member(make_user("ben"), cohort="b")
    token = make_service_token(name="lms", scopes=known_scopes(), made_by_id=None, expires_at=None, now=timezone.now())
    with receiver() as hook:
        study = make_study(timezone.now() - timedelta(days=3)).public_id
        pasted: dict[str, Any] = {"address": live_server.url, "token": token, "hook_url": hook.url, "study": study}
        for block in blocks("python"):
            exec(block, pasted)  # noqa: S102 - what the page says
            # What the workers do meanwhile.
            plan_due(timezone.now())
            tell_changes(timezone.now() + timedelta(seconds=15))
            post_due(timezone.now() + timedelta(seconds=15))
        posted = [pasted["is_ours"](pasted["secret"], headers, body) for headers, body in hook.came]

    told = capsys.readouterr().out
    assert [item.user_id for item in InboxItem.objects.exclude(message__type="studies.joined")] == [ana.pk]
    assert "planned" in told
    assert "inbox It is in the inbox." in told
    assert "enrollment 2025-03-03\ncustom:activityBurst1Start 2025-03-03\ncustom:activityBurst2Start 2025-06-02\n" in told
    assert "lms set 2026-06-15 A holiday\n" in told
    assert "409 There is no address for this channel." in told
    assert "400 [{'path': '/audience', 'message': 'Nobody here is nobody-of-this-name.'}]" in told
    assert "/lines/3 The kind must be one of" in told
    assert posted
    assert all(posted)
    assert not pasted["is_ours"](pasted["secret"], hook.came[0][0], hook.came[0][1] + b" ")


def test_the_call_over_http_is_answered_as_it_says(transactional_db: None, live_server: Any) -> None:
    make_user("ana")
    token = make_service_token(name="lms", scopes=known_scopes(), made_by_id=None, expires_at=None, now=timezone.now())
    asked, answered = blocks("http")
    head, _blank, body = asked.partition("\n\n")
    first, *lines = head.splitlines()
    method, path = first.split()
    headers = {"Authorization": f"Bearer {token}", **dict(line.split(": ", 1) for line in lines)}

    connection = http.client.HTTPConnection(urlsplit(live_server.url).netloc)
    connection.request(method, path, body.encode(), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()

    status, location = answered.split("\n")[:2]
    assert answer.status == int(status)
    assert re.fullmatch(location.replace("V1dZ0m9hYkQxRnJ0eQ3aBc", "[A-Za-z0-9_-]{22}"), f"Location: {answer.headers['Location']}")
    assert ServiceMessage.objects.count() == 1


def test_every_scope_of_the_page_exists() -> None:
    assert set(re.findall(r"^\| `([a-z]+:[a-z]+)`", PAGE, re.M)) <= set(known_scopes())
