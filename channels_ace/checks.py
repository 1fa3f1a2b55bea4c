"""What `check --deploy` refuses: keys that everybody knows, providers that are doubles. Registered by apps.py. Read next: crypto.py."""

import binascii
import ipaddress
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error

from channels_ace.channel import carriers, provider_settings, providers
from channels_ace.crypto import index_rotation, outer_index_keys

# How every value of the development settings begins; none of them is a secret.
KNOWN_TO_EVERYBODY = "development-only"
SHORTEST_INDEX_KEY = 32


def check_field_keys(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """This function will refuse keys that cannot encrypt: found at the start, not at the first phone number."""
    keys = list(getattr(settings, "FIELD_KEYS", []))
    if not keys:
        return [Error("FIELD_KEYS is empty: phone numbers and device tokens cannot be stored.", hint=_NEW_KEY, id="carillon_channels.E001")]
    if not all(is_fernet_key(key) for key in keys):
        return [Error("FIELD_KEYS holds a value that is no Fernet key.", hint=_NEW_KEY, id="carillon_channels.E002")]
    return []


def check_index_keys(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """This function will refuse a rotation of the blind index without a key to go to."""
    if index_rotation() and not outer_index_keys():
        hint = "Put the new key at the end of FIELD_INDEX_OUTER_KEYS."
        return [Error("FIELD_INDEX_ROTATION is set, and FIELD_INDEX_OUTER_KEYS is empty.", hint=hint, id="carillon_channels.E009")]
    return []


def check_known_secrets(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """This function will refuse the keys of the development settings, which everybody can read in the source."""
    found = [
        Error(f"{name} has its development value, which everybody knows.", hint=_HINTS[name], id="carillon_channels.E003")
        for name in _HINTS
        if any(is_known_to_everybody(value) for value in values_of(name))
    ]
    for name in ("FIELD_INDEX_KEY", "FIELD_INDEX_OUTER_KEYS"):
        if any(0 < len(value) < SHORTEST_INDEX_KEY for value in values_of(name)):
            said = f"{name} is shorter than {SHORTEST_INDEX_KEY} characters: with it, phone numbers are found by trying them all."
            found.append(Error(said, hint=_HINTS[name], id="carillon_channels.E004"))
    return list(found)


def check_providers_are_real(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """This function will refuse provider addresses on this machine: messages would count as sent and reach nobody."""
    return [
        Error(
            f"CHANNELS_ACE_PROVIDERS[{provider!r}][{option!r}] points at this machine: nothing sent there reaches anybody.",
            hint="Leave the setting empty to use the provider's own address.",
            id="carillon_channels.E005",
        )
        for provider, option, url in provider_addresses()
        if is_loopback(url)
    ]


def check_providers_are_configured(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """This function will refuse a carrier without its account: every message would wait for it until it expires."""
    return [
        Error(
            f"CHANNELS_ACE['CHANNELS'] names {carrier.provider}, but CHANNELS_ACE_PROVIDERS[{key!r}] has no {option}.",
            id="carillon_channels.E008",
        )
        for name in carriers()
        for carrier in providers(name)
        for key, options in [carrier.needs]
        for option in options
        if not provider_settings(key).get(option)
    ]


def check_bounces_are_heard(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """This function will refuse an e-mail service that has no way to tell us of bounces and complaints: we would write on and on."""
    backend = getattr(settings, "EMAIL_BACKEND", "")
    if not backend.startswith("anymail.backends."):
        return []
    if backend.startswith("anymail.backends.amazon_ses."):
        aws = getattr(settings, "CHANNELS_ACE_PROVIDERS", {}).get("AWS", {})
        if aws.get("sns_topics") or aws.get("receipts_queue_url"):
            return []
        hint = "Set AWS_SNS_TOPICS or SQS_RECEIPTS_QUEUE_URL, and let SES publish its events there."
        return [Error("Amazon SES cannot tell of bounces and complaints.", hint=hint, id="carillon_channels.E006")]
    if getattr(settings, "ANYMAIL", {}).get("WEBHOOK_SECRET"):
        return []
    hint = 'Put "WEBHOOK_SECRET": "name:password" into ANYMAIL; without it, /webhooks/anymail/ is closed.'
    return [Error("The e-mail service cannot tell of bounces and complaints.", hint=hint, id="carillon_channels.E007")]


def values_of(name: str) -> list[str]:
    """This function will list the values of a setting that is a text or a list of texts."""
    value = getattr(settings, name, "")
    return [value] if isinstance(value, str) else list(value)


def is_fernet_key(key: str) -> bool:
    """This function will tell whether a key is 32 bytes in URL-safe base64."""
    try:
        Fernet(key)
    except (ValueError, binascii.Error):
        return False
    return True


def is_known_to_everybody(value: str) -> bool:
    """This function will tell whether a secret is one of the development settings, written plainly or in base64."""
    try:
        decoded = urlsafe_b64decode(value).decode("ascii", errors="replace")
    except (ValueError, binascii.Error):
        decoded = ""
    return value.startswith(KNOWN_TO_EVERYBODY) or decoded.startswith(KNOWN_TO_EVERYBODY)


def provider_addresses() -> Iterator[tuple[str, str, str]]:
    """This function will give provider, option and value of every option that is an address."""
    known: Mapping[str, Mapping[str, Any]] = getattr(settings, "CHANNELS_ACE_PROVIDERS", {})
    for provider, options in known.items():
        for option, value in options.items():
            if option.endswith("_url") and isinstance(value, str) and value:
                yield provider, option, value


def is_loopback(url: str) -> bool:
    """This function will tell whether an address stays on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


_NEW_KEY = 'Make one: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
_NEW_TEXT = 'Make one: python -c "import secrets; print(secrets.token_urlsafe(60))"'
_HINTS = {"SECRET_KEY": _NEW_TEXT, "FIELD_KEYS": _NEW_KEY, "FIELD_INDEX_KEY": _NEW_TEXT, "FIELD_INDEX_OUTER_KEYS": _NEW_TEXT}
