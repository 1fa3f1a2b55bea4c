"""AWS's side of a text: End User Messaging (JSON 1.0, X-Amz-Target) and SNS Publish (query API, XML). Shapes from botocore's models."""

import json
import re
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from tests.fakes.answer import Answer, Asked

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_OPTED_OUT, _THROTTLED = "0199", "0198"


def read_eum(body: bytes) -> Asked:
    request: dict[str, Any] = json.loads(body)
    return Asked(
        provider="eum",
        token=request.get("Context", {}).get("attempt", ""),
        to=request.get("DestinationPhoneNumber", ""),
        body=request.get("MessageBody", ""),
        type=request.get("MessageType", "").lower(),
        extra={
            "ttl_seconds": request.get("TimeToLive"),
            "origination_identity": request.get("OriginationIdentity", ""),
            "configuration_set": request.get("ConfigurationSetName", ""),
        },
    )


def refuse_eum(asked: Asked) -> Answer | None:
    if not _NUMBER.fullmatch(asked.to):
        return _eum_error("ValidationException", f"{asked.to} is not a phone number", Reason="INVALID_PARAMETER")
    if asked.to.endswith(_OPTED_OUT):
        return refuse_opted_out(asked)
    return throttle_eum(None) if asked.to.endswith(_THROTTLED) else None


def refuse_opted_out(asked: Asked) -> Answer:
    # With the number in its words, as a careless provider would have it.
    return _eum_error(
        "ConflictException", f"Destination {asked.to} opted out", Reason="DESTINATION_PHONE_NUMBER_OPTED_OUT", ResourceId=asked.to
    )


def accept_eum(_asked: Asked) -> Answer:
    return Answer(200, json.dumps({"MessageId": str(uuid4())}), _EUM_JSON)


def throttle_eum(_seconds: float | None) -> Answer:
    return _eum_error("ThrottlingException", "Rate exceeded")


def fail_eum(status: int) -> Answer:
    return _eum_error("InternalServerException", "Something broke", status=status)


_EUM_JSON = {"Content-Type": "application/x-amz-json-1.0"}


def _eum_error(name: str, message: str, *, status: int = 400, **members: str) -> Answer:
    return Answer(status, json.dumps({"__type": name, "Message": message, **members}), _EUM_JSON)


def read_sns(body: bytes) -> Asked:
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    attributes: dict[str, str] = {}
    for number in range(1, 11):
        entry = f"MessageAttributes.entry.{number}"
        if f"{entry}.Name" in form:
            attributes[form[f"{entry}.Name"]] = form.get(f"{entry}.Value.StringValue", "")
    return Asked(
        provider="sns",
        token=attributes.pop("attempt", ""),
        to=form.get("PhoneNumber", ""),
        body=form.get("Message", ""),
        type=attributes.get("AWS.SNS.SMS.SMSType", "").lower(),
        extra={"attributes": attributes},
    )


def refuse_sns(asked: Asked) -> Answer | None:
    if not _NUMBER.fullmatch(asked.to):
        return _sns_error("InvalidParameter", f"Invalid parameter: PhoneNumber Reason: {asked.to} is not valid")
    if asked.to.endswith(_OPTED_OUT):
        return refuse_opted_out_of_sns(asked)
    return throttle_sns(None) if asked.to.endswith(_THROTTLED) else None


def refuse_opted_out_of_sns(asked: Asked) -> Answer:
    return _sns_error("InvalidParameter", f"Invalid parameter: PhoneNumber Reason: {asked.to} is opted out")


def accept_sns(_asked: Asked) -> Answer:
    inner = f"<PublishResult><MessageId>{uuid4()}</MessageId></PublishResult>"
    return Answer(200, f'<PublishResponse xmlns="{_SNS}">{inner}{_METADATA}</PublishResponse>', _XML)


def throttle_sns(_seconds: float | None) -> Answer:
    return _sns_error("Throttled", "Rate exceeded", status=429)


def fail_sns(status: int) -> Answer:
    return _sns_error("InternalError", "Something broke", status=status)


_SNS = "http://sns.amazonaws.com/doc/2010-03-31/"
_XML = {"Content-Type": "text/xml"}
_METADATA = "<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>"


def _sns_error(code: str, message: str, *, status: int = 400) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, f'<ErrorResponse xmlns="{_SNS}">{error}<RequestId>0</RequestId></ErrorResponse>', _XML)
