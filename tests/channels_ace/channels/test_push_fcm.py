import socket
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from pytest_django import Settings

from channels_ace.channel import Outcome, Outgoing
from channels_ace.channels.push_fcm import FcmChannel, message_of
from tests.channels_ace.channels.outgoing import DEVICE, make_push, send_one
from tests.fakes import Doubles, fcm
from tests.fakes.faults import UNCLEAR
from tests.fakes.ledger import digest_of


def test_an_accepted_push_is_in_the_ledger_under_its_attempt(doubles: Doubles) -> None:
    push = make_push()

    receipt = send_one(FcmChannel(), push)

    (entry,) = doubles.ledger.entries()
    assert receipt.outcome is Outcome.ACCEPTED
    assert receipt.provider_message_id.startswith("projects/")
    assert (entry["provider"], entry["token"], entry["accepted"]) == ("fcm", push.token, True)
    assert (entry["to_digest"], entry["body"]) == (digest_of(DEVICE), "Time to play\nTwo sessions wait.")


@pytest.mark.parametrize("fault", sorted({*UNCLEAR, "error_500", "error_503"}))
def test_an_answer_that_may_mean_accepted_is_unknown_after_exactly_one_request(doubles: Doubles, fault: str) -> None:
    doubles.faults.script("fcm", fault, times=5)

    receipt = send_one(FcmChannel(), make_push())

    assert receipt.outcome is Outcome.UNKNOWN
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [fault in UNCLEAR]


def test_a_throttled_push_is_refused_for_as_long_as_fcm_says(doubles: Doubles) -> None:
    doubles.faults.script("fcm", "throttle", times=5, seconds=7)

    receipt = send_one(FcmChannel(), make_push())

    assert (receipt.outcome, receipt.code, receipt.retry_after_seconds) == (Outcome.REFUSED, "quota_exceeded", 7)
    assert [entry["accepted"] for entry in doubles.ledger.entries()] == [False]


@pytest.mark.parametrize(
    ("device", "code"),
    [("dead-device", "unregistered"), ("foreign-device", "sender_id_mismatch"), ("broken-device", "invalid_argument")],
)
def test_a_device_that_is_no_more_is_dead_and_does_not_stop_the_others(doubles: Doubles, device: str, code: str) -> None:
    (_, dead), (_, alive) = FcmChannel().send([make_push(to=device), make_push()])

    assert (dead.outcome, dead.code, dead.address_is_dead) == (Outcome.PERMANENT, code, True)
    assert device not in dead.detail
    assert alive.outcome is Outcome.ACCEPTED


def test_a_wrong_project_is_our_mistake_and_kills_no_device(doubles: Doubles, settings: Settings) -> None:
    settings.CHANNELS_ACE_PROVIDERS = {"FCM": {**settings.CHANNELS_ACE_PROVIDERS["FCM"], "base_url": f"{doubles.http}/elsewhere"}}

    receipt = send_one(FcmChannel(), make_push())

    assert (receipt.outcome, receipt.code, receipt.address_is_dead) == (Outcome.REFUSED, "http_404", False)


def test_a_server_that_is_not_there_has_accepted_nothing(doubles: Doubles, settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        settings.CHANNELS_ACE_PROVIDERS = {"FCM": {**settings.CHANNELS_ACE_PROVIDERS["FCM"], "base_url": url}}

        receipt = send_one(FcmChannel(), make_push())

    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "no_connection")


