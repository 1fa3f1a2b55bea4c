"""Ends the account of a person who asked for it, by an operator. Read next: accounts/personal_data.py."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User
from accounts.personal_data import erase


class Command(BaseCommand):
    help = "End the account of a person: nothing more is sent, and what names them is erased. It cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError("Nobody has this user name.", returncode=2)
        erase(user, timezone.now(), by_operator=True)
        self.stdout.write(f"erased-{user.pk}")
