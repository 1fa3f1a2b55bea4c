"""Firebase Cloud Messaging, HTTP v1, and Google's token endpoint. Shapes from the REST reference's FcmError and google.rpc.Status."""

import json
from functools import cache
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.answer import Answer, Asked

PROJECT = "carillon-doubles"
ACCESS_TOKEN = "a-token-of-the-double"
_JSON = {"Content-Type": "application/json; charset=UTF-8"}
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


def read_fcm(body: bytes) -> Asked:
    message: dict[str, Any] = json.loads(body)["message"]
    notification, data = message.get("notification", {}), message.get("data", {})
    return Asked(
        provider="fcm",
        token=data.get("attempt", ""),
        to=message.get("token") or message.get("fid") or "",
        body=f"{notification.get('title', '')}\n{notification.get('body', '')}",
        type=data.get("type", ""),
        extra={
            "to_kind": "fid" if "fid" in message else "token",
            "data": data,
            "android": message.get("android", {}),
            "apns": message.get("apns", {}),
        },
    )


def refuse_fcm(asked: Asked) -> Answer | None:
    if not all(isinstance(value, str) for value in asked.extra["data"].values()):
        return _error(400, "INVALID_ARGUMENT", "Invalid value at 'message.data'", "INVALID_ARGUMENT")
    if asked.to.startswith("dead-"):
        return _error(404, "NOT_FOUND", f"Requested entity {asked.to} was not found.", "UNREGISTERED")
    if asked.to.startswith("foreign-"):
        return _error(403, "PERMISSION_DENIED", "SenderId mismatch", "SENDER_ID_MISMATCH")
    if asked.to.startswith("broken-"):
        violation = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "message.token"}]}
        return _error(400, "INVALID_ARGUMENT", "The registration token is not valid", "INVALID_ARGUMENT", violation)
    return None


def accept_fcm(_asked: Asked) -> Answer:
    return Answer(200, json.dumps({"name": f"projects/{PROJECT}/messages/{uuid4()}"}), _JSON)


def throttle_fcm(seconds: float | None) -> Answer:
    answer = _error(429, "RESOURCE_EXHAUSTED", "Quota exceeded", "QUOTA_EXCEEDED")
    return answer if seconds is None else Answer(answer.status, answer.body, {**_JSON, "Retry-After": str(int(seconds))})


def fail_fcm(status: int) -> Answer:
    name = "INTERNAL" if status == 500 else "UNAVAILABLE"
    return _error(status, name, "Something broke", name)


def refuse_stranger() -> Answer:
    return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")


def grant_token() -> Answer:
    return Answer(200, json.dumps({"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"}), _JSON)


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*pem).decode()


def make_service_account(base_url: str) -> dict[str, str]:
    """This function will make a service account whose key was born here and whose token endpoint is the double's."""
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "made-here",
        "private_key": _private_key(),
        "client_email": f"double@{PROJECT}.example",
        "client_id": "1",
        "token_uri": f"{base_url}/token",
    }


def _error(status: int, name: str, message: str, fcm_code: str = "", *details: dict[str, Any]) -> Answer:
    listed = [*([{"@type": _FCM_ERROR, "errorCode": fcm_code}] if fcm_code else []), *details]
    error = {"code": status, "message": message, "status": name, "details": listed}
    return Answer(status, json.dumps({"error": error}), _JSON)
