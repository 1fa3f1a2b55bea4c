"""A topic of Amazon SNS that signs as SNS does, with a certificate that was born here. Field order from the SNS Developer Guide."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:us-east-1:123456789012:carillon"
CERTIFICATE_PATH = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
CERTIFICATE_URL = f"https://sns.us-east-1.amazonaws.com{CERTIFICATE_PATH}"


@dataclass(frozen=True)
class Signer:
    """A key and its certificate, as PEM."""

    key: rsa.RSAPrivateKey
    pem: bytes

    def sign(self, fields: dict[str, str]) -> str:
        names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
        return base64.b64encode(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


@cache
def signer(common_name: str = "sns.amazonaws.com", *, expired: bool = False, of_stranger: bool = False) -> Signer:
    """This function will make a certificate, once a process; `of_stranger` puts one under it that did not issue it."""
    key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    start = datetime(2020, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=365 if expired else 36_500)
    pem = _certificate(common_name, "Test CA", key, other, start, end)
    if of_stranger:
        pem += _certificate("Another CA", "Another CA", key, key, start, end)
    return Signer(key, pem)


def _certificate(name: str, issuer: str, key: rsa.RSAPrivateKey, by: rsa.RSAPrivateKey, start: datetime, end: datetime) -> bytes:
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(by, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def notification(message: dict[str, Any] | str, *, at: datetime | None = None, subject: str = "", topic: str = TOPIC) -> dict[str, str]:
    """This function will wrap and sign a message as SNS posts it."""
    return signed(
        {
            "Type": "Notification",
            "MessageId": str(uuid4()),
            "TopicArn": topic,
            "Message": message if isinstance(message, str) else json.dumps(message),
            "Timestamp": _time(at),
            **({"Subject": subject} if subject else {}),
        }
    )


def subscription_confirmation(*, at: datetime | None = None, topic: str = TOPIC) -> dict[str, str]:
    """This function will ask to confirm a subscription, as SNS does when an endpoint is subscribed."""
    return signed(
        {
            "Type": "SubscriptionConfirmation",
            "MessageId": str(uuid4()),
            "Token": "a-token-of-the-double",
            "TopicArn": topic,
            "Message": "You have chosen to subscribe.",
            "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
            "Timestamp": _time(at),
        }
    )


def signed(fields: dict[str, str], by: Signer | None = None, url: str = CERTIFICATE_URL) -> dict[str, str]:
    """This function will sign what the fields say now."""
    return {**fields, "SignatureVersion": "2", "Signature": (by or signer()).sign(fields), "SigningCertURL": url}


def post(url: str, envelope: dict[str, str]) -> int:
    """This function will hand an envelope to a webhook as SNS does, and give the status of its answer."""
    headers = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": envelope["Type"]}
    request = Request(url, data=json.dumps(envelope).encode(), headers=headers)  # noqa: S310
    with urlopen(request, timeout=10) as response:  # noqa: S310
        return int(response.status)


def _time(at: datetime | None) -> str:
    return (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
