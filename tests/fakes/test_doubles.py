import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.fakes.ledger import Ledger


def test_a_ledger_on_disk_outlives_a_kill_and_drops_a_line_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path).write(provider="eum", token="a", accepted=True, to="+12065550123")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"n": 2, "provi')

    again = Ledger(path)
    number = again.write(provider="fcm", token="b", accepted=False, to="device")

    assert number == 2
    assert [json.loads(line)["token"] for line in path.read_text(encoding="utf-8").splitlines()] == ["a", "b"]
    assert again.summary() == {"eum": {"accepted": 1, "not_accepted": 0}, "fcm": {"accepted": 0, "not_accepted": 1}}
    assert "2065550123" not in path.read_text(encoding="utf-8")


def test_a_ledger_on_disk_is_never_emptied(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="never emptied"):
        Ledger(tmp_path / "ledger.jsonl").forget()


def test_the_doubles_are_a_process_that_says_where_it_is_and_ends_when_told(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    command = [sys.executable, "-m", "tests.fakes", "--ledger", str(ledger)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["http"]

        ask(f"{url}/faults", {"provider": "eum", "fault": "throttle"})
        refused = ask(f"{url}/faults", {"provider": "eum", "fault": "earthquake"})
        token_url = ask(f"{url}/service-account.json")["token_uri"]
        entries = ask(f"{url}/ledger?after=0")
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=20) == 0
    assert "earthquake" in refused["error"]
    assert token_url == f"{url}/token"
    assert entries == {"entries": []}


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    request = Request(url, data=json.dumps(body).encode() if body else None)  # noqa: S310
    try:
        with urlopen(request, timeout=10) as response:  # noqa: S310
            return json.load(response)
    except HTTPError as error:
        with error:
            return json.load(error)
