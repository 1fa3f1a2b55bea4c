"""`manage.py import_protocol FILE`: check a protocol document, and keep it as a study's next version."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from studies.forms import MOST_BYTES
from studies.json_text import NotJson, read_json
from studies.models import Study
from studies.protocol import ProtocolError, parse
from studies.publishing import NotPublishable, import_protocol, publish
from studies.shipped import shipped_protocols


class Command(BaseCommand):
    help = "Checks a protocol document; with --study it is kept as that study's next version, with --publish it is published."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help=_("a protocol document, or the name of one that is shipped"))
        parser.add_argument("--study", help=_("the id of the study; without it the document is only checked"))
        parser.add_argument("--as", dest="user", help=_("the user name under which the study's record notes it"))
        parser.add_argument("--publish", action="store_true", help=_("new participants join it from now on"))
        parser.add_argument("--for-enrolled", action="store_true", help=_("with --publish: those who are in the study follow it, too"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["for_enrolled"] and not options["publish"]:
            raise CommandError(_("--for-enrolled is said with --publish."), returncode=2)
        document = _read(options["file"])
        try:
            parse(document)
            if options["study"]:
                number = self._keep(document, options)
        except ProtocolError as error:
            for problem in error.problems:
                self.stderr.write(f"{problem.path} {_(problem.template) % problem.values}")
            words = _("%(file)s is not a protocol: %(count)d problems.") % {"file": options["file"], "count": len(error.problems)}
            raise CommandError(words, returncode=2) from error
        if not options["study"]:
            self.stdout.write(_("%(file)s is a protocol.") % {"file": options["file"]})
        else:
            self.stdout.write(_("Kept as version %(number)d.") % {"number": number})

    def _keep(self, document: Any, options: dict[str, Any]) -> int:
        study = Study.objects.filter(public_id=options["study"]).first()
        if study is None:
            raise CommandError(_("There is no study %(id)s.") % {"id": options["study"]}, returncode=2)
        model = get_user_model()
        user = model._default_manager.filter(**{model.USERNAME_FIELD: options["user"] or ""}).first()
        if user is None:
            raise CommandError(_("Say who imports it: --as with a user name that exists."), returncode=2)
        version = import_protocol(study, document, actor_id=user.pk, now=timezone.now())
        if options["publish"]:
            try:
                publish(version, actor_id=user.pk, now=timezone.now(), for_enrolled=options["for_enrolled"])
            except NotPublishable as error:
                raise CommandError(str(error), returncode=2) from error
        return version.number


def _read(name: str) -> Any:
    path = shipped_protocols().get(name) or Path(name)
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise CommandError(_("%(file)s is larger than 1 MB.") % {"file": name}, returncode=2)
        return read_json(content)
    except OSError as error:
        raise CommandError(_("%(file)s cannot be read: %(why)s.") % {"file": name, "why": error.strerror}, returncode=2) from error
    except NotJson as error:
        raise CommandError(_("%(file)s cannot be read: %(why)s.") % {"file": name, "why": f"JSON, {error.code}"}, returncode=2) from error
