"""Push through Firebase Cloud Messaging, HTTP v1. Read next: ../channel.py, which says what the outcomes mean.

firebase-admin gives the credentials. The request is our own: the library sends up to five times when the answer is a 500 and has no
public switch for that. The message and its errors: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any

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
    without_addresses,
)

if TYPE_CHECKING:
    from requests import Response, Session

_LONGEST_TTL = 2_419_200  # four weeks; FCM refuses more
_COLLAPSE_ID_BYTES = 64  # what APNs takes
_WAIT_WITHOUT_ADVICE = 60  # FCM asks for a minute where a 429 has no Retry-After
_DEAD = {"UNREGISTERED", "SENDER_ID_MISMATCH"}


class _NoAccessTokenError(Exception):
    """Google gave no access token, so nothing was sent."""


class FcmChannel(Channel):
    name = "push"
    provider = "fcm"
    contact_kinds = ("device_token", "device_fid")
    parts = ("title", "body")
    batch_size = 50

    def send(self, batch: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, Receipt]]:
        """This function will send each push with one request; the first failure to get an access token answers for the whole batch."""
        no_token: Receipt | None = None
        for outgoing in batch:
            receipt = no_token or _send_one(outgoing)
            if receipt.code == "no_access_token":
                no_token = receipt
            yield outgoing, receipt


def message_of(outgoing: Outgoing, *, now_seconds: float) -> dict[str, Any]:
    """This function will write the FCM message: always with a visible notification, since a silent push may be held back for hours.
    The tag and the collapse id are the message's id, so that a second copy replaces the first on the screen."""
    data = {
        **outgoing.data,
        "attempt": outgoing.token,
        "message_id": outgoing.message_id,
        "type": outgoing.type,
        "link": outgoing.link,
        "language": outgoing.language,
    }
    android: dict[str, Any] = {"priority": "HIGH", "notification": {"tag": outgoing.message_id}}
    apns_headers = {"apns-collapse-id": outgoing.message_id.encode()[:_COLLAPSE_ID_BYTES].decode(errors="ignore")}
    if outgoing.ttl_seconds is not None:
        ttl = min(max(outgoing.ttl_seconds, 0), _LONGEST_TTL)
        android["ttl"] = f"{ttl}s"
        apns_headers["apns-expiration"] = str(int(now_seconds) + ttl)
    return {
        "fid" if outgoing.to_kind == "device_fid" else "token": outgoing.to,
        "notification": {"title": outgoing.parts.get("title", ""), "body": outgoing.parts.get("body", "")},
        "data": {name: str(value) for name, value in data.items()},
        "android": android,
        "apns": {"headers": apns_headers, "payload": {"aps": {"sound": "default"}}},
    }


