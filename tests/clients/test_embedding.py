"""docs/embedding.md does what it says."""

import json
import re
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.service_tokens import make_service_token
from notifications.bell_tokens import owner_of
from tests.factories import make_user

PAGE = (Path(__file__).parents[2] / "docs" / "embedding.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)
    return str(found)


def test_the_exchange_gives_the_token_of_whoever_is_signed_in(transactional_db: None, live_server: Any) -> None:
    ana = make_user("ana")
    token = make_service_token(name="lms", scopes=["inbox:embed"], made_by_id=None, expires_at=None, now=timezone.now())
    pasted: dict[str, Any] = {"carillon": live_server.url, "service_token": token}
    exec(block("python"), pasted)  # noqa: S102 - what the page says

    assert owner_of(json.loads(pasted["bell_token"]("ana"))["token"], timezone.now()) == ana
