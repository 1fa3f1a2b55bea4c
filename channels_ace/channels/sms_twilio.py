"""Text messages through Twilio's Messages API, by plain HTTP: its library repeats nothing either, and we need one request of it.

Facts from Twilio's reference: "Messages resource" (ValidityPeriod, StatusCallback), "Error and warning dictionary". Read next:
../twilio.py, which believes what Twilio posts.
"""

import json
import os
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from channels_ace.channel import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
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
    from urllib3 import BaseHTTPResponse, PoolManager

_ADDRESS = "https://api.twilio.com"
_LONGEST_TEXT = 1600
_SHORTEST_VALIDITY, _LONGEST_VALIDITY = 1, 36_000
_OPTED_OUT = 21610
# What no later attempt would change, for it is about this number or this text. All other codes are about the account, which an
# operator mends: the balance, a country that is not enabled, a sender that is not ours.
_FOR_GOOD = {
    21211: "invalid_number",
    21214: "invalid_number",
    21217: "invalid_number",
    21265: "invalid_number",
    21612: "no_route",
    21614: "not_a_mobile",
    21602: "text_empty",
    21605: "text_too_long",
    21617: "text_too_long",
}


class TwilioChannel(Channel):
    name = "sms"
    provider = "twilio"
    contact_kinds = ("phone",)
    parts = ("text",)
    batch_size = 100
    needs = ("TWILIO", ("account_sid", "auth_token", "sender"))

    def originator(self, type_name: str) -> str:
        """This function will name the number or messaging service of a type."""
        return sender_of(provider_settings("TWILIO"), type_name, "sender")

    def send(self, batch: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, Receipt]]:
        """This function will send each text with one request."""
        for outgoing in batch:
            yield outgoing, _send_one(outgoing)


def _send_one(outgoing: Outgoing) -> Receipt:
    # Imported here, since the web process never sends and must not pay for the library.
    from urllib3 import Timeout, make_headers
    from urllib3.exceptions import HTTPError

    twilio = provider_settings("TWILIO")
    text = write_plainly(outgoing.parts.get("text", "")).strip()
    if not text or len(text) > _LONGEST_TEXT:
        code = "text_too_long" if text else "text_empty"
        return Receipt(outcome=Outcome.PERMANENT, code=code, detail=f"{len(text)} characters, at most {_LONGEST_TEXT}", parts=0)
    account, password = (str(twilio.get(name) or "") for name in ("account_sid", "auth_token"))
    sender = sender_of(twilio, outgoing.type, "sender")
    if not (account and password and sender):
        return Receipt(outcome=Outcome.REFUSED, code="not_configured")
    url = f"{twilio.get('base_url') or _ADDRESS}/2010-04-01/Accounts/{account}/Messages.json"
    try:
        response = _connections(os.getpid()).request(
            "POST",
            url,
            body=urlencode(_form(outgoing, text, sender)),
            headers={**make_headers(basic_auth=f"{account}:{password}"), "Content-Type": "application/x-www-form-urlencoded"},
            timeout=Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=float(twilio.get("timeout_seconds") or READ_TIMEOUT_SECONDS)),
            # By itself the library sends up to four times: a second send behind our back is a second text.
            retries=False,
            redirect=False,
        )
    except (HTTPError, OSError) as error:
        outcome, code = (Outcome.REFUSED, "no_connection") if never_connected(error) else (Outcome.UNKNOWN, "no_answer")
        return Receipt(outcome=outcome, code=code, detail=type(error).__name__)
    return _receipt_of_answer(response, outgoing, count_segments(text).parts)


def _form(outgoing: Outgoing, text: str, sender: str) -> dict[str, str]:
    form = {"To": outgoing.to, "Body": text, "MessagingServiceSid" if sender.startswith("MG") else "From": sender}
    callback = provider_settings("TWILIO").get("callback_url")
    if callback:
        # Nothing else of a text comes back with its receipts. The attempt's number opens nothing, and the whole address is signed.
        form["StatusCallback"] = f"{callback}?{urlencode({'attempt': outgoing.token})}"
    if outgoing.ttl_seconds is not None:
        form["ValidityPeriod"] = str(min(max(outgoing.ttl_seconds, _SHORTEST_VALIDITY), _LONGEST_VALIDITY))
    return form


@cache
def _connections(_pid: int) -> "PoolManager":
    import certifi
    import urllib3

    return urllib3.PoolManager(ca_certs=certifi.where())


def _receipt_of_answer(response: "BaseHTTPResponse", outgoing: Outgoing, parts: int) -> Receipt:
    answer = _json_object(response)
    if response.status in (200, 201):
        sid = answer.get("sid")
        if isinstance(sid, str) and sid:
            return Receipt(outcome=Outcome.ACCEPTED, provider_message_id=sid, parts=parts)
        return Receipt(outcome=Outcome.UNKNOWN, code="unreadable_answer", detail="answer without a sid", parts=parts)
    number = answer.get("code")
    code = f"twilio_{number}" if isinstance(number, int) else f"http_{response.status}"
    detail = without_addresses(answer.get("message") or f"HTTP {response.status}", outgoing.to)
    if not 400 <= response.status < 500:
        return Receipt(outcome=Outcome.UNKNOWN, code=code, detail=detail, parts=parts)
    if number == _OPTED_OUT:
        return Receipt(outcome=Outcome.PERMANENT, code="opted_out", detail=detail)
    if number in _FOR_GOOD:
        return Receipt(outcome=Outcome.PERMANENT, code=_FOR_GOOD[number], detail=detail)
    wait = seconds_of(response.headers.get("Retry-After"))
    return Receipt(outcome=Outcome.REFUSED, code=code, detail=detail, retry_after_seconds=wait)


def _json_object(response: "BaseHTTPResponse") -> dict[str, Any]:
    try:
        answer = json.loads(response.data)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
