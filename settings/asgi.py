"""The door for live updates: `uvicorn settings.asgi:application`. Everything else is served by wsgi.py, whose workers read the database."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.production")
django.setup()

from notifications.api import live_application  # noqa: E402  needs the settings

application = live_application