def _send_one(outgoing: Outgoing) -> Receipt:
    # Imported here and below, since the web process never sends and must not pay for the libraries.
    import requests

    fcm = provider_settings("FCM")
    try:
        body = json.dumps({"message": message_of(outgoing, now_seconds=time.time())})
    except Exception as error:  # one bad message must not stop the others
        return Receipt(outcome=Outcome.PERMANENT, code="unsendable", detail=without_addresses(error, outgoing.to))
    try:
        access = _access(fcm.get("service_account"))
        token = access.token()
    except _NoAccessTokenError as error:
        return Receipt(outcome=Outcome.REFUSED, code="no_access_token", detail=without_addresses(error))
    url = f"{fcm.get('base_url') or 'https://fcm.googleapis.com'}/v1/projects/{fcm.get('project_id', '')}/messages:send"
    try:
        response = access.session.post(
            url,
            data=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=UTF-8"},
            timeout=(CONNECT_TIMEOUT_SECONDS, float(fcm.get("timeout_seconds", READ_TIMEOUT_SECONDS))),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        return _receipt_of_failure(error)
    if response.status_code == 401:
        access.forget_token()
    return _receipt_of_answer(response, outgoing)


@dataclass(kw_only=True)
class _Access:
    """One process's connection to FCM and the access token it uses, which lives for an hour."""

    session: "Session"
    credential: Any
    lock: Lock

    def token(self) -> str:
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        with self.lock:
            if not self.credential.valid:
                try:
                    self.credential.refresh(partial(Request(), timeout=READ_TIMEOUT_SECONDS))
                except GoogleAuthError as error:
                    raise _NoAccessTokenError(str(error)) from error
            return str(self.credential.token)

    def forget_token(self) -> None:
        with self.lock:
            self.credential.token = None


def _access(account: Mapping[str, Any] | str | None) -> _Access:
    as_text = json.dumps(account, sort_keys=True) if isinstance(account, Mapping) else ""
    path = "" if as_text or not account else str(account)
    try:
        return _access_of_process(os.getpid(), as_text, path)
    except Exception as error:  # a missing file, a key that is none: whatever it is, nothing was sent
        raise _NoAccessTokenError(f"{type(error).__name__}: check FCM service_account") from error


@cache
def _access_of_process(_pid: int, account: str, path: str) -> _Access:
    import requests
    from firebase_admin import credentials
    from requests.adapters import HTTPAdapter

    certificate = json.loads(account) if account else path
    credential = credentials.Certificate(certificate) if certificate else credentials.ApplicationDefault()
    session = requests.Session()
    # Zero by the library's own default too; written out because a second send behind our back is a second push.
    session.mount("https://", HTTPAdapter(max_retries=0))
    session.mount("http://", HTTPAdapter(max_retries=0))
    return _Access(session=session, credential=credential.get_credential(), lock=Lock())


def _receipt_of_failure(error: Exception) -> Receipt:
    outcome, code = (Outcome.REFUSED, "no_connection") if never_connected(error) else (Outcome.UNKNOWN, "no_answer")
    return Receipt(outcome=outcome, code=code, detail=type(error).__name__)


def _receipt_of_answer(response: "Response", outgoing: Outgoing) -> Receipt:
    answer = _json_object(response)
    if response.status_code == 200:
        name = answer.get("name")
        if isinstance(name, str) and name:
            return Receipt(outcome=Outcome.ACCEPTED, provider_message_id=name)
        return Receipt(outcome=Outcome.UNKNOWN, code="unreadable_answer", detail="answer without a name")
    error = answer.get("error")
    error = error if isinstance(error, dict) else {}
    listed = error.get("details")
    details = [detail for detail in listed if isinstance(detail, dict)] if isinstance(listed, list) else []
    fcm_code = next((detail["errorCode"] for detail in details if "errorCode" in detail), "")
    code = str(fcm_code or error.get("status") or f"http_{response.status_code}")
    detail = without_addresses(error.get("message") or f"HTTP {response.status_code}", outgoing.to)
    wait = seconds_of(response.headers.get("Retry-After"))
    return _receipt_of_error(response.status_code, code, detail, wait, blames_address=_blames_address(details))


def _receipt_of_error(status: int, code: str, detail: str, wait: int | None, *, blames_address: bool) -> Receipt:
    if code in _DEAD or (status == 400 and blames_address):
        return Receipt(outcome=Outcome.PERMANENT, code=code.lower(), detail=detail, address_is_dead=True)
    if status == 400:
        return Receipt(outcome=Outcome.PERMANENT, code=code.lower(), detail=detail)
    if status == 429:
        return Receipt(outcome=Outcome.REFUSED, code=code.lower(), detail=detail, retry_after_seconds=wait or _WAIT_WITHOUT_ADVICE)
    if 400 <= status < 500:
        # 401, 403, 404 without a word about the device: our own set-up, which an operator mends.
        return Receipt(outcome=Outcome.REFUSED, code=code.lower(), detail=detail, retry_after_seconds=wait)
    return Receipt(outcome=Outcome.UNKNOWN, code=code.lower(), detail=detail, retry_after_seconds=wait)


def _blames_address(details: Sequence[Mapping[str, Any]]) -> bool:
    return any(f'"message.{kind}"' in json.dumps(detail.get("fieldViolations")) for detail in details for kind in ("token", "fid"))


def _json_object(response: "Response") -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
