"""A participant's own side: what is to do today, when the next burst is, and which texts came. Read next: participant_page.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from scheduling.participant_page import Person, describe_person
from scheduling.timeline import sessions_of
from studies.api import Enrollment


@login_required
@require_safe
def my_studies(request: HttpRequest) -> HttpResponse:
    """This function will show a person the studies they take part in, in their own words and zone."""
    now = timezone.now()
    mine = Enrollment.objects.filter(user_id=request.user.pk or 0).select_related("study", "version", "user__carillon_recipient")
    people = [Person(enrollment.study, enrollment, now) for enrollment in mine.order_by("-enrolled_at")]
    return render(request, "studies/my_studies.html", {"studies": [_describe(person) for person in people]})


def _describe(person: Person) -> dict[str, Any]:
    described = describe_person(person)
    open_today = sessions_of(person.enrollment, person.today, person.today + timedelta(days=1), person.now)
    coming = next((burst for burst in person.bursts if burst.start_date > person.today), None)
    return {
        "name": person.study.participant_name,
        "is_left": person.enrollment.state == Enrollment.State.WITHDRAWN,
        "left_at": person.enrollment.withdrawn_at,
        "zone": described["participant"]["zone"],
        "zone_name": person.zone.key,
        "today": [
            {
                "label": session.label.get((get_language() or "en").split("-")[0]) or next(iter(session.label.values()), session.task),
                "is_done": session.state == "completed",
                "closes_at": session.closes_at,
            }
            for session in open_today
        ],
        "next_burst": coming,
        "timeline": described["timeline"],
        "bursts": [burst for burst in described["bursts"] if burst["is_current"]],
        "texts": described["texts"],
    }
