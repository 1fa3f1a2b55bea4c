"""Text messages through AWS: End User Messaging, which echoes our attempt in its receipts, and SNS, which does not.

Read next: ../segments.py, which counts what a text costs.
"""

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from channels_ace.aws import NotConfigured, client, line
from channels_ace.channel import (
    Channel,
    Outcome,
    Outgoing,
    Receipt,
    never_connected,
    provider_settings,
    seconds_of,
    sender_of,
    without_addresses,
)
from channels_ace.segments import count_segments, write_plainly

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_sns import SNSClient

# Limits of SendTextMessage, from the service model in botocore: MessageBody and TimeToLive.
_LONGEST_TEXT = 1600
_SHORTEST_TTL, _LONGEST_TTL = 5, 259_200

# ConflictException: what no later attempt would change. All other reasons are the account's set-up, which an operator mends.
_CONFLICTS_FOR_GOOD = {
    "DESTINATION_PHONE_NUMBER_OPTED_OUT": "opted_out",
    "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION": "country_blocked",
    "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE": "number_blocked",
    "DESTINATION_PHONE_NUMBER_NOT_VERIFIED": "not_verified",
}
_INVALID = {"ValidationException", "InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"}


class _AwsTextChannel(Channel):
    name = "sms"
    contact_kinds = ("phone",)
    parts = ("text",)
    batch_size = 100

    def originator(self, type_name: str) -> str:
        """This function will name the number, pool or sender id of a type."""
        return sender_of(provider_settings("AWS"), type_name, "origination_identity")

    def send(self, batch: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, Receipt]]:
        """This function will send each text with one request, without the library's own retries."""
        for outgoing in batch:
            yield outgoing, self._send_one(outgoing)

    def _send_one(self, outgoing: Outgoing) -> Receipt:
        text = write_plainly(outgoing.parts.get("text", "")).strip()
        if not text or len(text) > _LONGEST_TEXT:
            code = "text_too_long" if text else "text_empty"
            return Receipt(outcome=Outcome.PERMANENT, code=code, detail=f"{len(text)} characters, at most {_LONGEST_TEXT}", parts=0)
        try:
            message_id = self._request(outgoing, text).get("MessageId")
        except Exception as error:  # one bad number must not stop the others
            return _receipt_of_error(error, outgoing)
        parts = count_segments(text).parts
        if not isinstance(message_id, str) or not message_id:
            return Receipt(outcome=Outcome.UNKNOWN, code="unreadable_answer", detail="answer without a MessageId", parts=parts)
        return Receipt(outcome=Outcome.ACCEPTED, provider_message_id=message_id, parts=parts)

    @abstractmethod
    def _request(self, outgoing: Outgoing, text: str) -> Mapping[str, Any]: ...


class EndUserMessagingChannel(_AwsTextChannel):
    """SendTextMessage has no idempotency token, but repeats `Context` in every delivery event: a request that timed out can later be
    proved accepted."""

    provider = "eum"

    def _request(self, outgoing: Outgoing, text: str) -> Mapping[str, Any]:
        aws = provider_settings("AWS")
        request: dict[str, Any] = {
            "DestinationPhoneNumber": outgoing.to,
            "MessageBody": text,
            "MessageType": "PROMOTIONAL" if outgoing.promotional else "TRANSACTIONAL",
            "Context": {"attempt": outgoing.token},
        }
        if outgoing.ttl_seconds is not None:
            request["TimeToLive"] = min(max(outgoing.ttl_seconds, _SHORTEST_TTL), _LONGEST_TTL)
        sender = self.originator(outgoing.type)
        if sender:
            request["OriginationIdentity"] = sender
        if aws.get("configuration_set"):
            request["ConfigurationSetName"] = aws["configuration_set"]
        return line("pinpoint-sms-voice-v2").ask("SendTextMessage", request)


class SnsChannel(_AwsTextChannel):
    """For accounts that have no End User Messaging. A text that timed out stays unknown: SNS tells nobody which request it belongs to."""

    provider = "sns"

    def _request(self, outgoing: Outgoing, text: str) -> Mapping[str, Any]:
        attributes = {
            "AWS.SNS.SMS.SMSType": "Promotional" if outgoing.promotional else "Transactional",
            "attempt": outgoing.token,  # not carried to the phone; seen in the request logs of an account
        }
        sender = self.originator(outgoing.type)
        if sender:
            attributes["AWS.MM.SMS.OriginationNumber" if sender.startswith("+") else "AWS.SNS.SMS.SenderID"] = sender
        sns: SNSClient = client("sns")
        return sns.publish(
            PhoneNumber=outgoing.to,
            Message=text,
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
        )


def _receipt_of_error(error: Exception, outgoing: Outgoing) -> Receipt:
    from botocore import exceptions as aws

    detail = without_addresses(error, outgoing.to)
    if isinstance(error, aws.ClientError):
        return _receipt_of_answer(error, detail)
    if isinstance(error, aws.ParamValidationError):
        return Receipt(outcome=Outcome.PERMANENT, code="invalid_request", detail=detail)
    if isinstance(error, (NotConfigured, aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError)):
        return Receipt(outcome=Outcome.REFUSED, code="not_configured", detail=detail)
    if isinstance(error, (aws.ConnectTimeoutError, aws.EndpointConnectionError, aws.ProxyConnectionError)) or never_connected(error):
        return Receipt(outcome=Outcome.REFUSED, code="no_connection", detail=type(error).__name__)
    # Read timeouts, resets, answers that cannot be parsed, and whatever else happened after the first byte left.
    return Receipt(outcome=Outcome.UNKNOWN, code="no_answer", detail=f"{type(error).__name__}: {detail}")


def _receipt_of_answer(error: "ClientError", detail: str) -> Receipt:
    answer: Mapping[str, Any] = error.response
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    name, reason = answer.get("Error", {}).get("Code", ""), answer.get("Reason", "")
    code = reason.lower() if reason else _in_snake_case(name)
    if not 400 <= status < 500:
        return Receipt(outcome=Outcome.UNKNOWN, code=f"http_{status}", detail=detail)
    if name == "ConflictException" and reason in _CONFLICTS_FOR_GOOD:
        return Receipt(outcome=Outcome.PERMANENT, code=_CONFLICTS_FOR_GOOD[reason], detail=detail)
    # SNS has no error of its own for a number that said STOP when it publishes; the words are all there is.
    if name.startswith("OptedOut") or (name in _INVALID and "opted out" in detail.lower()):
        return Receipt(outcome=Outcome.PERMANENT, code="opted_out", detail=detail)
    if name in _INVALID:
        return Receipt(outcome=Outcome.PERMANENT, code=code, detail=detail)
    return Receipt(outcome=Outcome.REFUSED, code=code, detail=detail, retry_after_seconds=seconds_of(headers.get("retry-after")))


def _in_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix("Exception")).lower()
