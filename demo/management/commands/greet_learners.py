"""manage.py greet_learners: one announcement to everyone, carried by the real worker."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from notifications.api import notify


class Command(BaseCommand):
    help = "Announces the demo to all learners through the worker; twice says it once."

    def handle(self, *args: Any, **options: Any) -> None:
        message = notify(
            type="other.announcement",
            audience=get_user_model()._default_manager.filter(carillon_platform_user__isnull=False),
            context={"title": "Welcome", "announcement": "This inbox is yours: choose in the settings what reaches you, and where."},
            link="/settings/",
            idempotency_key="demo:welcome",
        )
        self.stdout.write(f"  · greeted the learners ({message.public_id})")
