"""What an error mail and a line of the log tell: where it broke, and nothing that anybody wrote. Read next: errors.py."""

import logging
import re
from typing import Any

from django.conf import settings
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

# No app is imported: logging is set up before they are there. An e-mail address, a phone number (in the body of a form, too), a token.
_HIDDEN = (
    (re.compile(r"[^\s<>@\"'(),;:=]+(?:@|%40)[^\s<>@\"'(),;:&]+"), "[address]"),
    (re.compile(r"(?:\+|%2B)\d{7,}"), "[number]"),
    (re.compile(r"[A-Za-z0-9_:\-]{40,}"), "[token]"),
)
# What of a request's headers and of the settings helps to find a fault; the others may hold a token, a number or an address.
HEADERS = ("REQUEST_METHOD", "PATH_INFO", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_HOST", "HTTP_USER_AGENT")
SETTINGS = ("INSTALLED_APPS", "MIDDLEWARE")


def without_addresses(text: str) -> str:
    """This function will put a word in the place of all that looks like an address or a token."""
    for pattern, word in _HIDDEN:
        text = pattern.sub(word, text)
    return text


class Line(logging.Formatter):
    """A line of the log, its traceback included, without phone numbers and e-mail addresses: some libraries quote what they choke on."""

    def format(self, record: logging.LogRecord) -> str:
        return without_addresses(super().format(record))


class Report(ExceptionReporter):
    """Django's own hides what is called a password or a token; this one tells of no form, query, cookie, file or variable."""

    def get_traceback_data(self) -> dict[str, Any]:
        data: dict[str, Any] = super().get_traceback_data()
        if settings.DEBUG:
            return data
        for frame in data["frames"]:
            frame["vars"] = []
        items = ("filtered_POST_items", "request_GET_items", "request_COOKIES_items", "request_FILES_items")
        request = self.request
        return {
            **data,
            **dict.fromkeys(items, ()),
            "request_meta": {name: value for name, value in data["request_meta"].items() if name in HEADERS},
            "request_insecure_uri": request.path if request is not None else "",
            "user_str": f"user {request.user.pk}" if request is not None and hasattr(request, "user") else "nobody",
            "settings": {name: getattr(settings, name) for name in SETTINGS},
            "exception_value": without_addresses(data.get("exception_value", "")),
        }


class ErrorMail(AdminEmailHandler):
    """Mails an error to ADMINS, once more without addresses: its first lines are those of the log."""

    def format(self, record: logging.LogRecord) -> str:
        return without_addresses(super().format(record))

    def format_subject(self, subject: str) -> str:
        return without_addresses(super().format_subject(subject))
