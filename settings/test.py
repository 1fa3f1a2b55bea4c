"""The tests: DATABASE_URL and REDIS_URL where given, SQLite and the file-system broker otherwise. Read next: tests/conftest.py."""

from settings.dev import *  # noqa: F403
from settings.dev import CHANNELS_ACE

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECRET_KEY = "tests-only-" + "k" * 50
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
# Tests deliver by calling deliver(); a poke would only go to a worker that is not there.
# A test of one fault must not rest after five; the breaker's own tests turn it on (tests/channels_ace/test_health.py).
# Several for one person are sent one by one, but where the buffer itself is tested (tests/notifications/test_digest.py).
CHANNELS_ACE = {**CHANNELS_ACE, "POKE": "channels_ace.send.leave_to_the_sweep", "BREAKER": None, "BUFFER_MINUTES": 0}
# Only the tests of live updates have somebody to poke (tests/browser/test_live.py).
LIVE_URL = LIVE_REDIS_URL = ""
# Tests call as often as they like; the limits' own tests set some (tests/accounts/rest_api/test_rates.py).
API_RATES = {}
LOGGING_CONFIG = None
