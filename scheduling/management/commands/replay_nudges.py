"""`manage.py replay_nudges FILE`: what would be decided about cases in the format of Sage Bridge, one JSON line each."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from scheduling.replay import replay
from scheduling.replay_cases import CaseError, read_cases


class Command(BaseCommand):
    help = "Decides recorded nudge cases again with the production query and writes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help=_("a JSON file of cases, or - for standard input"))
        parser.add_argument(
            "--evaluate",
            choices=["current", "bridge"],
            default="current",
            help=_("current (as this product decides) or bridge (as Sage Bridge did, faults included)"),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            cases = read_cases(_read(options["file"]))
        except CaseError as error:
            raise CommandError(f"{options['file']}: {error}".replace("\n", " "), returncode=2) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise CommandError(_("%(file)s cannot be read: %(why)s.") % {"file": options["file"], "why": why}, returncode=2) from error
        for decision in replay(cases, evaluate=options["evaluate"]):
            self.stdout.write(json.dumps(asdict(decision), ensure_ascii=False))


def _read(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
