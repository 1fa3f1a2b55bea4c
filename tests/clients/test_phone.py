"""The phone on the command line, against a running server: docs/mobile-developers.md does what it says."""

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts.models import PhoneCode, SignedInApp, User
from accounts.phone_codes import digits, send_codes
from channels_ace.api import ContactPoint, cancel, deliver_all, tell_due
from clients import phone
from notifications import inbox_marks
from notifications.api import InboxItem, Preference, notify
from tests.factories import COURSE, make_user
from tests.fakes.doubles import Doubles
from tests.fakes.ledger import digest_of

PAGE = (Path(__file__).parents[2] / "docs" / "mobile-developers.md").read_text(encoding="utf-8")
PASSWORD = "correct horse battery"


@pytest.fixture
def ana(transactional_db: None) -> User:
    person = make_user("ana", phone="+12065550100")
    person.set_password(PASSWORD)
    person.save()
    # Beside these two the account says that its address and password changed.
    for title in ("Week 1", "Week 2"):
        context = {"course_name": "Statistics", "replier_name": "lee", "post_title": title}
        notify(type="discussion.new_response", audience=[person], context=context, scope=COURSE)
    return person


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("getpass.getpass", lambda _words: PASSWORD)
    return tmp_path / "phone.json"


def run(state: Path, words: str, **known: str) -> int:
    for name, value in known.items():
        words = words.replace(f"${name}", value)
    return phone.main(["--state", str(state), *shlex.split(words)])


