"""What every environment shares. Read next: dev.py, test.py, production.py."""

from typing import Any

from settings import env
from settings.rest_api import API_RATES as API_RATES
from settings.rest_api import REST_FRAMEWORK as REST_FRAMEWORK
from settings.rest_api import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS

BASE_DIR = env.ROOT
# What is made while running: SQLite, the folder of the file-system broker, collected static files.
RUNTIME_DIR = env.VAR

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
    "channels_ace",
    "notifications",
    "studies",
    "scheduling",
    "accounts",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "accounts.middleware.StorableSearchMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PersonalLocaleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.PrivatePagesMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "accounts.known_browsers.KnownBrowserMiddleware",
    "accounts.signed_in_browsers.SignedInBrowserMiddleware",
    "accounts.rest_api.rates.ApiAnswersMiddleware",
]

ROOT_URLCONF = "settings.urls"
WSGI_APPLICATION = "settings.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "notifications.context_processors.bell",
                "accounts.context_processors.navigation",
            ],
        },
    },
]

# Database and broker.
DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{env.VAR / 'carillon.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Celery carries pokes: ids only, no result, nothing that must not be lost (docs/adr/0002).
CELERY_BROKER_URL = env.url("REDIS_URL", {"redis", "rediss", "redis+socket", "filesystem"}, "filesystem://")
# A poke to a broker that is away is given up at once: by default each would wait two seconds, in whoever said something, and the sweep
# finds what is due anyway. So is one to a broker that takes the connection and says nothing. Workers wait for the broker by themselves.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "visibility_timeout": 3600,
    "max_retries": 0,
    "socket_connect_timeout": 1,
    "socket_timeout": 0.7,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
if CELERY_BROKER_URL == "filesystem://":
    _folder = env.VAR / "broker"
    for _name in ("queue", "control"):
        (_folder / _name).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "max_retries": 0,
        "data_folder_in": str(_folder / "queue"),
        "data_folder_out": str(_folder / "queue"),
        "control_folder": str(_folder / "control"),
    }
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 90
CELERY_TASK_DEFAULT_QUEUE = "ticks"
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "deliver": {"task": "channels_ace.tasks.sweep", "schedule": 15.0},
    "nudge": {"task": "scheduling.tasks.tick", "schedule": 60.0},
    "tellings": {"task": "scheduling.tasks.tell_participants", "schedule": 60.0},
    "old tellings": {"task": "scheduling.tasks.forget_tellings", "schedule": 86_400.0},
    "nudge check": {"task": "scheduling.tasks.check_nudges", "schedule": 3600.0},
    "dates": {"task": "notifications.tasks.tick_dates", "schedule": 60.0},
    "codes": {"task": "accounts.tasks.send_phone_codes", "schedule": 15.0},
    "copies of data": {"task": "accounts.tasks.make_data_copies", "schedule": 60.0},
    "tries": {"task": "accounts.tasks.forget", "schedule": 3600.0},
    "messages of services": {"task": "notifications.tasks.plan_service_messages", "schedule": 15.0},
    "webhooks": {"task": "notifications.tasks.tell_webhooks", "schedule": 15.0},
    "webhook posts": {"task": "notifications.tasks.post_to_webhooks", "schedule": 5.0},
    "old webhook posts": {"task": "notifications.tasks.forget_webhook_posts", "schedule": 3600.0},
    "kept answers": {"task": "notifications.tasks.forget_answers", "schedule": 3600.0},
    "old items": {"task": "notifications.tasks.forget_old_items", "schedule": 86_400.0},
    "stale devices": {"task": "channels_ace.tasks.forget_stale_devices", "schedule": 86_400.0},
    "silent pushes": {"task": "channels_ace.tasks.tell_devices", "schedule": 5.0},
    "opt outs": {"task": "channels_ace.tasks.sync_opt_outs", "schedule": 3600.0},
}
CELERY_TASK_ROUTES = {
    # Receivers that do not answer hold up a queue of their own.
    "notifications.tasks.post_to_webhooks": {"queue": "webhooks"},
    # What goes to providers does not hold up the ticks.
    "channels_ace.tasks.tell_devices": {"queue": "bulk"},
    # Nor does what reads all that is held about somebody.
    "accounts.tasks.make_data_copies": {"queue": "bulk"},
}
# One worker for all of them will do; a busy site gives each its own (docs/architecture.md).
LANES = ("urgent", "nudges", "transactional", "bulk")

