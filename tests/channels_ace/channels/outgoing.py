"""Outgoing messages as the tests of the channels need them."""

from typing import Any
from uuid import uuid4

from channels_ace.channel import Channel, Outgoing, Receipt

PHONE = "+12065550123"
EMAIL = "ada.lovelace@learn.example"
DEVICE = "device-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789"


def make_text(**changes: Any) -> Outgoing:
    return _make(to=PHONE, to_kind="phone", parts={"text": "Your burst starts today."}, changes=changes)


def make_email(**changes: Any) -> Outgoing:
    parts = {"subject": "Two new answers", "text": "Two new answers in your course.", "html": ""}
    return _make(to=EMAIL, to_kind="email", parts=parts, changes=changes)


def make_push(**changes: Any) -> Outgoing:
    return _make(to=DEVICE, to_kind="device_token", parts={"title": "Time to play", "body": "Two sessions wait."}, changes=changes)


def send_one(channel: Channel, outgoing: Outgoing) -> Receipt:
    ((sent, receipt),) = channel.send([outgoing])
    assert sent is outgoing
    return receipt


def _make(*, to: str, to_kind: str, parts: dict[str, str], changes: dict[str, Any]) -> Outgoing:
    common = {"token": str(uuid4()), "type": "study.nudge", "message_id": "msg-1", "language": "en", "ttl_seconds": 3600}
    return Outgoing(**{**common, "to": to, "to_kind": to_kind, "parts": parts, **changes})
