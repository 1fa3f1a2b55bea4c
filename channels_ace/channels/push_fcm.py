"""Push through Firebase Cloud Messaging, HTTP v1. Read next: ../channel.py, which says what the outcomes mean.

firebase-admin gives the credentials. The request is our own: the library sends up to five times when the answer is a 500 and has no
public switch for that. The message and its errors: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

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
    from urllib3 import BaseHTTPResponse, PoolManager

_LONGEST_TTL = 2_419_200  # four weeks; FCM refuses more
_COLLAPSE_ID_BYTES = 64  # what APNs takes
# Requests in flight: where each takes 50 ms that is 160 a second; on loopback more made nothing faster.
_AT_ONCE = 8
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
    at_once = 50
    shows_badge = True
    tells_silently = True

    def send(self, batch: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, Receipt]]:
        """This function will send each push with one request, some at once, and yield the answers as they come.

        It takes the next outgoing only when there is room, so that a batch that ends early leaves a few without an answer and
        not the rest. The first failure to get an access token answers for the whole batch.
        """
        waiting = iter(batch)
        flying: dict[Future[Receipt], Outgoing] = {}
        # One alone finds out whether FCM answers at all; from then on twice as many as before.
        room = 1
        try:
            while True:
                for outgoing in islice(waiting, room - len(flying)):
                    flying[_workers(os.getpid()).submit(_send_one, outgoing)] = outgoing
                if not flying:
                    return
                for answered in wait(flying, return_when=FIRST_COMPLETED).done:
                    outgoing, receipt = flying.pop(answered), answered.result()
                    yield outgoing, receipt
                    if receipt.code == "no_access_token":
                        yield from ((other, receipt) for other in waiting)
                room = min(room * 2, _AT_ONCE)
        finally:
            # Nothing is still on its way when the caller's lease may end.
            wait(flying)


@cache
def _workers(_pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fcm")


def message_of(outgoing: Outgoing, *, now_seconds: float) -> dict[str, Any]:
    """This function will write the FCM message: with a visible notification, since a silent push may be held back for hours, unless
    it is one that may be. The tag and the collapse id are the message's id, so that a second copy replaces the first on the screen."""
    if outgoing.silent:
        return _silent_message_of(outgoing, now_seconds)
    data = {
        **outgoing.data,
        "attempt": outgoing.token,
        "message_id": outgoing.message_id,
        "type": outgoing.type,
        "link": outgoing.link,
        "language": outgoing.language,
    }
    shown: dict[str, Any] = {"tag": outgoing.message_id}
    aps: dict[str, Any] = {"sound": "default"}
    if outgoing.badge is not None:
        # Without a number Android adds one to what it shows, and an iPhone leaves what is there.
        shown["notification_count"] = aps["badge"] = outgoing.badge
        data["badge"] = str(outgoing.badge)
    android: dict[str, Any] = {"priority": "HIGH", "notification": shown}
    apns_headers = {"apns-collapse-id": outgoing.message_id.encode()[:_COLLAPSE_ID_BYTES].decode(errors="ignore")}
    if outgoing.ttl_seconds is not None:
        ttl = min(max(outgoing.ttl_seconds, 0), _LONGEST_TTL)
        android["ttl"] = f"{ttl}s"
        apns_headers["apns-expiration"] = str(int(now_seconds) + ttl)
    return {
        **_address_of(outgoing),
        "notification": {"title": outgoing.parts.get("title", ""), "body": outgoing.parts.get("body", "")},
        "data": {name: str(value) for name, value in data.items()},
        "android": android,
        "apns": {"headers": apns_headers, "payload": {"aps": aps}},
    }