# Live updates: where open pages find their stream, settings/asgi.py; empty, they ask for their count now and then. A path where a proxy
# leads it there, else the whole address. Pokes go through the broker where that is Redis.
LIVE_URL = env.text("LIVE_URL", "")
LIVE_REDIS_URL = env.address_of_redis(CELERY_BROKER_URL)
# Where calls of the API are counted; empty, in the database.
RATES_REDIS_URL = env.address_of_redis(CELERY_BROKER_URL)

# Channels: what carries a message, and the rules asked before (channels_ace/decision.py).
TEXTERS = {
    "eum": "channels_ace.channels.sms_aws.EndUserMessagingChannel",
    "sns": "channels_ace.channels.sms_aws.SnsChannel",
    "twilio": "channels_ace.channels.sms_twilio.TwilioChannel",
}
CHANNELS_ACE: dict[str, Any] = {
    "CHANNELS": [
        "notifications.inbox.InboxChannel",
        "channels_ace.channels.email.EmailChannel",
        "channels_ace.channels.push_fcm.FcmChannel",
        # The first carries texts, the next ones while it fails.
        *env.choices("SMS_PROVIDERS", TEXTERS, "eum"),
    ],
    "POLICIES": [
        "channels_ace.policies.Expired",
        "channels_ace.policies.Reachable",
        "channels_ace.policies.NotSuppressed",
        "studies.policies.Consented",
        "scheduling.policies.StillToDo",
        "scheduling.policies.NotReminded",
        "notifications.policies.ForTheirRole",
        "notifications.policies.Preferred",
        "notifications.policies.LeftAlone",
        "channels_ace.caps.Capped",
        # Before the hours: what is turned off is not looked at each morning.
        "channels_ace.switches.SwitchedOff",
        "channels_ace.policies.TextingHours",
        "channels_ace.policies.QuietHours",
        # Last: what waits for a summary still keeps to the hours above when its time comes.
        "notifications.digest_policies.ReadElsewhere",
        "notifications.digest_policies.Summed",
        "notifications.digest_policies.Buffered",
    ],
    # What is for everyone is kept once where there are more accounts than this (notifications/broadcasts.py).
    "KEPT_ONCE_ABOVE": 1_000,
    # What stands for several, and when (channels_ace/gather.py).
    "DIGESTS": "notifications.digest.Digests",
    # A daily and a weekly summary go out at this local hour, the weekly one on this day (Monday is 0).
    "DIGEST_HOUR": 17,
    "DIGEST_WEEKDAY": 0,
    # The first e-mail goes at once, what follows within so many minutes together; nought lets each go by itself.
    "BUFFER_MINUTES": 15,
    # Who adds headers of their own, by channel: a function of the type and the user's id.
    "HEADERS": {"email": "notifications.unsubscribe.headers_of"},
    # What one person gets at most, whoever sends it, per channel and hours; without "types" all but what signs them in.
    # For study nudges the throttle of the HeartSteps trials.
    "CAPS": [
        {"channel": "sms", "most": 3, "hours": 24},
        {"channel": "sms", "types": ["studies.nudge"], "most": 1, "hours": 24},
        {"channel": "sms", "types": ["studies.nudge"], "most": 2, "hours": 96},
        {"channel": "sms", "types": ["studies.nudge"], "most": 4, "hours": 240},
    ],
    # What the icon of a person's app shows: a function of their ids and the time.
    "BADGES": "notifications.badges.unread_of",
    # Which pushes may leave a screen: a condition over deliveries, for a time.
    "DEALT_WITH": "notifications.badges.is_dealt_with",
    # Where the links of messages lead: to no host that is not allowed any more.
    "LINKS": "notifications.links.absolute",
    # How messages look and who they come from, where one installation serves several sites.
    "LOOKS": "notifications.brands.looks_of",
    # How many parts of texts a second an originator may send: its own rate, else that of each at its provider. Without one: no limit.
    "PARTS_PER_SECOND": env.rates("SMS_PARTS_PER_SECOND", TEXTERS),
    # What a part of a text costs, in dollars, by country or "provider:country"; "*" is everywhere else.
    "PRICES": env.prices("SMS_PRICES"),
    # A provider rests after so many bad answers in a row, or more than this share of the last 50; one delivery probes it meanwhile.
    "BREAKER": {"in_a_row": 5, "share": 0.2, "probe_seconds": 30},
    "POKE": "channels_ace.tasks.poke",
    # What a text that asks HELP is told, and whether we or the provider confirm a STOP: it may be done once.
    "TEXTS": {
        "PROGRAMME": env.text("SMS_PROGRAMME", "Carillon"),
        "CONTACT": env.text("SMS_CONTACT", ""),
        "CONFIRM_STOP": env.flag("SMS_CONFIRM_STOP", default=False),
    },
}
# Who is told, in the same transaction, when an enrollment changes.
STUDIES: dict[str, Any] = {
    "AFTER_CHANGE": ["scheduling.planner.replan"],
    # What the pages of studies show of what this app does not know: counts, and the picture of a protocol.
    "FIGURES": "scheduling.monitoring.figures",
    "PICTURE": "scheduling.pictures.draw_example",
    # What a version changes for those who are in a study already: done, and told before it is done.
    "AMEND": "scheduling.amending.amend",
    "AMEND_PREVIEW": "scheduling.amending.preview",
    # How many nudges one person gets at most in so many hours, from all their studies and over all channels; reminders of sessions stand
    # apart. The throttle of the HeartSteps trials.
    "NUDGE_CAPS": [{"most": 1, "hours": 24}, {"most": 2, "hours": 96}, {"most": 4, "hours": 240}],
}
CHANNELS_ACE_PROVIDERS: dict[str, Any] = {
    "AWS": {
        "region_name": env.text("AWS_REGION", "us-east-1"),
        "endpoint_url": env.text("AWS_ENDPOINT_URL", "") or None,
        "access_key_id": env.text("AWS_ACCESS_KEY_ID", ""),
        "secret_access_key": env.text("AWS_SECRET_ACCESS_KEY", ""),
        "origination_identity": env.text("AWS_SMS_ORIGINATION_IDENTITY", ""),
        "configuration_set": env.text("AWS_SMS_CONFIGURATION_SET", ""),
        # By type or app: who says STOP to one number is not opted out of the others, where each has its own list.
        "senders": env.options("AWS_SMS_SENDERS"),
        "sns_topics": env.words("AWS_SNS_TOPICS"),
        "receipts_queue_url": env.text("SQS_RECEIPTS_QUEUE_URL", ""),
        "opt_out_lists": env.words("AWS_SMS_OPT_OUT_LISTS"),
    },
    "FCM": {
        "project_id": env.text("FCM_PROJECT_ID", ""),
        "service_account": env.text("FCM_SERVICE_ACCOUNT_FILE", "") or None,
        "base_url": env.text("FCM_BASE_URL", "https://fcm.googleapis.com"),
    },
    "TWILIO": {
        "account_sid": env.text("TWILIO_ACCOUNT_SID", ""),
        "auth_token": env.text("TWILIO_AUTH_TOKEN", ""),
        # A number in E.164, or the SID of a messaging service.
        "sender": env.text("TWILIO_SENDER", ""),
        "senders": env.options("TWILIO_SENDERS"),
        "base_url": env.text("TWILIO_BASE_URL", "https://api.twilio.com"),
    },
}

