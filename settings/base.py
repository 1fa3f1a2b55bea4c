"""What every environment shares. Read next: dev.py, test.py, production.py."""

from typing import Any

from settings import env

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
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PersonalLocaleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.PrivatePagesMiddleware",
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
# finds what is due anyway. Workers wait for the broker by themselves.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"visibility_timeout": 3600, "max_retries": 0, "socket_connect_timeout": 1}
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
    "dates": {"task": "notifications.tasks.tick_dates", "schedule": 60.0},
    "opt outs": {"task": "channels_ace.tasks.sync_opt_outs", "schedule": 3600.0},
}
# One worker for all of them will do; a busy site gives each its own (docs/architecture.md).
LANES = ("urgent", "nudges", "transactional", "bulk")

# Channels: what carries a message, and the rules asked before (channels_ace/decision.py).
CHANNELS_ACE: dict[str, Any] = {
    "CHANNELS": [
        "notifications.inbox.InboxChannel",
        "channels_ace.channels.email.EmailChannel",
        "channels_ace.channels.push_fcm.FcmChannel",
        "channels_ace.channels.sms_aws.EndUserMessagingChannel",
    ],
    "POLICIES": [
        "channels_ace.policies.Expired",
        "channels_ace.policies.Reachable",
        "channels_ace.policies.NotSuppressed",
        "studies.policies.Consented",
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
    # How many parts of texts a second each provider's originator may send; nought is as many as it takes.
    "PARTS_PER_SECOND": {"eum": env.number("SMS_PARTS_PER_SECOND", 0), "sns": env.number("SMS_PARTS_PER_SECOND", 0)},
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
}
CHANNELS_ACE_PROVIDERS: dict[str, Any] = {
    "AWS": {
        "region_name": env.text("AWS_REGION", "us-east-1"),
        "endpoint_url": env.text("AWS_ENDPOINT_URL", "") or None,
        "access_key_id": env.text("AWS_ACCESS_KEY_ID", ""),
        "secret_access_key": env.text("AWS_SECRET_ACCESS_KEY", ""),
        "origination_identity": env.text("AWS_SMS_ORIGINATION_IDENTITY", ""),
        "configuration_set": env.text("AWS_SMS_CONFIGURATION_SET", ""),
        "sns_topics": env.words("AWS_SNS_TOPICS"),
        "receipts_queue_url": env.text("SQS_RECEIPTS_QUEUE_URL", ""),
        "opt_out_lists": env.words("AWS_SMS_OPT_OUT_LISTS"),
    },
    "FCM": {
        "project_id": env.text("FCM_PROJECT_ID", ""),
        "service_account": env.text("FCM_SERVICE_ACCOUNT_FILE", "") or None,
        "base_url": env.text("FCM_BASE_URL", "https://fcm.googleapis.com"),
    },
}

if CHANNELS_ACE_PROVIDERS["AWS"]["receipts_queue_url"]:
    CELERY_BEAT_SCHEDULE["receipts"] = {"task": "channels_ace.tasks.poll_receipts", "schedule": 30.0}
# What the Anymail backend named in EMAIL_URL wants to know, such as its key.
ANYMAIL = env.options("ANYMAIL")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Carillon <no-reply@carillon.example>")
# Where links in messages lead: scheme and host, no path.
SITE_URL = env.url("SITE_URL", {"http", "https"}, "http://127.0.0.1:8000").rstrip("/")
# Hosts that links from other systems may lead to, beside our own (notifications/links.py).
LINK_HOSTS = env.words("LINK_HOSTS", "lms.example.org")

# People.
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
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
        "connect-src": [_SELF],
        "font-src": [_SELF],
        "form-action": [_SELF],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

# The API.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["notifications.rest_api.authentication.SignedInSession"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["notifications.rest_api.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "notifications.rest_api.problems.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Carillon",
    "DESCRIPTION": "Inbox, preferences and study sessions of the person who is signed in.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "notifications.rest_api.schema.add_problems",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
}
