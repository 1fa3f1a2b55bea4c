"""`manage.py import_dates FILE`: course dates from CSV or iCalendar, all of them or none."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.date_import import BadDates, import_dates
from notifications.date_rows import LARGEST, read_dates


class Command(BaseCommand):
    help = "Takes in course dates from a CSV or iCalendar file. Taken in again, a date that has not changed stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help=_("a CSV or iCalendar file"))
        parser.add_argument("--course", default="", help=_("the course of dates that name none"))
        parser.add_argument("--dry-run", action="store_true", help=_("only tell what would change"))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows, bad = read_dates(_read(Path(options["file"])), course_key=options["course"])
            self.stderr.write(_("rows read: %(rows)d") % {"rows": len(rows) + len(bad)})
            counts = import_dates(rows, timezone.now(), bad=bad, dry_run=options["dry_run"])
        except BadDates as error:
            if options["dry_run"]:
                for row in error.rows:
                    self.stdout.write(_("row %(number)d: %(reason)s") % {"number": row.number, "reason": row.reason})
            first = error.rows[0]
            words = _("%(bad)d rows cannot be taken, so none was; the first is row %(number)d: %(reason)s")
            raise CommandError(words % {"bad": len(error.rows), "number": first.number, "reason": first.reason}, returncode=2) from error
        except IntegrityError as error:
            raise CommandError(_("Another import of the same dates is under way; nothing was written."), returncode=2) from error
        except (OSError, ValueError) as error:
            why = (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
            raise CommandError(_("%(file)s cannot be read: %(why)s") % {"file": options["file"], "why": why}, returncode=2) from error
        words = _("new: %(new)d, moved: %(moved)d, changed: %(changed)d, the same: %(same)d")
        self.stdout.write(words % vars(counts))


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST + 1)
