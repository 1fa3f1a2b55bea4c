"""The tests: DATABASE_URL and REDIS_URL where given, SQLite and no broker otherwise."""

from settings import env
from settings.dev import *  # noqa: F403
from settings.dev import CHANNELS_ACE, DATABASES

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECRET_KEY = "tests-only-" + "k" * 50  # noqa: S105
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, since tests with threads and processes share it.
    DATABASES["default"]["TEST"] = {"NAME": str(env.VAR / "test.sqlite3")}
# Tests deliver by calling deliver(); a poke would only go to a worker that is not there.
CHANNELS_ACE = {**CHANNELS_ACE, "POKE": "channels_ace.send.leave_to_the_sweep"}
LOGGING_CONFIG = None
