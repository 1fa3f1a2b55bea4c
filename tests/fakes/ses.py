"""Amazon SES, API v2: SendEmail with a raw message (JSON over REST). Shapes from botocore's model."""

import base64
import json
from email import message_from_bytes, policy
from typing import Any
from uuid import uuid4

from tests.fakes.answer import Answer, Asked

PATH = "/v2/email/outbound-emails"
_JSON = {"Content-Type": "application/json"}


def read_ses(body: bytes) -> Asked:
    request: dict[str, Any] = json.loads(body)
    message = message_from_bytes(base64.b64decode(request["Content"]["Raw"]["Data"]), policy=policy.default)
    to = request.get("Destination", {}).get("ToAddresses") or [str(message["To"] or "")]
    return Asked(
        provider="ses",
        token=str(message["X-Carillon-Attempt"] or ""),
        to=to[0],
        body=str(message["Subject"] or ""),
        type="",
        extra={"tags": {tag["Name"]: tag["Value"] for tag in request.get("EmailTags", [])}},
    )


def refuse_ses(asked: Asked) -> Answer | None:
    if asked.to.startswith("bounce"):
        # The real one takes it and tells of the bounce later; what it refuses at once is the account's own suppression list.
        return _error(400, "MessageRejected", f"Address {asked.to} is on the suppression list")
    return None


def accept_ses(_asked: Asked) -> Answer:
    return Answer(200, json.dumps({"MessageId": str(uuid4())}), _JSON)


def throttle_ses(_seconds: float | None) -> Answer:
    return _error(429, "TooManyRequestsException", "Maximum sending rate exceeded.")


def fail_ses(status: int) -> Answer:
    return _error(status, "InternalFailure" if status == 500 else "ServiceUnavailable", "Something broke")


def _error(status: int, name: str, message: str) -> Answer:
    return Answer(status, json.dumps({"message": message}), {**_JSON, "x-amzn-ErrorType": name})