if CHANNELS_ACE_PROVIDERS["AWS"]["receipts_queue_url"]:
    CELERY_BEAT_SCHEDULE["receipts"] = {"task": "channels_ace.tasks.poll_receipts", "schedule": 30.0}
# What the Anymail backend named in EMAIL_URL wants to know, such as its key.
ANYMAIL = env.options("ANYMAIL")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Carillon <no-reply@carillon.example>")
# Where links in messages lead: scheme and host, no path.
SITE_URL = env.url("SITE_URL", {"http", "https"}, "http://127.0.0.1:8000").rstrip("/")
# Where Twilio posts, as it writes it: it signs the whole address.
CHANNELS_ACE_PROVIDERS["TWILIO"]["callback_url"] = f"{SITE_URL}/webhooks/twilio/"
# Whether webhooks may lead to this machine over plain HTTP: for tests and development only.
WEBHOOKS_TO_LOOPBACK = False
# Hosts that links from other systems may lead to, beside our own (notifications/links.py).
LINK_HOSTS = env.words("LINK_HOSTS", "lms.example.org")

# How many days an item stays in an inbox; the page tells its reader.
INBOX_DAYS = env.number("INBOX_DAYS", 60)
# How many days the copy of a person's data can be downloaded.
DATA_COPY_DAYS = env.number("DATA_COPY_DAYS", 7)
# Keys put around the blind index since FIELD_INDEX_KEY, oldest first, and how far the last one has come (docs/settings.md, Keys).
FIELD_INDEX_OUTER_KEYS = env.words("FIELD_INDEX_OUTER_KEYS")
FIELD_INDEX_ROTATION = env.one_of("FIELD_INDEX_ROTATION", ("", "prepare", "move"))
# How many days a device stays that its app does not register again.
DEVICE_DAYS = env.number("DEVICE_DAYS", 270)
# Who is told, in the same transaction, when a person chooses a time zone: a function of the user's id, the zone's name and the time.
AFTER_ZONE = ["scheduling.zones.report_zone"]
# The pages, by name, on which a person adds what a channel needs to reach them.
ADDRESS_PAGES = {"sms": "phone"}

