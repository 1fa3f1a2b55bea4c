"""Twilio's side of a text: the Messages resource, and the requests by which it tells what became of one. Shapes from its reference."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

from tests.fakes.answer import Answer, Asked

ACCOUNT, AUTH_TOKEN, SENDER = "AC" + "0" * 32, "token-of-the-double", "+12065550100"
AUTHORIZATION = f"Basic {base64.b64encode(f'{ACCOUNT}:{AUTH_TOKEN}'.encode()).decode()}"
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_OPTED_OUT, _THROTTLED, _INVALID = "0199", "0198", "0197"
_JSON = {"Content-Type": "application/json"}


def settings_for(base_url: str, *, callback_url: str = "", timeout_seconds: float = 10) -> dict[str, object]:
    """This function will return what CHANNELS_ACE_PROVIDERS["TWILIO"] must be to speak to the double."""
    return {
        "account_sid": ACCOUNT,
        "auth_token": AUTH_TOKEN,
        "sender": SENDER,
        "base_url": base_url,
        "callback_url": callback_url,
        "timeout_seconds": timeout_seconds,
    }


def read_twilio(body: bytes) -> Asked:
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    callback = form.get("StatusCallback", "")
    return Asked(
        provider="twilio",
        token=callback.rpartition("attempt=")[2],
        to=form.get("To", ""),
        body=form.get("Body", ""),
        type="",
        extra={
            "sender": form.get("MessagingServiceSid") or form.get("From", ""),
            "validity_seconds": form.get("ValidityPeriod"),
            "callback": callback,
        },
    )


def refuse_twilio(asked: Asked) -> Answer | None:
    if not _NUMBER.fullmatch(asked.to):
        return _error(400, 21211, f"The 'To' number {asked.to} is not a valid phone number.")
    if asked.to.endswith(_OPTED_OUT):
        return refuse_opted_out(asked)
    return throttle_twilio(None) if asked.to.endswith(_THROTTLED) else None


def refuse_opted_out(asked: Asked) -> Answer:
    return _error(400, 21610, f"Attempt to send to unsubscribed recipient {asked.to}")


def accept_twilio(_asked: Asked) -> Answer:
    return Answer(201, json.dumps({"sid": f"SM{uuid4().hex}", "status": "queued", "num_segments": "1", "price": None}), _JSON)


def throttle_twilio(_seconds: float | None) -> Answer:
    return _error(429, 20429, "Too Many Requests")


def fail_twilio(status: int) -> Answer:
    return _error(status, 20500, "Internal Server Error")


def refuse_stranger() -> Answer:
    return _error(401, 20003, "Authenticate")


def tell(asked: Asked, acceptance: Answer) -> None:
    """This function will tell the text's own address what became of it, in order."""
    sid = json.loads(acceptance.body)["sid"]
    for status in ("sent", "undelivered" if asked.to.endswith(_INVALID) else "delivered"):
        error = {"ErrorCode": "30005"} if status == "undelivered" else {}
        post(asked.extra["callback"], {"MessageSid": sid, "MessageStatus": status, "To": asked.to, "From": SENDER, **error})


def post(url: str, fields: Mapping[str, str]) -> int:
    """This function will post fields as Twilio does, signed, and give the status of the answer."""
    form = {"AccountSid": ACCOUNT, **fields}
    headers = {"X-Twilio-Signature": signature(url, form), "Content-Type": "application/x-www-form-urlencoded"}
    try:
        with urlopen(Request(url, data=urlencode(form).encode(), headers=headers), timeout=10) as response:  # noqa: S310
            return int(response.status)
    except HTTPError as error:
        return error.code


def signature(url: str, fields: Mapping[str, str], auth_token: str = AUTH_TOKEN) -> str:
    """This function will sign as Twilio's documentation tells: the address, then every name and value in alphabetical order."""
    text = url
    for name in sorted(fields):
        text += name + fields[name]
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _error(status: int, code: int, message: str) -> Answer:
    return Answer(status, json.dumps({"code": code, "message": message, "status": status}), _JSON)
