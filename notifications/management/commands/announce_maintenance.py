"""`manage.py announce_maintenance START END`: everyone hears when the site will be closed."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_ace.api import EVERYONE
from notifications.notify import notify


class Command(BaseCommand):
    help = "Tells everyone who can sign in when the site will be closed. The same times again are said only once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("starts", help=_("a time with its offset, such as 2026-03-02T22:00:00+01:00"))
        parser.add_argument("ends", help=_("a time with its offset, after the first"))

    def handle(self, *args: Any, starts: str, ends: str, **options: Any) -> None:
        now, first, last = timezone.now(), _instant(starts), _instant(ends)
        if not now < last or not first < last:
            raise CommandError(_("The second time must come after the first, and lie in the future."), returncode=2)
        message = notify(
            type="account.maintenance",
            audience=EVERYONE,
            context={"starts": first.isoformat(), "ends": last.isoformat()},
            idempotency_key=f"maintenance:{first.timestamp():.0f}:{last.timestamp():.0f}",
            expires_at=last,
            now=now,
        )
        self.stdout.write(message.public_id)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(_("“%(text)s” is not a time with its offset.") % {"text": text[:40]}, returncode=2)
    return found
