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
    _CharField = models.CharField[str, str]
else:
    # Django's fields are generic to the type checker only.
    _TextField, _CharField = models.TextField, models.CharField


# What FIELD_INDEX_ROTATION says, one after the other: another key is read, is written, and is the only one.
PREPARING, MOVING = "prepare", "move"
INDEX_LENGTH = 64


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


def is_by_newest_key(stored: str) -> bool:
    """This function will tell whether the first of FIELD_KEYS wrote a value."""
    try:
        _cipher((settings.FIELD_KEYS[0],)).decrypt(stored.encode())
    except InvalidToken:
        return False
    return True


def blind_indexes(kind: str, clear: str) -> list[str]:
    """This function will give what is equal for equal addresses of a kind and tells nothing else: one, and two during a rotation.

    The newest key's first. What is written is chosen among them by index_writing.py.
    """
    inner = hmac.new(settings.FIELD_INDEX_KEY.encode(), f"{kind}:{clear}".encode(), hashlib.sha256).hexdigest()
    return indexes_since(inner)[: 2 if index_rotation() else 1]


def indexes_since(index: str) -> list[str]:
    """This function will give what a blind index is under each key put around it since, newest first, itself last.

    An opt-out outlives the address itself, so that a new key cannot be applied to what is gone: it is applied to the index.
    """
    found = [index]
    # What is under an outer key says under how many, so that it is moved once only.
    for number, key in list(enumerate(outer_index_keys(), start=1))[keys_around(index) :]:
        mac = hmac.new(key.encode(), found[0].encode(), hashlib.sha256).hexdigest()
        found.insert(0, f"{number}:{mac}"[:INDEX_LENGTH])
    return found


def outer_index_keys() -> list[str]:
    """This function will give the keys that were put around the blind index since the first, oldest first."""
    return list(getattr(settings, "FIELD_INDEX_OUTER_KEYS", []))


def index_rotation() -> str:
    """This function will tell how far the last of them has come: PREPARING, MOVING, or nothing when all is under it."""
    return str(getattr(settings, "FIELD_INDEX_ROTATION", ""))


def keys_around(index: str) -> int:
    """This function will tell how many of FIELD_INDEX_OUTER_KEYS a blind index is under."""
    number, mark, _ = index.partition(":")
    return int(number) if mark and number.isdecimal() else 0


class EncryptedTextField(_TextField):
    """A text that only this process can read; the column holds ciphertext."""

    def get_prep_value(self, value: Any) -> Any:
        clear = super().get_prep_value(value)
        return clear if clear is None or clear == "" else encrypt(clear)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        return value if value is None or value == "" else decrypt(value)


class BlindIndexField(_CharField):
    """Under what an address is kept. A new key moves every column of this kind (index_rotation.py)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": INDEX_LENGTH, **kwargs})

    def deconstruct(self) -> Any:
        # To the database it is a text like others: there is nothing to migrate.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
