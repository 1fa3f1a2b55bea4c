"""One participant: the page, and what an owner or coordinator may change. Read next: participant_page.py, events.py."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from scheduling.events import move_event
from scheduling.forms import MoveBurstForm, WithdrawForm
from scheduling.participant_page import Person, describe_person
from scheduling.pictures import write_day
from studies.api import Enrollment, describe_study, get_enrollment, get_study, may_change, withdraw


@login_required
@require_safe
def participant_page(request: HttpRequest, study_id: str, participant_id: str) -> HttpResponse:
    """This function will show what one participant did, was told, and has before them."""
    person = _find(request, study_id, participant_id)
    return _show(request, person, _forms(person) if may_change(request.user, person.study) else {})


@login_required
@require_POST
def move_burst(request: HttpRequest, study_id: str, participant_id: str) -> HttpResponse:
    """This function will move one burst of one participant to another date."""
    person = _find(request, study_id, participant_id, to_change=True)
    form = _move_form(person, request.POST)
    if person.enrollment.state == Enrollment.State.WITHDRAWN or not form.is_valid():
        return _show(request, person, {**_forms(person), "move_form": form})
    said = form.cleaned_data
    move_event(person.enrollment, said["burst"], said["to"], now=person.now, actor_id=request.user.pk, why=said["why"])
    messages.success(request, _("Moved to %(day)s.") % {"day": write_day(said["to"])})
    return redirect("participant", study_id, participant_id)


@login_required
@require_POST
def withdraw_participant(request: HttpRequest, study_id: str, participant_id: str) -> HttpResponse:
    """This function will take a participant out of the study."""
    person = _find(request, study_id, participant_id, to_change=True)
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        return _show(request, person, {**_forms(person), "withdraw_form": form})
    withdraw(person.enrollment, now=person.now, actor_id=request.user.pk, why=form.cleaned_data["why"])
    messages.success(request, _("%(code)s is withdrawn. Nothing more goes out to them.") % {"code": person.enrollment.code})
    return redirect("participant", study_id, participant_id)


def _find(request: HttpRequest, study_id: str, participant_id: str, *, to_change: bool = False) -> Person:
    study = get_study(request.user, study_id)
    if to_change and not may_change(request.user, study):
        raise PermissionDenied
    return Person(study, get_enrollment(study, participant_id), timezone.now())


def _show(request: HttpRequest, person: Person, actions: dict[str, Any]) -> HttpResponse:
    context = {"studies_url": reverse("studies"), "study": describe_study(person.study), **describe_person(person), **actions}
    return render(request, "studies/participant.html", context)


def _forms(person: Person) -> dict[str, Any]:
    if person.enrollment.state == Enrollment.State.WITHDRAWN:
        return {}
    place = [person.study.public_id, person.enrollment.public_id]
    return {
        "move_form": _move_form(person, None),
        "move_url": reverse("participant_move", args=place),
        "withdraw_form": WithdrawForm(),
        "withdraw_url": reverse("participant_withdraw", args=place),
    }


def _move_form(person: Person, data: Any) -> MoveBurstForm:
    days = person.design.burst_series[0].extend_to_days
    return MoveBurstForm(data, bursts=person.bursts, movable=person.movable_bursts, days=days, today=person.today, prefix="move")
