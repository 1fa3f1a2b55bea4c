"""One study as its team watches it: who stands where, and what was said to them. Read next: monitoring.py, participant_views.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from channels_ace.api import local_now, parse_zone, sentence
from scheduling import monitoring
from scheduling.day_strip import strip_of
from scheduling.models import NudgeDecision, PlannerRow
from scheduling.pictures import draw_example, write_day
from scheduling.planner import protocol, tracks
from scheduling.texts import Text, count_texts, last_texts, name_series, recent_texts
from studies.api import Enrollment, ProtocolVersion, Study, describe_study, get_study, may_change

RECENT_TEXTS = 25


@login_required
@require_safe
def study_page(request: HttpRequest, study_id: str) -> HttpResponse:
    """This function will show a study: its counts, its bursts, its people, the worst first, and its texts with their reasons."""
    study = get_study(request.user, study_id)
    now = timezone.now()
    chosen = request.GET.get("show", "all")
    chosen = chosen if chosen in monitoring.FILTERS else "all"
    counted = monitoring.count_participants(study, now)
    rows = monitoring.monitored(study, now).filter(monitoring.FILTERS[chosen])
    cursor = request.GET.get("after", "")
    found = monitoring.page(rows, cursor)
    tally = count_texts([study.pk])[study.pk]
    url = reverse("study", args=[study.public_id])
    versions = list(study.versions.order_by("number"))
    published = [version for version in versions if version.published_at is not None]
    context = {
        "studies_url": reverse("studies"),
        "study": {
            **describe_study(study),
            "version": published[-1].number if published else None,
            **(_actions(study, versions) if may_change(request.user, study) else {}),
        },
        "counts": {**counted, "texts_sent": tally.sent, "held_back": tally.held_back, "failed_or_unknown": tally.failed + tally.unknown},
        "timeline": _picture(study, published[-1], now) if published else None,
        "participant_tabs": _tabs(url, chosen, counted) if counted["all"] else [],
        "filter": chosen,
        "participants": describe_participants(study, found.rows, now),
        "first_page_url": f"{url}?show={chosen}#participants" if cursor else "",
        "next_cursor_url": f"{url}?show={chosen}&after={found.next_cursor}#participants" if found.next_cursor else "",
        "texts": [describe_text(study, text) for text in recent_texts(Q(enrollment__study=study), RECENT_TEXTS)],
        "held_back_reasons": [
            {"reason": sentence(reason), "reason_code": reason, "count": count}
            for reason, count in sorted(tally.reasons.items(), key=lambda line: (-line[1], line[0]))
        ],
    }
    return render(request, "studies/study.html", context)


def describe_participants(study: Study, rows: Sequence[Any], now: datetime) -> list[dict[str, Any]]:
    """This function will give what the table shows of each row: two statements for all of them."""
    last = last_texts(row.enrollment_id for row in rows)
    reasons = _reasons_of_today(rows, now)
    return [_describe(study, row, last.get(row.enrollment_id), reasons.get(row.enrollment_id, ""), now) for row in rows]


def describe_text(study: Study, text: Text) -> dict[str, Any]:
    """This function will give what a table shows of one text."""
    reason = sentence(text.reason) if text.reason or text.state in ("planned", "ready") else ""
    return {
        "participant_label": text.code,
        "participant_url": reverse("participant", args=[study.public_id, text.participant_id]),
        "kind": text.kind,
        "at": text.at,
        "zone": text.time_zone or "UTC",
        "state": text.state,
        "reason": reason,
        "reason_code": text.reason,
    }


def name_zone(time_zone: str) -> str:
    """This function will name a participant's zone."""
    return time_zone.replace("_", " ") or _("time zone not known")


def write_time(local: datetime) -> str:
    """This function will write a wall time with its weekday, in no other zone than its own."""
    return _("%(date)s, %(time)s") % {"date": date_format(local, "D j M"), "time": f"{local:%H:%M}"}


def _describe(study: Study, row: Any, last: Any, decided: str, now: datetime) -> dict[str, Any]:
    design = protocol(row.version_id)
    series = design.series(tracks(row.version_id)[row.track].series_id)
    today = monitoring.today_of(row, now)
    enrollment = row.enrollment
    is_told_today = last is not None and last.local_date == today
    reason = "" if is_told_today else row.blocked_by or decided
    return {
        "label": enrollment.code,
        "url": reverse("participant", args=[study.public_id, enrollment.public_id]),
        "zone": name_zone(row.time_zone),
        "local_now": write_time(local_now(now, parse_zone(row.time_zone))) if row.time_zone else "",
        "state": "" if enrollment.state == Enrollment.State.ACTIVE else enrollment.get_state_display(),
        "is_behind": row.is_behind,
        "burst_number": row.burst if row.day is not None else None,
        "burst_count": series.count,
        "series": name_series(row.version_id, series.id),
        "day_number": None if row.day is None else row.day + 1,
        "day_count": series.length_days,
        "next_burst": row.burst_start if row.day is None and row.is_eligible and row.burst_start > today else None,
        "days": strip_of(row, series.length_days),
        "last_text": {"state": last.state or "unknown", "at": last.nudged_at} if last is not None else None,
        "opted_out_at": row.opted_out_at,
        "reason": sentence(reason) if reason else "",
        "reason_code": reason,
    }


def _reasons_of_today(rows: Sequence[PlannerRow], now: datetime) -> Mapping[int, str]:
    dates = {row.enrollment_id: monitoring.today_of(row, now) for row in rows}
    decided = NudgeDecision.objects.filter(enrollment_id__in=list(dates), local_date__in=set(dates.values()), decision="none")
    decided = decided.exclude(rule__startswith="session:")
    return {found.enrollment_id: found.reason for found in decided if found.local_date == dates[found.enrollment_id]}


def _actions(study: Study, versions: Sequence[ProtocolVersion]) -> dict[str, str]:
    is_draft = bool(versions) and versions[-1].published_at is None
    return {
        "import_url": reverse("study_import", args=[study.public_id]),
        "publish_url": reverse("study_publish", args=[study.public_id]) if is_draft else "",
    }


def _tabs(url: str, chosen: str, counted: Mapping[str, int]) -> list[dict[str, Any]]:
    labels = {
        "all": _("Everyone"),
        "in_burst": _("In a burst"),
        "behind": _("Behind"),
        "blocked": _("Cannot be reached"),
        "opted_out": _("Opted out"),
        "withdrawn": _("Withdrawn"),
    }
    return [
        {"key": key, "label": label, "count": counted[key], "url": f"{url}?show={key}#participants", "is_current": key == chosen}
        for key, label in labels.items()
    ]


def _picture(study: Study, version: ProtocolVersion, now: datetime) -> dict[str, Any]:
    """Drawn for a real person, so that dates are real: the first who enrolled; before anybody did, for somebody who does today."""
    first: QuerySet[Enrollment] = study.enrollments.filter(version=version).exclude(time_zone="").order_by("enrolled_date", "pk")
    person = first.first()
    enrolled_date = person.enrolled_date if person else timezone.localdate(now)
    zone = person.time_zone if person else timezone.get_current_timezone_name()
    values = {"date": write_day(enrolled_date), "zone": name_zone(zone)}
    caption = (
        _("Drawn for the first who enrolled, on %(date)s in %(zone)s.")
        if person
        else _("Drawn for somebody who enrolls on %(date)s in %(zone)s.")
    )
    return {**draw_example(protocol(version.pk), enrolled_date, zone), "caption": caption % values}
