"""A phone on the command line: what an app for learners does with the API, each step to try and to read.

    python -m clients.phone sign-in https://carillon.example.org ana     (asks for the password; --code texts a code instead)
    python -m clients.phone sync | inbox | open ID | archive ID | snooze ID WHEN | settings | set SCOPE CHANNEL on
    python -m clients.phone device TOKEN | push FILE | screen | settings-page | sign-out

It remembers its tokens in one file (--state, by default ~/.carillon-phone.json, readable to its owner only). It renews them by itself,
and asks again with the same refresh token when an answer is lost: the server gives the same successor.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from clients.carillon_client import Client, Problem

Answer = TypeVar("Answer")


class Phone:
    """What an app keeps between two starts, and the calls it makes. Raises Problem, with status 401 once it must sign in again."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.kept: dict[str, Any] = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}

    def sign_in(self, address: str, credentials: dict[str, str], name: str) -> None:
        """This function will sign in by {username, password} or {phone, code}, and keep the tokens."""
        tokens = Client(address, "").sign_in({**credentials, "app": name})  # type: ignore[typeddict-item]
        self.kept = {"address": address}
        self._keep_tokens(tokens)

    def ask(self, call: Callable[[Client], Answer]) -> Answer:
        """This function will make a call, with the next tokens if the present ones are over."""
        try:
            return call(self._client(self.kept.get("access", "")))
        except Problem as problem:
            if problem.status != 401 or "refresh" not in self.kept:
                raise
        # A lost answer does no harm: asked again, the server gives the same tokens.
        self._keep_tokens(self._client("").renew_tokens({"refresh": self.kept["refresh"]}))
        return call(self._client(self.kept["access"]))

    def sync(self) -> int:
        """This function will bring the offline copy up to date, from where it was left, and say how many items were brought."""
        brought = 0
        while True:
            copy = self.kept.get("inbox", {"cursor": None, "items": {}})
            try:
                page = self.ask(lambda client, since=copy["cursor"]: client.list_inbox_changes(since=since))  # type: ignore[misc]
            except Problem as problem:
                if problem.status != 410:
                    raise
                # Too old to tell what changed: a new copy from the start.
                self.remember(inbox={"cursor": None, "items": {}})
                continue
            items = copy["items"] | {item["id"]: item for item in page["items"]}
            kept = {key: item for key, item in items.items() if item["created_at"] >= page["kept_from"]}
            # The items and the cursor in one step: a phone that is turned off between two would miss something.
            self.remember(inbox={"cursor": page["cursor"], "items": kept})
            brought += len(page["items"])
            if not page["has_more"]:
                return brought

    def receive(self, message: dict[str, Any]) -> None:
        """This function will do what an app does with what FCM hands it: show it, or take off the screen what was read elsewhere."""
        told, screen = message["data"], dict(self.kept.get("screen", {}))
        if "notification" in message:
            screen[told["message_id"]] = message["notification"]["title"]
        for gone in told.get("withdrawn", "").split():
            screen.pop(gone, None)
        # Where the server counts nothing, the icon stays as it is.
        self.remember(screen=screen, badge=int(told.get("badge", self.kept.get("badge", 0))))

    def put_away(self, item_id: str, unread: int) -> None:
        """This function will take off the screen what is opened here: no push comes for it to the app in which it was."""
        screen = {key: title for key, title in self.kept.get("screen", {}).items() if key != item_id}
        self.remember(screen=screen, badge=unread)

    def sign_out(self) -> None:
        """This function will end the tokens, and with them the pushes to this device, and forget them."""
        self.ask(lambda client: client.sign_out_app("current"))
        self._state.unlink()
        self.kept = {}

    def remember(self, **what: Any) -> None:
        """This function will keep something for the next start."""
        self.kept |= what
        # Made unreadable to others before anything is in it.
        with os.fdopen(os.open(self._state, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(self.kept, file)

    def _client(self, token: str) -> Client:
        return Client(self.kept.get("address", ""), token)

    def _keep_tokens(self, tokens: Any) -> None:
        self.remember(access=tokens["access"], refresh=tokens["refresh"])


def main(arguments: list[str] | None = None) -> int:
    """This function will do one thing that a phone does, and give the exit code: 0, or 2 with one line that says what was wrong."""
    asked = _parser().parse_args(arguments)
    phone = Phone(asked.state)
    try:
        asked.act(phone, asked)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


def _sign_in(phone: Phone, asked: argparse.Namespace) -> None:
    if asked.code:
        Client(asked.address, "").ask_for_sign_in_code({"phone": asked.who})
        credentials = {"phone": asked.who, "code": input("Code: ").strip()}
    else:
        credentials = {"username": asked.who, "password": getpass.getpass("Password: ")}
    phone.sign_in(asked.address, credentials, asked.name)
    print(f"Signed in to {asked.address} as {asked.name}.")


def _show_inbox(phone: Phone, asked: argparse.Namespace) -> None:
    counts = phone.ask(lambda client: client.count_inbox())
    cursor: str | None = None
    shown: list[Any] = []
    print(f"{counts['unread']} unread, {counts['unseen_badge']} on the badge")
    for _page in range(asked.pages):
        page = phone.ask(lambda client, after=cursor: client.list_inbox(cursor=after))  # type: ignore[misc]
        for item in page["items"]:
            print(f"{item['id']} {'·' if item['read_at'] else '*'} {item['title']}")
        shown += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    if shown:
        # Up to what is on the screen: what has come meanwhile stays new.
        newest = max(shown, key=lambda item: item["created_at"])["id"]
        phone.ask(lambda client: client.mark_all_seen({"through": newest}))


def _sync(phone: Phone, _asked: argparse.Namespace) -> None:
    brought = phone.sync()
    unread = sum(is_new(item) for item in phone.kept["inbox"]["items"].values())
    print(f"{brought} brought, {len(phone.kept['inbox']['items'])} kept, {unread} of them unread")


def is_new(item: dict[str, Any]) -> bool:
    """This function will tell whether an item of the copy counts as unread now: what sleeps does not, until its time."""
    asleep = item["snoozed_until"] is not None and datetime.fromisoformat(item["snoozed_until"]) > datetime.now(UTC)
    return item["read_at"] is None and item["archived_at"] is None and not asleep


def _open(phone: Phone, asked: argparse.Namespace) -> None:
    # What a tap on a push does: it carries the item's id, and opening it marks it as read.
    phone.ask(lambda client: client.mark_read(asked.id))
    unread = phone.ask(lambda client: client.count_inbox())["unread"]
    phone.put_away(asked.id, unread)
    print(f"Read. {unread} left.")


def _archive(phone: Phone, asked: argparse.Namespace) -> None:
    phone.ask(lambda client: client.archive(asked.id))
    print("Archived.")


def _snooze(phone: Phone, asked: argparse.Namespace) -> None:
    phone.ask(lambda client: client.snooze(asked.id, {"until": asked.until}))
    print(f"Hidden until {asked.until}.")


def _why(phone: Phone, asked: argparse.Namespace) -> None:
    print(json.dumps(phone.ask(lambda client: client.explain_item(asked.id)), indent=1, ensure_ascii=False))


def _show_settings(phone: Phone, _asked: argparse.Namespace) -> None:
    print(json.dumps(phone.ask(lambda client: client.list_preferences()), indent=1, ensure_ascii=False))


def _set(phone: Phone, asked: argparse.Namespace) -> None:
    cell = phone.ask(lambda client: client.choose_preference(asked.channel, asked.scope, {"is_on": asked.value == "on"}))
    print(f"{asked.scope} by {cell['channel']}: {'on' if cell['is_on'] else 'off'}")


def _open_settings_page(phone: Phone, asked: argparse.Namespace) -> None:
    # What a web view does: it posts the code, keeps the cookie, and shows the page it is led to.
    made = phone.ask(lambda client: client.make_settings_code())
    form = urlencode({"code": made["code"], "theme": asked.theme, "language": asked.language}).encode()
    web_view = build_opener(HTTPCookieProcessor())
    with web_view.open(made["url"], form, timeout=30) as page:
        title = re.search(r"<h1>(.*?)</h1>", page.read().decode())
    print(title[1] if title else "")


def _register(phone: Phone, asked: argparse.Namespace) -> None:
    device = phone.ask(lambda client: client.register_device({"kind": "token", "address": asked.token}))
    print(f"Pushes go to the device that ends in {device['ends_in']}.")


def _receive(phone: Phone, asked: argparse.Namespace) -> None:
    phone.receive(json.loads(asked.file.read_text(encoding="utf-8")))
    _show_screen(phone, asked)


def _show_screen(phone: Phone, _asked: argparse.Namespace) -> None:
    for item_id, title in phone.kept.get("screen", {}).items():
        print(f"{item_id} {title}")
    print(f"The icon shows {phone.kept.get('badge', 0)}.")


def _sign_out(phone: Phone, _asked: argparse.Namespace) -> None:
    phone.sign_out()
    print("Signed out.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="phone", description="What an app for learners does, one command a step.")
    parser.add_argument("--state", type=Path, default=Path.home() / ".carillon-phone.json", help="where it keeps its tokens")
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def step(name: str, act: Callable[[Phone, argparse.Namespace], None], words: str, *positional: str) -> argparse.ArgumentParser:
        added = steps.add_parser(name, help=words)
        added.set_defaults(act=act)
        for one in positional:
            added.add_argument(one)
        return added

    sign_in = step("sign-in", _sign_in, "sign in by a password, or by a code with --code", "address", "who")
    sign_in.add_argument("--code", action="store_true", help="WHO is a phone number; a code is texted to it")
    sign_in.add_argument("--name", default="a phone on the command line", help="what its owner will know it by")
    step("inbox", _show_inbox, "show what is new, and make the badge quiet").add_argument("--pages", type=int, default=1)
    step("sync", _sync, "bring the offline copy of the inbox up to date")
    step("open", _open, "open an item, which marks it as read", "id")
    step("archive", _archive, "put an item out of the list", "id")
    step("snooze", _snooze, "hide an item until a time (ISO 8601 with its offset)", "id", "until")
    step("why", _why, "say why an item came", "id")
    step("settings", _show_settings, "show the settings with their words and locks")
    step("set", _set, "turn a type or category on or off", "scope", "channel").add_argument("value", choices=["on", "off"])
    page = step("settings-page", _open_settings_page, "open the settings page, as a web view does")
    page.add_argument("--theme", choices=["light", "dark"], default="light")
    page.add_argument("--language", default="en")
    step("device", _register, "register this device's push token", "token")
    step("push", _receive, "take a push, as FCM hands it to the app").add_argument("file", type=Path, help="the message as JSON")
    step("screen", _show_screen, "show what pushes have put on the screen, and the number on the icon")
    step("sign-out", _sign_out, "end the tokens, and the pushes to this device, and forget them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