def test_without_a_service_account_the_whole_batch_is_refused(doubles: Doubles, settings: Settings, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.json")
    settings.CHANNELS_ACE_PROVIDERS = {"FCM": {**settings.CHANNELS_ACE_PROVIDERS["FCM"], "service_account": missing}}

    receipts = [receipt for _, receipt in FcmChannel().send([make_push(), make_push()])]

    assert [(receipt.outcome, receipt.code) for receipt in receipts] == [(Outcome.REFUSED, "no_access_token")] * 2
    assert doubles.ledger.entries() == []


def test_a_second_copy_replaces_the_first_and_dies_with_the_message() -> None:
    message = message_of(make_push(ttl_seconds=90), now_seconds=1000.5)

    assert message["notification"] == {"title": "Time to play", "body": "Two sessions wait."}
    assert message["android"] == {"priority": "HIGH", "notification": {"tag": "msg-1"}, "ttl": "90s"}
    assert message["apns"]["headers"] == {"apns-collapse-id": "msg-1", "apns-expiration": "1090"}


@pytest.mark.parametrize("number", [0, 7])
def test_the_number_of_the_icon_goes_to_both_sorts_of_phone(number: int) -> None:
    message = message_of(make_push(badge=number), now_seconds=1000)

    assert message["android"]["notification"]["notification_count"] == number
    assert message["apns"]["payload"]["aps"] == {"sound": "default", "badge": number}


def test_all_data_values_are_strings_and_ours_win(doubles: Doubles) -> None:
    push = make_push(data={"sessions": 2, "attempt": "forged"}, link="https://carillon.example/study")

    receipt = send_one(FcmChannel(), push)

    (entry,) = doubles.ledger.entries()
    assert receipt.outcome is Outcome.ACCEPTED
    assert entry["extra"]["data"] == {
        "sessions": "2",
        "attempt": push.token,
        "message_id": "msg-1",
        "type": "study.nudge",
        "link": "https://carillon.example/study",
        "language": "en",
    }


@pytest.mark.parametrize(("kind", "field"), [("device_token", "token"), ("device_fid", "fid")])
def test_the_address_goes_under_the_name_of_its_kind(doubles: Doubles, kind: str, field: str) -> None:
    send_one(FcmChannel(), make_push(to_kind=kind))

    (entry,) = doubles.ledger.entries()
    assert entry["extra"]["to_kind"] == field


def test_a_message_without_a_time_to_live_has_none() -> None:
    message = message_of(make_push(ttl_seconds=None), now_seconds=1000)

    assert "ttl" not in message["android"]
    assert "apns-expiration" not in message["apns"]["headers"]


def test_an_access_token_that_google_took_back_is_renewed_for_the_next_push(
    doubles: Doubles, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An account of its own, since a process keeps the token of an account.
    account = {**fcm.make_service_account(doubles.http), "client_id": "2"}
    settings.CHANNELS_ACE_PROVIDERS = {"FCM": {**settings.CHANNELS_ACE_PROVIDERS["FCM"], "service_account": account}}
    send_one(FcmChannel(), make_push())
    monkeypatch.setattr(fcm, "ACCESS_TOKEN", "another-token")

    (_, first), (_, second) = FcmChannel().send([make_push(), make_push()])

    assert (first.outcome, first.code, second.outcome) == (Outcome.REFUSED, "unauthenticated", Outcome.ACCEPTED)


def test_without_an_access_token_the_whole_batch_is_refused(doubles: Doubles, settings: Settings) -> None:
    account = {**fcm.make_service_account(doubles.http), "token_uri": f"{doubles.http}/no-such-page"}
    settings.CHANNELS_ACE_PROVIDERS = {"FCM": {**settings.CHANNELS_ACE_PROVIDERS["FCM"], "service_account": account}}

    receipts = [receipt for _, receipt in FcmChannel().send([make_push(), make_push()])]

    assert [(receipt.outcome, receipt.code) for receipt in receipts] == [(Outcome.REFUSED, "no_access_token")] * 2


def test_a_push_that_cannot_be_written_is_permanent_and_stops_nobody(doubles: Doubles) -> None:
    (_, broken), (_, other) = FcmChannel().send([make_push(parts={"title": b"bytes", "body": ""}), make_push()])

    assert (broken.outcome, broken.code, other.outcome) == (Outcome.PERMANENT, "unsendable", Outcome.ACCEPTED)


def test_of_many_that_go_out_at_once_each_gets_its_own_answer(doubles: Doubles) -> None:
    pushes = [make_push(to=f"{'dead' if number % 5 == 0 else 'live'}-{number}", token=f"token-{number}") for number in range(30)]

    answers = list(FcmChannel().send(pushes))

    assert {push.token: receipt.outcome for push, receipt in answers} == {
        push.token: Outcome.PERMANENT if push.to.startswith("dead") else Outcome.ACCEPTED for push in pushes
    }
    assert sorted(entry["token"] for entry in doubles.ledger.entries()) == sorted(push.token for push in pushes)


def test_a_caller_who_stops_asking_has_little_in_flight(doubles: Doubles) -> None:
    taken = []

    def batch() -> Iterator[Outgoing]:
        for number in range(30):
            taken.append(number)
            yield make_push(token=f"token-{number}")

    answers = FcmChannel().send(cast(Sequence[Outgoing], batch()))
    next(answers)
    next(answers)
    cast(Generator[object], answers).close()

    assert taken == [0, 1, 2]
