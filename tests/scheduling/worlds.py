"""Studies to test with, made through the functions a researcher's page calls."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from scheduling.api import tick
from studies.api import Enrollment, Study, create_study, enroll, import_protocol, publish
from tests.factories import make_user

MPOWER = Path(__file__).parents[2] / "studies" / "protocols" / "mpower2.json"


def mpower_document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(MPOWER.read_text())
    return document


def make_study(now: datetime, document: dict[str, Any] | None = None) -> Study:
    owner = make_user()
    study = create_study(name="mPower 2.0", participant_name="Daily Moments", owner_id=owner.pk, now=now)
    publish(import_protocol(study, document or mpower_document(), actor_id=owner.pk, now=now), actor_id=owner.pk, now=now)
    study.refresh_from_db()
    return study


def join(study: Study, now: datetime, *, zone: str = "America/New_York", phone: str | None = "+12065550100", **extra: Any) -> Enrollment:
    person = make_user(time_zone=zone, phone=phone)
    return enroll(study, user_id=person.pk, code=f"P{person.pk:04d}", time_zone=zone, now=now, **extra)


def run_hours(start: datetime, hours: int) -> None:
    """This function will let beat's tick come once an hour."""
    for hour in range(hours):
        tick(start + timedelta(hours=hour))
