"""Production: everything that matters comes from the environment, and unsafe values are refused."""

from settings import env
from settings.base import *  # noqa: F403
from settings.base import CHANNELS_ACE_PROVIDERS

DEBUG = False
SECRET_KEY = env.text("SECRET_KEY")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", env.text("ALLOWED_HOSTS"))
DATABASES = {"default": env.database("DATABASE_URL", env.text("DATABASE_URL"))}
CELERY_BROKER_URL = env.url("REDIS_URL", {"redis", "rediss"}, env.text("REDIS_URL"))
FIELD_KEYS = env.words("FIELD_KEYS", env.text("FIELD_KEYS"))
FIELD_INDEX_KEY = env.text("FIELD_INDEX_KEY")
SITE_URL = env.url("SITE_URL", {"https"}, env.text("SITE_URL")).rstrip("/")
CSRF_TRUSTED_ORIGINS = [SITE_URL]
LIVE_REDIS_URL = RATES_REDIS_URL = env.address_of_redis(CELERY_BROKER_URL)
CHANNELS_ACE_PROVIDERS["TWILIO"]["callback_url"] = f"{SITE_URL}/webhooks/twilio/"
vars().update(env.email("EMAIL_URL", env.text("EMAIL_URL")))

SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=True)
# Orchestrators ask over plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SILENCED_SYSTEM_CHECKS: list[str] = []
