"""The API: who asks, how often, and how it is described. Read next: base.py, which takes these."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.rest_api.authentication.AppToken",
        "accounts.rest_api.service_tokens.ServiceTokenAuthentication",
        "notifications.rest_api.authentication.SignedInSession",
    ],
    # What other services may call names a scope instead (notifications/rest_api/callers.py).
    "DEFAULT_PERMISSION_CLASSES": ["notifications.rest_api.callers.IsPerson"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.rest_api.rates.PerCaller"],
    # No ?format= beside the Accept header.
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["notifications.rest_api.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "notifications.rest_api.schema.Schema",
    "EXCEPTION_HANDLER": "notifications.rest_api.problems.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
# How many calls in how many seconds the API takes from one address, one person, and one service's token (accounts/rates.py).
API_RATES: dict[str, tuple[int, int]] = {"address": (1_200, 60), "person": (600, 60), "service": (1_200, 60)}
SPECTACULAR_SETTINGS = {
    "TITLE": "Carillon",
    "DESCRIPTION": "For people: inbox, preferences, devices and study sessions. For other services: messages and webhooks.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "CourseDateKind": "notifications.course_dates.CourseDate.Kind",
        "DeviceKind": ["token", "installation"],
        "ContactPointKind": ["phone", "email"],
        "MessageState": "notifications.rest_api.messages.STATES",
        "EnrollmentState": "studies.models.Enrollment.State",
        "EventState": ["generated", "set", "removed", "unset"],
        "SessionState": "scheduling.adherence.SessionState",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "notifications.rest_api.schema.add_problems",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
