"""Settings from the environment, failing with a sentence. Read next: base.py."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
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
    return config


def options(name: str) -> dict[str, Any]:
    """This function will read a JSON object, for settings whose names depend on what was chosen elsewhere."""
    try:
        value = json.loads(text(name, "{}"))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read as JSON.") from error
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object: {{...}}.")
    return value


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
