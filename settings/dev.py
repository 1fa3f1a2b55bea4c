"""The first minute of a newcomer: SQLite, loopback doubles, nothing secret. Read next: demo/supervisor.py."""

from settings import env
from settings.base import *  # noqa: F403
from settings.base import CHANNELS_ACE_PROVIDERS, INSTALLED_APPS, STORAGES, TEMPLATES

(env.VAR / "static").mkdir(parents=True, exist_ok=True)

DEBUG = env.flag("DEBUG", default=True)
SECRET_KEY = env.text("SECRET_KEY", "development-only-" + "k" * 40)
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]
# Not secret: they encrypt made-up phone numbers. Production refuses to start with them (channels_ace/checks.py).
FIELD_KEYS = env.words("FIELD_KEYS", "ZGV2ZWxvcG1lbnQtb25seS1rZXktMDAwMDAwMDAwMDA=")
FIELD_INDEX_KEY = env.text("FIELD_INDEX_KEY", "development-only-index-key")

WEBHOOKS_TO_LOOPBACK = True
# Whoever looks around needs no phone.
REQUIRE_SECOND_FACTOR_OF = env.choices("REQUIRE_SECOND_FACTOR_OF", env.WHO_NEEDS_MORE, "nobody")

INSTALLED_APPS = [*INSTALLED_APPS, "demo"]
TEMPLATES[0]["OPTIONS"]["context_processors"].append("demo.context_processors.people")
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True

vars().update(env.email("EMAIL_URL", "smtp://127.0.0.1:8025"))
# The doubles of the providers (python -m tests.fakes) take any credentials.
CHANNELS_ACE_PROVIDERS["AWS"]["endpoint_url"] = env.text("AWS_ENDPOINT_URL", "http://127.0.0.1:8026")
CHANNELS_ACE_PROVIDERS["AWS"]["access_key_id"] = env.text("AWS_ACCESS_KEY_ID", "double")
CHANNELS_ACE_PROVIDERS["AWS"]["secret_access_key"] = env.text("AWS_SECRET_ACCESS_KEY", "double")
CHANNELS_ACE_PROVIDERS["FCM"]["project_id"] = env.text("FCM_PROJECT_ID", "carillon-demo")
CHANNELS_ACE_PROVIDERS["FCM"]["base_url"] = env.text("FCM_BASE_URL", "http://127.0.0.1:8026")
