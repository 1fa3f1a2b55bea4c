"""`manage.py ingest_events FILE`: what a learning platform wants said, from a file of JSON lines or from standard input."""

import contextlib
import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.ingest import add_up, read_lines, take_in

PROGRESS_EVERY = 1000


class Command(BaseCommand):
    help = "Takes in the notifications that a learning platform asks for. Taken in again, a line changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help=_("a file of JSON lines, or - for standard input"))

    def handle(self, *args: Any, **options: Any) -> None:
        counts: Counter[str] = Counter()
        try:
            with _open(options["file"]) as stream:
                for line in read_lines(stream):
                    add_up(take_in(line, timezone.now()), counts)
                    if counts["lines"] % PROGRESS_EVERY == 0:
                        self.stderr.write(_("lines so far: %(lines)d") % {"lines": counts["lines"]})
        except (OSError, ValueError) as error:
            raise CommandError(
                _("%(file)s cannot be read: %(why)s.")
                % {"file": options["file"], "why": getattr(error, "strerror", None) or type(error).__name__},
                returncode=2,
            ) from error
        words = {
            "lines": _("lines"),
            "notified": _("notified"),
            "kept": _("kept"),
            "nobody": _("for nobody"),
            "refused": _("refused"),
            "again": _("again"),
            "unknown users": _("unknown users skipped"),
        }
        self.stdout.write(", ".join(f"{word}: {counts[name]}" for name, word in words.items()))


def _open(name: str) -> contextlib.AbstractContextManager[BinaryIO]:
    return contextlib.nullcontext(sys.stdin.buffer) if name == "-" else open(name, "rb")
