"""`manage.py export_protocol STUDY`: a version's protocol document, as it was imported."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from studies.models import ProtocolVersion


class Command(BaseCommand):
    help = "Prints the protocol document of a study's newest version, or of the one that is named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help=_("the id of the study"))
        parser.add_argument("--number", type=int, help=_("the number of the version"))

    def handle(self, *args: Any, **options: Any) -> None:
        versions = ProtocolVersion.objects.filter(study__public_id=options["study"]).order_by("-number")
        if options["number"] is not None:
            versions = versions.filter(number=options["number"])
        version = versions.first()
        if version is None:
            raise CommandError(_("There is no such version of a study %(id)s.") % {"id": options["study"]}, returncode=2)
        self.stdout.write(json.dumps(version.document, ensure_ascii=False, indent=2))
