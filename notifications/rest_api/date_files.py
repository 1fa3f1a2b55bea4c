"""Course dates sent as a file: a table or a calendar as the body of a call. Read next: dates.py, notifications/date_rows.py."""

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import BaseParser

from notifications.date_import import BadRow, Row
from notifications.date_rows import Unreadable, is_calendar, read_dates
from notifications.rest_api.parsing import TooLarge, require_utf8

# A call is answered while its caller waits; larger files are for `manage.py import_dates`.
MOST_BYTES = 1_048_576
MOST_ROWS = 5_000


class CSVParser(BaseParser):
    """Gives the bytes of a table as they are."""

    media_type = "text/csv"
    of_calendars = False

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        require_utf8(media_type or "")
        body: bytes = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise TooLarge(_("The body is larger than %(most)d bytes.") % {"most": MOST_BYTES})
        if is_calendar(body) != self.of_calendars:
            raise ValidationError(_("The body is not what Content-Type says."))
        return body


class CalendarParser(CSVParser):
    """Gives the bytes of a calendar as they are."""

    media_type = "text/calendar"
    of_calendars = True


def read_file(course_key: str, data: bytes) -> tuple[str, list[Row], list[BadRow]]:
    """This function will read a file of one course: by what its rows are counted, those that can be taken, and the others.

    Raises ValidationError for a file that cannot be read at all.
    """
    try:
        rows, bad = read_dates(data, course_key=course_key, most_rows=MOST_ROWS)
    except Unreadable as error:
        raise ValidationError(str(error)) from error
    strange = [BadRow(row.number, _("It is a date of another course.")) for row in rows if row.course_key != course_key]
    own = [row for row in rows if row.course_key == course_key]
    return "events" if is_calendar(data) else "lines", own, [*bad, *strange]
