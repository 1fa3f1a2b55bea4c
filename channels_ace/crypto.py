"""Addresses at rest: encrypted, found again by a blind index. Read next: models.py, ContactPoint."""

import hashlib
import hmac
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    # Django's fields are generic to the type checker only.
    _TextField = models.TextField


class Unreadable(Exception):
    """A stored address that none of the keys in FIELD_KEYS opens."""


@lru_cache(maxsize=8)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(clear: str) -> str:
    """This function will encrypt with the first of FIELD_KEYS; the others only read, so that keys rotate without downtime."""
    return _cipher(tuple(settings.FIELD_KEYS)).encrypt(clear.encode()).decode()


def decrypt(stored: str) -> str:
    """This function will read what any of FIELD_KEYS wrote. Raises Unreadable."""
    try:
        return _cipher(tuple(settings.FIELD_KEYS)).decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("No key in FIELD_KEYS opens this value.") from error


def blind_index(kind: str, clear: str) -> str:
    """This function will give 64 hex digits that are equal for equal addresses of one kind and tell nothing else."""
    key = settings.FIELD_INDEX_KEY.encode()
    return hmac.new(key, f"{kind}:{clear}".encode(), hashlib.sha256).hexdigest()


class EncryptedTextField(_TextField):
    """A text that only this process can read; the column holds ciphertext."""

    def get_prep_value(self, value: Any) -> Any:
        clear = super().get_prep_value(value)
        return clear if clear is None or clear == "" else encrypt(clear)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        return value if value is None or value == "" else decrypt(value)