# People.
AUTH_USER_MODEL = "accounts.User"
# How many proxies of ours stand in front: so many entries of X-Forwarded-For are believed.
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)
# Where codes may be texted to: each country costs, and draws its own fraud.
PHONE_COUNTRIES = env.words("PHONE_COUNTRIES", "US,CA")
# Who does nothing without a second factor (accounts/second_factor.py): it keeps what others entrust to us.
REQUIRE_SECOND_FACTOR_OF = env.choices("REQUIRE_SECOND_FACTOR_OF", env.WHO_NEEDS_MORE, "operators,researchers")
# Single sign-on by OpenID Connect; without an issuer there is none (accounts/single_sign_on.py).
OIDC: dict[str, Any] = {
    "issuer": env.url("OIDC_ISSUER", {"https"}) if env.text("OIDC_ISSUER", "") else "",
    "client_id": env.text("OIDC_CLIENT_ID", ""),
    "client_secret": env.text("OIDC_CLIENT_SECRET", ""),
    "name": env.text("OIDC_NAME", "single sign-on"),
    # Of amr and acr, what counts as a second factor.
    "second_factor": env.words("OIDC_SECOND_FACTOR"),
    "makes_accounts": env.flag("OIDC_MAKES_ACCOUNTS", default=False),
}
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 3600
# The first writes; what the others wrote is written anew when its owner signs in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# NIST SP 800-63B-4, 3.1.1.2: long, not in the lists of what others use, and no rules on what it is made of.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Words.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "templates" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# Pages.
STATIC_URL = "static/"
STATIC_ROOT = env.VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Above the megabyte that a protocol document may have, so that a larger one is told so on its page.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1_048_576
_SELF = "'self'"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [_SELF],
        "style-src": [_SELF],
        "img-src": [_SELF, "data:"],
        "connect-src": [_SELF, *([LIVE_URL] if LIVE_URL.startswith("http") else [])],
        "font-src": [_SELF],
        "form-action": [_SELF],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

# Other sites whose pages may show the bell (docs/embedding.md): they reach the inbox by a token, never with a cookie.
CORS_ALLOWED_ORIGINS = env.origins("EMBED_ORIGINS")
CORS_URLS_REGEX = r"^/api/v1/inbox/"
CORS_ALLOW_METHODS = ["GET", "POST", "DELETE"]
CORS_ALLOW_HEADERS = ["accept", "accept-language", "authorization", "content-type"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"in production": {"()": "django.utils.log.RequireDebugFalse"}},
    # What libraries quote is told without addresses (settings/error_reports.py).
    "formatters": {"line": {"()": "settings.error_reports.Line", "format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "mail": {"class": "settings.error_reports.ErrorMail", "level": "ERROR", "filters": ["in production"]},
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": ["mail"], "level": "INFO"},
        # At DEBUG these write down whole requests: numbers, devices and words.
        **{name: {"level": "INFO"} for name in ("anymail", "boto3", "botocore", "google", "requests", "urllib3")},
    },
}
# Who gets a mail of an error; it tells nothing personal.
ADMINS = [(address, address) for address in env.words("ADMINS")]
SERVER_EMAIL = DEFAULT_FROM_EMAIL
DEFAULT_EXCEPTION_REPORTER = "settings.error_reports.Report"