def _silent_message_of(outgoing: Outgoing, now_seconds: float) -> dict[str, Any]:
    ttl = min(max(outgoing.ttl_seconds or 0, 0), _LONGEST_TTL)
    aps: dict[str, Any] = {"content-available": 1}
    # A number alone is an alert to Apple: the icon shows it also where the app is not woken. With one, "background" would be an error.
    sort = "background" if outgoing.badge is None else "alert"
    if outgoing.badge is not None:
        aps["badge"] = outgoing.badge
    return {
        **_address_of(outgoing),
        "data": {**{name: str(value) for name, value in outgoing.data.items()}, "type": outgoing.type},
        "android": {"priority": "NORMAL", "collapse_key": outgoing.message_id, "ttl": f"{ttl}s"},
        "apns": {
            "headers": {
                "apns-push-type": sort,
                "apns-priority": "5",
                "apns-collapse-id": outgoing.message_id.encode()[:_COLLAPSE_ID_BYTES].decode(errors="ignore"),
                "apns-expiration": str(int(now_seconds) + ttl),
            },
            "payload": {"aps": aps},
        },
    }


def _address_of(outgoing: Outgoing) -> dict[str, str]:
    return {"fid" if outgoing.to_kind == "device_fid" else "token": outgoing.to}


def _send_one(outgoing: Outgoing) -> Receipt:
    # Imported here and below, since the web process never sends and must not pay for the libraries.
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

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
        response = access.connections.request(
            "POST",
            url,
            body=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=UTF-8"},
            timeout=Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=float(fcm.get("timeout_seconds", READ_TIMEOUT_SECONDS))),
            # By itself the library sends up to four times: a second send behind our back is a second push.
            retries=False,
            redirect=False,
        )
    except (HTTPError, OSError) as error:
        return _receipt_of_failure(error)
    if response.status == 401:
        access.forget_token()
    return _receipt_of_answer(response, outgoing)


@dataclass(kw_only=True)
class _Access:
    """One process's connections to FCM and the access token they use, which lives for an hour."""

    connections: "PoolManager"
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
    from firebase_admin import credentials

    certificate = json.loads(account) if account else path
    credential = credentials.Certificate(certificate) if certificate else credentials.ApplicationDefault()
    return _Access(connections=_connections(), credential=credential.get_credential(), lock=Lock())


def _connections() -> "PoolManager":
    """This function will make what keeps connections open, through the proxy that the environment names, if it names one."""
    import certifi
    import urllib3

    proxy = getproxies().get("https")
    if proxy and not proxy_bypass("fcm.googleapis.com"):
        return urllib3.ProxyManager(proxy, maxsize=_AT_ONCE, ca_certs=certifi.where())
    return urllib3.PoolManager(maxsize=_AT_ONCE, ca_certs=certifi.where())


def _receipt_of_failure(error: Exception) -> Receipt:
    outcome, code = (Outcome.REFUSED, "no_connection") if never_connected(error) else (Outcome.UNKNOWN, "no_answer")
    return Receipt(outcome=outcome, code=code, detail=type(error).__name__)


def _receipt_of_answer(response: "BaseHTTPResponse", outgoing: Outgoing) -> Receipt:
    answer = _json_object(response)
    if response.status == 200:
        name = answer.get("name")
        if isinstance(name, str) and name:
            return Receipt(outcome=Outcome.ACCEPTED, provider_message_id=name)
        return Receipt(outcome=Outcome.UNKNOWN, code="unreadable_answer", detail="answer without a name")
    error = answer.get("error")
    error = error if isinstance(error, dict) else {}
    listed = error.get("details")
    details = [detail for detail in listed if isinstance(detail, dict)] if isinstance(listed, list) else []
    fcm_code = next((detail["errorCode"] for detail in details if "errorCode" in detail), "")
    code = str(fcm_code or error.get("status") or f"http_{response.status}")
    detail = without_addresses(error.get("message") or f"HTTP {response.status}", outgoing.to)
    wait = seconds_of(response.headers.get("Retry-After"))
    return _receipt_of_error(response.status, code, detail, wait, blames_address=_blames_address(details))


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


def _json_object(response: "BaseHTTPResponse") -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