def test_every_step_of_the_page_works_in_its_order(
    ana: User, live_server: Any, state: Path, capsys: pytest.CaptureFixture[str], settings: LazySettings
) -> None:
    # Where the code of the settings page is posted.
    settings.SITE_URL = live_server.url
    later = (timezone.now() + timedelta(hours=3)).isoformat()
    item = InboxItem.objects.filter(user=ana).latest("message_id").message.public_id
    steps = [line.removeprefix("phone ") for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
    assert len(steps) >= 10

    pushes = {"PUSH": {"data": {"message_id": item, "badge": "4"}, "notification": {"title": "Week 2"}}}
    pushes["SILENT_PUSH"] = {"data": {"type": "inbox.changed", "withdrawn": item, "badge": "3"}}
    known = {"ADDRESS": live_server.url, "ITEM": item, "LATER": later}
    for name, message in pushes.items():
        known[name] = str(state.with_name(name))
        Path(known[name]).write_text(json.dumps(message), encoding="utf-8")

    ended = {step: run(state, step, **known) for step in steps}

    said = capsys.readouterr()
    assert ended == dict.fromkeys(steps, 0), said.err
    assert "* lee answered your post “Week 2”." in said.out
    assert "Read. 3 left." in said.out
    assert f"{item} Week 2\nThe icon shows 4.\n{item} Week 2\nThe icon shows 4.\nThe icon shows 3." in said.out
    assert Preference.objects.get(user=ana).is_on is False
    assert not ContactPoint.objects.filter(user=ana, kind="device_token", removed_at=None).exists()
    assert SignedInApp.objects.get().ended_because == SignedInApp.Ended.SIGNED_OUT
    assert not state.exists()


def test_its_copy_follows_what_is_done_elsewhere_and_begins_again_when_it_is_too_old(
    ana: User, live_server: Any, state: Path, settings: LazySettings
) -> None:
    run(state, f"sign-in {live_server.url} ana")
    held = phone.Phone(state)
    held.sync()
    first, *others = InboxItem.objects.filter(user=ana).select_related("message")
    inbox_marks.archive([first], timezone.now())
    inbox_marks.mark_all_read(ana.pk, timezone.now())

    held.sync()

    assert len(held.kept["inbox"]["items"]) == 1 + len(others)
    assert held.kept["inbox"]["items"][first.message.public_id]["archived_at"] is not None
    assert not any(map(phone.is_new, held.kept["inbox"]["items"].values()))
    settings.INBOX_DAYS = 61
    held.sync()
    assert len(held.kept["inbox"]["items"]) == 1 + len(others)


def test_its_tokens_are_its_owners_only_and_renewed_by_themselves(ana: User, live_server: Any, state: Path) -> None:
    run(state, f"sign-in {live_server.url} ana")
    assert state.stat().st_mode & 0o777 == 0o600
    held = phone.Phone(state)
    held.remember(access="capp_spent")

    assert run(state, "inbox") == 0

    assert phone.Phone(state).kept["access"] != "capp_spent"


def test_a_renewal_whose_answer_is_lost_signs_nobody_out(ana: User, live_server: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(state, f"sign-in {live_server.url} ana")
    phone.Phone(state).remember(access="capp_spent")
    lost: list[bytes] = []

    def lose_renewals(request: Any, **more: Any) -> Any:
        answer = urlopen(request, **more)  # noqa: S310 - the server of this test
        if "renewals" in request.full_url and len(lost) < 3:
            lost.append(answer.read())
            raise URLError("lost")
        return answer

    monkeypatch.setattr("clients.carillon_client.urlopen", lose_renewals)
    for _start in range(4):
        try:
            ended = run(state, "inbox")
        except URLError:
            continue
        break

    assert (ended, len(lost)) == (0, 3)
    assert SignedInApp.objects.get().ended_at is None


def test_it_signs_in_by_a_code(ana: User, live_server: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_the_text(_words: str) -> str:
        send_codes(timezone.now())
        return digits(PhoneCode.objects.get().seed)

    monkeypatch.setattr("builtins.input", read_the_text)

    assert run(state, f"sign-in {live_server.url} +12065550100 --code") == 0
    assert run(state, "inbox") == 0


def test_two_people_on_one_phone_do_not_get_each_others_pushes(ana: User, live_server: Any, state: Path, tmp_path: Path) -> None:
    ben = make_user("ben")
    ben.set_password(PASSWORD)
    ben.save()
    for who in ("ana", "ben"):
        run(state, f"sign-in {live_server.url} {who}")
        run(state, "device one-device")

    (device,) = ContactPoint.objects.filter(kind="device_token")
    assert device.user == ben


def test_what_is_refused_is_one_line_and_an_exit_code(
    ana: User, live_server: Any, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda _words: "wrong")

    assert run(state, f"sign-in {live_server.url} ana") == 2

    assert capsys.readouterr().err.strip() == "401 You are not signed in: They do not fit together."
    assert not state.exists()


class Phones:
    """Two phones of one person, each with what FCM hands it."""

    def __init__(self, server: str, doubles: Doubles, folder: Path) -> None:
        self._doubles, self.folder = doubles, folder
        self.names = ("one", "two")
        for name in self.names:
            self.do(name, f"sign-in {server} ana")
            self.do(name, f"device device-{name}")

    def do(self, name: str, words: str) -> None:
        assert run(self.folder / f"{name}.json", words) == 0

    def hand_over(self) -> list[str]:
        """This function will give each phone what came for it, and say to whom something came."""
        names = {digest_of(f"device-{name}"): name for name in self.names}
        got = []
        for entry in self._doubles.ledger.entries():
            message: dict[str, Any] = {"data": entry["extra"]["data"]}
            if title := entry["body"].partition("\n")[0]:
                message["notification"] = {"title": title}
            file = self.folder / "push.json"
            file.write_text(json.dumps(message), encoding="utf-8")
            got.append(names[entry["to_digest"]])
            self.do(got[-1], f"push {file}")
        self._doubles.ledger.forget()
        return sorted(got)

    def screens(self) -> list[tuple[list[str], int]]:
        kept = [phone.Phone(self.folder / f"{name}.json").kept for name in self.names]
        return [(sorted(one.get("screen", {})), one.get("badge", 0)) for one in kept]


@pytest.fixture
def phones(ana: User, live_server: Any, doubles: Doubles, state: Path) -> Phones:
    # Signing in is told to the person too: none of that counts here.
    phones = Phones(live_server.url, doubles, state.parent)
    InboxItem.objects.filter(user=ana).delete()
    return phones


def push(person: User, number: int = 2) -> list[Any]:
    """This function will say something at noon yesterday, when pushes may come, and send it."""
    noon = (timezone.now() - timedelta(days=1)).replace(hour=12)
    context = {"course_name": "Statistics", "replier_name": "lee", "post_title": "Week 3"}
    said = [notify(type="discussion.new_response", audience=[person], context=context, scope=COURSE, now=noon) for _ in range(number)]
    deliver_all(noon)
    return said


def tell_later(minutes: int = 1) -> None:
    tell_due(timezone.now() + timedelta(minutes=minutes))


def test_what_is_opened_on_one_phone_leaves_the_other_and_both_icons_agree(ana: User, phones: Phones) -> None:
    first, second = push(ana)
    assert phones.hand_over() == ["one", "one", "two", "two"]
    assert phones.screens() == [(sorted([first.public_id, second.public_id]), 2)] * 2

    phones.do("one", f"open {first.public_id}")
    assert phones.screens()[1][1] == 2
    tell_later()

    assert phones.hand_over() == ["two"]
    assert phones.screens() == [([second.public_id], 1)] * 2


def test_what_is_read_in_the_browser_or_withdrawn_leaves_both_phones(ana: User, phones: Phones) -> None:
    first, second = push(ana)
    phones.hand_over()

    inbox_marks.mark_read(list(InboxItem.objects.filter(user=ana, message=first)), timezone.now())
    cancel(second, timezone.now())
    tell_later()

    assert phones.hand_over() == ["one", "two"]
    assert phones.screens() == [([], 1)] * 2


def test_a_push_that_comes_twice_or_late_does_no_harm(ana: User, phones: Phones) -> None:
    first, second = push(ana)
    silent = {"data": {"type": "inbox.changed", "withdrawn": f"{first.public_id} never-shown", "badge": "1"}}
    phones.hand_over()

    for _times in range(2):
        held = phone.Phone(phones.folder / "one.json")
        held.receive(silent)

    assert phones.screens()[0] == ([second.public_id], 1)


def test_a_phone_that_signed_out_hears_nothing_more(ana: User, phones: Phones) -> None:
    first, _second = push(ana)
    phones.hand_over()
    phones.do("two", "sign-out")

    inbox_marks.mark_read(list(InboxItem.objects.filter(user=ana, message=first)), timezone.now())
    tell_later()

    assert phones.hand_over() == ["one"]
