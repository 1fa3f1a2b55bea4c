"""The one place that knows every app. Read next: base.py."""

from settings.celery import app as celery_app

__all__ = ["celery_app"]
