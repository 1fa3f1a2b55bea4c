"""`manage.py rotate_keys`: everything by older keys is written anew by the newest. Read next: key_rotation.py, index_rotation.py."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from channels_ace.checks import check_field_keys, check_index_keys
from channels_ace.crypto import MOVING, index_rotation
from channels_ace.index_rotation import index_columns, move
from channels_ace.key_rotation import Column, encrypted_columns, rotate

# Enough to find them by; a key that was thrown away too early leaves many.
NAMED = 5


class Command(BaseCommand):
    help = (
        "Encrypts anew, by the first of FIELD_KEYS, what an older one encrypted, and moves every address under the last of "
        "FIELD_INDEX_OUTER_KEYS. Safe beside running workers, and to be run again after it was stopped. "
        "Ends with 0 when an older key is needed no more, with 1 when some values are left by it or opened by none."
    )
    # The check that every command makes first refuses the same keys with a trace.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help=_("only count what an older key encrypted"))

    def handle(self, *args: Any, dry_run: bool = False, **options: Any) -> None:
        wrong = check_field_keys(None) + check_index_keys(None)
        if wrong:
            raise CommandError(str(wrong[0].msg), returncode=2)
        columns = encrypted_columns()
        for column in columns:
            for so_far in rotate(column, dry_run=dry_run):
                self.stderr.write(_("%(column)s: %(values)d values so far") % {"column": so_far.label, "values": so_far.values})
            self._tell(column)
        # Before any complaint about the other keys: nobody waits for those.
        below = self._move_indexes(is_dry=dry_run or index_rotation() != MOVING)
        left = sum(column.by_older - column.rewritten for column in columns)
        unreadable = sum(len(column.unreadable) for column in columns)
        if unreadable:
            raise CommandError(_("%(count)d values are opened by no key of FIELD_KEYS.") % {"count": unreadable}, returncode=1)
        if left:
            # Of a run without --dry-run: somebody changed them in the same moment.
            raise CommandError(_("%(count)d values are by an older key. Run this without --dry-run.") % {"count": left}, returncode=1)
        if below:
            words = _("%(count)d values are found by an older index key. Set FIELD_INDEX_ROTATION=move, and run this without --dry-run.")
            raise CommandError(words % {"count": below}, returncode=1)
        if index_rotation() == MOVING:
            self.stdout.write(_("Every value is found by the newest index key. FIELD_INDEX_ROTATION may be empty again."))
        if len(settings.FIELD_KEYS) > 1:
            self.stdout.write(_("Every value is by the first key. The others may go."))

    def _move_indexes(self, *, is_dry: bool) -> int:
        columns = index_columns()
        for column in columns:
            for so_far in move(column, dry_run=is_dry):
                self.stderr.write(_("%(column)s: %(values)d values so far") % {"column": so_far.label, "values": so_far.older})
            words = _("%(column)s: %(older)d values found by an older index key, %(moved)d moved")
            self.stdout.write(words % {"column": column.label, "older": column.older, "moved": column.moved})
        return sum(column.older - column.moved for column in columns)

    def _tell(self, column: Column) -> None:
        words = _("%(column)s: %(values)d values, %(newest)d by the first key, %(older)d by an older one, %(rewritten)d written anew")
        counts = {"values": column.values, "newest": column.by_newest, "older": column.by_older, "rewritten": column.rewritten}
        self.stdout.write(words % {"column": column.label, **counts})
        if column.unreadable:
            keys = ", ".join(str(key) for key in column.unreadable[:NAMED])
            self.stderr.write(_("%(column)s: no key opens the rows %(keys)s …") % {"column": column.label, "keys": keys})
