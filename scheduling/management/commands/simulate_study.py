"""`manage.py simulate_study PROTOCOL`: every session, text and held-back text of one whole participation, before anyone takes part."""

import json
import re
from argparse import ArgumentParser
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from channels_ace.api import UnknownZone, parse_zone
from scheduling.events import NotChangeable, UnknownEvent
from scheduling.simulation import PROFILES, Happening, simulate
from studies.api import NotAllowed, Protocol, ProtocolError, shipped_protocols
from studies.protocol import parse


class Command(BaseCommand):
    help = "Lives through a protocol as one participant would and prints what happens; nothing is kept or sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "protocol",
            help=_("a protocol document, or the name of one that is shipped: %(names)s") % {"names": ", ".join(shipped_protocols())},
        )
        parser.add_argument("--profile", choices=list(PROFILES), default="silent", help=_("what the participant does"))
        parser.add_argument("--enroll", required=True, help=_("local date and time of enrollment, as 2026-01-10T23:30"))
        parser.add_argument("--zone", default="UTC", help=_("the participant's time zone, as America/Los_Angeles"))
        parser.add_argument(
            "--event", action="append", default=[], metavar="EVENT=DATE", help=_("an event that somebody dates, as custom:visit=2026-03-01")
        )
        parser.add_argument(
            "--group", action="append", default=[], metavar="NAME", help=_("a data group that the participant is in, such as an arm")
        )
        parser.add_argument(
            "--attribute", action="append", default=[], metavar="NAME=VALUE", help=_("what is known of the participant, as age=70")
        )
        parser.add_argument("--decisions", action="store_true", help=_("also say, day by day, why no text was due"))
        parser.add_argument("--json", action="store_true", help=_("print a JSON object for each line"))

    def handle(self, *args: Any, **options: Any) -> None:
        document = _document(options["protocol"])
        try:
            design = parse(document)
            found = simulate(
                document,
                profile=options["profile"],
                enrolled_local=_wall_time(options["enroll"]),
                zone=_zone(options["zone"]),
                events=dict(_event(said) for said in options["event"]),
                groups=[_group(name, design) for name in options["group"]],
                attributes=dict(_attribute(said, design) for said in options["attribute"]),
            )
        except UnknownEvent as error:
            raise CommandError(_("The protocol has no event %(name)s.") % {"name": error}, returncode=2) from error
        except NotChangeable as error:
            raise CommandError(str(error), returncode=2) from error
        except NotAllowed as error:
            said = " ".join(f"{name}: {why}" for name, why in error.problems.items())
            raise CommandError(said, returncode=2) from error
        except ProtocolError as error:
            raise CommandError("; ".join(str(error).splitlines()), returncode=2) from error
        if not options["decisions"]:
            found = [happening for happening in found if happening.kind != "no_text"]
        for happening in found:
            self.stdout.write(_as_json(happening) if options["json"] else _as_line(happening))
        if not options["json"]:
            counts = {kind: sum(happening.kind == kind for happening in found) for kind in ("session", "text", "held_back")}
            self.stdout.write(_("sessions: %(session)d, texts: %(text)d, held back: %(held_back)d") % counts)


def _event(said: str) -> tuple[str, date]:
    name, _equals, on = said.partition("=")
    try:
        return name, date.fromisoformat(on)
    except ValueError as error:
        raise CommandError(_("%(said)s is no event with its date, as custom:visit=2026-03-01.") % {"said": said}, returncode=2) from error


def _group(name: str, design: Protocol) -> str:
    if name not in design.data_groups:
        known = ", ".join(sorted(design.data_groups)) or "-"
        raise CommandError(_("The protocol has no data group %(name)s, but: %(known)s.") % {"name": name, "known": known}, returncode=2)
    return name


def _attribute(said: str, design: Protocol) -> tuple[str, object]:
    """This function will read NAME=VALUE as the type that the protocol declares; what is of another is left for it to refuse."""
    name, _equals, value = said.partition("=")
    declared = design.attribute(name)
    if declared is not None and declared.type == "boolean":
        return name, {"true": True, "false": False}.get(value, value)
    is_integer = declared is not None and declared.type == "integer" and re.fullmatch(r"-?[0-9]{1,10}", value)
    return name, int(value) if is_integer else value


def _document(name: str) -> dict[str, Any]:
    path = shipped_protocols().get(name) or Path(name)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(_("%(file)s cannot be read: %(why)s.") % {"file": name, "why": error.strerror}, returncode=2) from error
    except (ValueError, RecursionError) as error:
        raise CommandError(_("%(file)s cannot be read: %(why)s.") % {"file": name, "why": "JSON"}, returncode=2) from error
    if not isinstance(document, dict):
        raise CommandError(_("%(file)s cannot be read: %(why)s.") % {"file": name, "why": "JSON"}, returncode=2)
    return document


def _wall_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or not 1970 <= found.year < 2100:
        raise CommandError(_("%(text)s is not a local date and time like 2026-01-10T23:30.") % {"text": text}, returncode=2)
    return found


def _zone(name: str) -> ZoneInfo:
    try:
        return parse_zone(name)
    except UnknownZone as error:
        raise CommandError(_("%(name)s is not a time zone.") % {"name": name}, returncode=2) from error


def _as_line(happening: Happening) -> str:
    return f"{happening.at_local:%Y-%m-%d %H:%M %z}  {happening.kind:9}  {happening.burst:2}  {happening.what}  ({happening.outcome})"


def _as_json(happening: Happening) -> str:
    fields = {"at": happening.at_local.isoformat(), "kind": happening.kind, "burst": happening.burst}
    return json.dumps({**fields, "what": happening.what, "outcome": happening.outcome}, ensure_ascii=False)
