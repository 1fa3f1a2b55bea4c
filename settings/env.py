"""Settings from the environment, failing with a sentence. Read next: base.py."""

import json
import os
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
# The words of REQUIRE_SECOND_FACTOR_OF.
WHO_NEEDS_MORE = {word: word for word in ("operators", "researchers", "nobody")}
VAR = Path(os.environ.get("CARILLON_VAR", ROOT / "var")).resolve()

_env = environ.Env()


def text(name: str, default: str | None = None) -> str:
    """This function will read a text, or say which variable is missing."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it in the environment; docs/settings.md says what it is for.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """This function will read a list of texts separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def flag(name: str, *, default: bool) -> bool:
    """This function will read yes or no."""
    value = text(name, "yes" if default else "no").lower()
    if value in {"yes", "true", "on", "1"}:
        return True
    if value in {"no", "false", "off", "0"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: it must be yes or no.")


def number(name: str, default: int) -> int:
    """This function will read a whole number, zero or more."""
    value = text(name, str(default))
    if not value.isdecimal():
        raise ImproperlyConfigured(f"{name} is {value!r}: it must be a whole number.")
    return int(value)


def url(name: str, schemes: set[str], default: str | None = None) -> str:
    """This function will read an address whose scheme is one of those named."""
    value = text(name, default)
    if urlsplit(value).scheme not in schemes:
        # The value itself stays out of the sentence: it may hold a password.
        raise ImproperlyConfigured(f"{name} must begin with {' or '.join(sorted(s + '://' for s in schemes))}.")
    return value


def origins(name: str) -> list[str]:
    """This function will read sites separated by commas, each a scheme and a host as browsers write them: https://lms.example.org."""
    values = words(name)
    for value in values:
        parts = urlsplit(value)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or value != f"{parts.scheme}://{parts.netloc}".lower()
            or "@" in value
        ):
            raise ImproperlyConfigured(f"{name} holds {value!r}: each must be a scheme and a host in small letters, without a path.")
    return values


def address_of_redis(broker: str) -> str:
    """This function will write the address of Celery's broker as the client of Redis reads it; empty where the broker is no Redis."""
    if not broker.startswith("redis"):
        return ""
    return broker.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")


def database(name: str, default: str | None = None) -> dict[str, Any]:
    """This function will read a database address: postgres://user:password@host/name or sqlite:///path."""
    value = url(name, {"postgres", "postgresql", "sqlite"}, default)
    try:
        config: dict[str, Any] = dict(_env.db_url_config(value))
    except (ValueError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} cannot be read as the address of a database.") from error
    if not config.get("NAME"):
        raise ImproperlyConfigured(f"{name} does not name a database.")
    if config["ENGINE"].endswith("sqlite3"):
        # Without these, six concurrent writers end in "database is locked" (docs/adr/0003).
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        }
    else:
        config["CONN_HEALTH_CHECKS"] = True
        config["CONN_MAX_AGE"] = number("DATABASE_CONN_MAX_AGE", 60)
        config["OPTIONS"] = {"connect_timeout": 5}
        if flag("DATABASE_PREPARES", default=True):
            # Without this psycopg prepares nothing, even where it is asked to (channels_ace/prepared.py).
            config["OPTIONS"]["prepare_threshold"] = 5
            # Nothing else is prepared, and left to itself PostgreSQL may plan it anew each time.
            config["OPTIONS"]["options"] = "-c plan_cache_mode=force_generic_plan"
    return config


def choices(name: str, known: dict[str, str], default: str) -> list[str]:
    """This function will read names with commas between, in the order of preference, and give what each stands for."""
    chosen = words(name, default)
    for word in chosen:
        if word not in known:
            raise ImproperlyConfigured(f"{name} names {word!r}: there are {', '.join(known)}.")
    return [known[word] for word in chosen]


def one_of(name: str, known: tuple[str, ...]) -> str:
    """This function will read one of some words, or the first of them where there is none."""
    value = text(name, known[0])
    if value not in known:
        raise ImproperlyConfigured(f"{name} is {value!r}: it must be {' or '.join(word for word in known if word)}, or empty.")
    return value


def options(name: str) -> dict[str, Any]:
    """This function will read a JSON object, for settings whose names depend on what was chosen elsewhere."""
    try:
        value = json.loads(text(name, "{}"))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read as JSON.") from error
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object: {{...}}.")
    return value


def rates(name: str, everyone: Iterable[str]) -> dict[str, float]:
    """This function will read a number a second for everyone, or a JSON object with one for each that is named."""
    value = text(name, "0")
    found = dict.fromkeys(everyone, float(value)) if value.isdecimal() else options(name)
    if not all(type(rate) in (int, float) and 0 <= rate < float("inf") for rate in found.values()):
        raise ImproperlyConfigured(f"{name} must be a number a second, or hold one for each name.")
    return found


def prices(name: str) -> dict[str, Decimal]:
    """This function will read a JSON object of amounts, written as texts or numbers."""
    try:
        amounts = {key: Decimal(str(value)) for key, value in options(name).items()}
    except InvalidOperation as error:
        raise ImproperlyConfigured(f"{name} must hold amounts, such as 0.0075.") from error
    if not all(amount.is_finite() and amount >= 0 for amount in amounts.values()):
        raise ImproperlyConfigured(f"{name} must hold amounts of nought or more.")
    return amounts


def email(name: str, default: str | None = None) -> dict[str, Any]:
    """This function will read where mail goes: smtp://, smtp+tls:// (STARTTLS), smtp+ssl://, or an Anymail backend's dotted path."""
    value = text(name, default)
    if value.startswith("anymail."):
        return {"EMAIL_BACKEND": value}
    value = url(name, {"smtp", "smtp+tls", "smtp+ssl", "consolemail", "memorymail"}, default)
    try:
        return dict(_env.email_url_config(value))
    except (ValueError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} cannot be read as the address of a mail server.") from error
