"""Run manage.py as production would, with safe values made up for this one run: `python tools/as_production.py check --deploy`."""

import base64
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def made_up() -> dict[str, str]:
    """This function will return an environment that production accepts; every secret in it is new and forgotten at once."""
    return {
        "DJANGO_SETTINGS_MODULE": "settings.production",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "carillon.example.org",
        "SITE_URL": "https://carillon.example.org",
        "DATABASE_URL": "postgres://carillon:none@database.example.org/carillon",
        "REDIS_URL": "rediss://redis.example.org:6379/0",
        "EMAIL_URL": "smtp+tls://mail.example.org:587",
        "FIELD_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "FIELD_INDEX_KEY": secrets.token_urlsafe(40),
        "FCM_PROJECT_ID": "made-up",
    }


if __name__ == "__main__":
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "manage.py", *sys.argv[1:]], {**os.environ, **made_up()})
