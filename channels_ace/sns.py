"""Is this really from Amazon SNS? Asked in order of cost, and a forged message costs no request and no row. Read next: webhooks.py.

Facts from "Verifying the signatures of Amazon SNS messages" in the SNS Developer Guide. Pinning a host pattern is not enough (other
people's content is served under amazonaws.com, too): the host is that of our own region, and the path that of SNS's certificates.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from channels_ace.channel import provider_settings

LARGEST_BODY = 256 * 1024  # the largest message of SNS
LARGEST_CERTIFICATE = 16 * 1024
CERTIFICATE_SECONDS = 5.0
FRESH_FOR = timedelta(hours=1)

_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{32}\.pem")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


class Forged(Exception):
    """Not from SNS, not for us, or too old. Its text is a short code without anything from the message."""


class CertificateUnavailable(Exception):
    """Nobody can tell now: the certificate could not be fetched. SNS shall try again."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What SNS wraps round a message."""

    type: str
    message_id: str
    topic_arn: str
    message: str
    sent_at: datetime
    token: str = ""


def verify(body: bytes, now: datetime) -> Envelope:
    """This function will give the envelope of a message that SNS signed for one of our topics. Raises Forged, CertificateUnavailable.

    Whether its MessageId was seen before is for the caller, who keeps what was seen.
    """
    fields = _read(body)
    if fields["TopicArn"] not in provider_settings("AWS").get("sns_topics", ()):
        raise Forged("foreign_topic")
    if fields["Type"] not in _SIGNED:
        raise Forged("unknown_type")
    if fields["SignatureVersion"] != "2":
        # Version 1 is SHA-1, and the default of a topic: its attribute SignatureVersion must be set.
        raise Forged("signature_version")
    key = _key_of(certificate_path(fields["SigningCertURL"]), now)
    try:
        key.verify(_signature(fields), _signed_text(fields), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise Forged("signature") from None
    sent_at = _sent_at(fields["Timestamp"])
    if abs(now - sent_at) > FRESH_FOR:
        raise Forged("stale")
    return Envelope(
        type=fields["Type"],
        message_id=fields["MessageId"],
        topic_arn=fields["TopicArn"],
        message=fields["Message"],
        sent_at=sent_at,
        token=fields.get("Token", ""),
    )


def certificate_path(url: str) -> str:
    """This function will give the path of a certificate of SNS in our region. Raises Forged for any other address, however alike."""
    host = f"sns.{provider_settings('AWS').get('region_name', '')}.amazonaws.com"
    prefix = f"https://{host}"
    # Compared as a text: whatever a parser makes of user names, ports, dots, escapes or other alphabets is not let in at all.
    path = url.removeprefix(prefix)
    if path == url or not _CERTIFICATE_PATH.fullmatch(path):
        raise Forged("certificate_address")
    return path


def _read(body: bytes) -> dict[str, str]:
    if len(body) > LARGEST_BODY:
        raise Forged("too_large")
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise Forged("unreadable") from None
    needed = ("Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL")
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in needed):
        raise Forged("unreadable")
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _signed_text(fields: Mapping[str, str]) -> bytes:
    """The names and values that are signed, a line each, in alphabetical order; a subject only where there is one."""
    names = [name for name in _SIGNED[fields["Type"]] if name != "Subject" or "Subject" in fields]
    if any(name not in fields for name in names):
        raise Forged("unreadable")
    # Half a character cannot be signed.
    return "".join(f"{name}\n{fields[name]}\n" for name in names).encode(errors="replace")


def _signature(fields: Mapping[str, str]) -> bytes:
    try:
        return base64.b64decode(fields["Signature"], validate=True)
    except (binascii.Error, ValueError):
        raise Forged("signature") from None


def _sent_at(text: str) -> datetime:
    try:
        sent_at = datetime.fromisoformat(text)
    except ValueError:
        raise Forged("unreadable") from None
    if sent_at.tzinfo is None:
        raise Forged("unreadable")
    return sent_at


def _key_of(path: str, now: datetime) -> rsa.RSAPublicKey:
    aws = provider_settings("AWS")
    region = aws.get("region_name", "")
    base = aws.get("endpoint_url") or f"https://sns.{region}.amazonaws.com"
    leaf = _certificate(base, path)
    names = {str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    key = leaf.public_key()
    if not names & {"sns.amazonaws.com", f"sns.{region}.amazonaws.com"} or not isinstance(key, rsa.RSAPublicKey):
        raise Forged("certificate")
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise Forged("certificate_expired")
    return key


@lru_cache(maxsize=16)
def _certificate(base: str, path: str) -> x509.Certificate:
    """The first certificate of a file in which each is issued by the next; who served it was told by TLS."""
    try:
        chain = x509.load_pem_x509_certificates(_fetch(base, path))
        for one, issuer in pairwise(chain):
            one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        raise Forged("certificate") from None
    return chain[0]


def _fetch(base: str, path: str) -> bytes:
    """One GET, which follows no redirect."""
    address = urlsplit(base)
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=CERTIFICATE_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(LARGEST_CERTIFICATE + 1)
    except (OSError, HTTPException) as error:
        raise CertificateUnavailable(type(error).__name__) from error
    finally:
        connection.close()
    if answer.status >= 500 or answer.status == 429:
        raise CertificateUnavailable(f"http_{answer.status}")
    if answer.status != 200 or len(body) > LARGEST_CERTIFICATE:
        raise Forged("certificate")
    return body
