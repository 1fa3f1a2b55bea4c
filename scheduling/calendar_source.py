"""Study sessions in a participant's own calendar, by the name that participants know and never what is asked. Read next: timeline.py."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from channels_ace.api import local_date, parse_zone
from notifications.api import CalendarEntry, add_calendar_source
from scheduling.timeline import sessions_of
from studies.api import Enrollment


@add_calendar_source
def session_entries(user_id: int, from_: datetime, to: datetime) -> Iterable[CalendarEntry]:
    """This function will give the sessions of the studies that a person is active in."""
    enrollments = Enrollment.objects.select_related("version", "study")
    for enrollment in enrollments.filter(user_id=user_id, state=Enrollment.State.ACTIVE):
        zone = parse_zone(enrollment.time_zone or "UTC")
        days = local_date(from_, zone), local_date(to, zone) + timedelta(days=1)
        for session in sessions_of(enrollment, *days, to):
            yield CalendarEntry(
                uid=f"{enrollment.public_id}-{session.id}",
                title=enrollment.study.participant_name,
                starts=session.opens_at,
                ends=session.closes_at,
                changed_at=enrollment.enrolled_at,
            )
