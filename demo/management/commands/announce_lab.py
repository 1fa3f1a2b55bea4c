"""manage.py announce_lab: one due date to five hundred learners, carried by the real worker."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from demo.people import COURSE
from notifications.api import notify


class Command(BaseCommand):
    help = "Tells all learners of the demo that a lab is due, by inbox, e-mail and push; the same lab twice says it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--lab", default="Lab 3")

    def handle(self, *args: Any, lab: str, **options: Any) -> None:
        due = datetime.now(UTC) + timedelta(days=1)
        learners = get_user_model()._default_manager.filter(carillon_platform_user__isnull=False)
        message = notify(
            type="dates.assignment_due",
            audience=learners,
            context={"assignment": lab, "due_date": due.replace(minute=0, second=0, microsecond=0), "course_name": "Network Science 101"},
            link="https://lms.example.org/courses/course-v1:DemoX+NS101+2026/course",
            scope=COURSE,
            idempotency_key=f"demo:due:{lab}",
        )
        self.stdout.write(f"  · told {learners.count()} learners that {lab} is due ({message.public_id})")
