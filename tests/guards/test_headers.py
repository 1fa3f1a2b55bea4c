"""What every answer says to the browser, on every route."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tests.guards.access import Row, World, named, read_matrix, routes

MATRIX = read_matrix()
ROOT = Path(__file__).parents[2]
# A calendar program asks again and again with the ETag; nobody but it may keep the answer, and the link itself is the secret.
KEPT_FOR_A_WHILE = {"calendar-feed"}
# A script of ours for other sites, the same for everybody.
PUBLIC = {"embed-bell"}
# An e-mail as a mail program shows it: styles in the text, in a sandbox where nothing runs.
STYLED = {"message-preview-html"}
INLINE = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<[^>]+\son\w+\s*=|javascript:", re.IGNORECASE)


def faults_of(row: Row, caller: str, answer: Any) -> list[str]:
    """This function will name what an answer should say to the browser and does not."""
    parts = [part.split() for part in answer.headers.get("Content-Security-Policy", "").split(";") if part]
    policy = {name: words for name, *words in parts}
    kept = answer.headers.get("Cache-Control", "")
    is_private = (caller != "nobody" or row.route.startswith("api")) and row.route not in PUBLIC
    checks = {
        "nosniff": answer.headers.get("X-Content-Type-Options") == "nosniff",
        "Referrer-Policy": answer.headers.get("Referrer-Policy") in ("same-origin", "no-referrer"),
        "no default": policy.get("default-src") == ["'none'"],
        "scripts of ours alone": policy.get("script-src", ["'self'"]) == ["'self'"],
        "styles of ours alone": policy.get("style-src") == ["'self'"] or (row.route in STYLED and "sandbox" in policy),
        "no frame of others": "frame-ancestors" in policy or row.route in STYLED,
        "X-Frame-Options": answer.headers.get("X-Frame-Options") == "DENY",
        "base": policy.get("base-uri") == ["'none'"] or row.route in STYLED,
        "no-store": "no-store" in kept or not is_private or (row.route in KEPT_FOR_A_WHILE and "private" in kept),
        "no script in the page": "html" not in answer.headers.get("Content-Type", "") or not INLINE.search(answer.content.decode()),
    }
    return [f"{row.method} {row.route} as {caller} ({answer.status_code}): {name}" for name, holds in checks.items() if not holds]


@pytest.mark.timeout(900)
def test_every_answer_tells_the_browser_what_it_may_do(db: None) -> None:
    world, found = World(), []
    places = {route.name: route for route in routes()}
    for row in MATRIX.rows:
        may = [name for name in ("learner", "owner", "operator", "scoped") if MATRIX.answers[row.kind, "own"][name] == "ok"]
        for caller in (*may[:1], "nobody"):
            own = world.own(caller)
            names = {**own, "token": own["feed"] if row.route == "calendar-feed" else own["unsubscribe"]}
            body = json.loads(named(row.body or "{}", names))
            client, address = world.client(caller, row.scope), places[row.route].address(names)
            with transaction.atomic():
                if row.route.startswith("api-"):
                    answer = client.generic(row.method, address, json.dumps(body), "application/json", headers={"idempotency-key": "k"})
                else:
                    answer = client.get(address) if row.method == "GET" else client.post(address, body)
                transaction.set_rollback(True)
            found += faults_of(row, caller, answer)

    assert "\n".join(found) == ""


def test_production_lets_nobody_come_by_plain_http() -> None:
    asks = (
        "from django.test import Client; plain = Client().get('/inbox/', headers={'host': 'carillon.example.org'}); "
        "safe = Client().get('/healthz', headers={'host': 'carillon.example.org'}, secure=True); "
        "print(plain.status_code, plain['Location'], safe['Strict-Transport-Security'])"
    )
    said = subprocess.run(
        [sys.executable, "tools/as_production.py", "shell", "-v", "0", "-c", asks], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert said.stdout.strip() == "301 https://carillon.example.org/inbox/ max-age=31536000; includeSubDomains; preload", said.stderr
