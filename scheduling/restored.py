"""Runs of nudges that may have been done in what the database lost (channels_ace/restored.py): they are not done again."""

from datetime import datetime

from scheduling.models import RunLedger
from scheduling.runs import due_runs


def close_lost_runs(now: datetime) -> int:
    """This function will note the runs that a tick would catch up with now as done, and say how many those are.

    Nobody is decided about in them: `find_gaps` names whom that concerns, since some of them may have been nudged and some not.
    """
    lost = due_runs(now)
    RunLedger.objects.bulk_create(
        [RunLedger(version=run.version, rule=run.rule.id, time_zone=run.time_zone, local_date=run.today, ran_at=now) for run in lost],
        update_conflicts=True,
        unique_fields=["version", "rule", "time_zone", "local_date"],
        update_fields=["ran_at"],
    )
    return len(lost)
