"""One participant: the page, and what an owner or coordinator may change. Read next: participant_page.py, events.py."""

from __future__ import annotations

from datetime import timedelta
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

from scheduling.events import NotChangeable, Who, restore_event, set_event
from scheduling.forms import DayForm, MoveBurstForm, PauseForm, RemoveBurstForm, WithdrawForm
from scheduling.participant_page import Person, describe_day, describe_person
from scheduling.pictures import write_day
from studies.api import Enrollment, describe_study, get_enrollment, get_study, may_change, pause, resume, withdraw


@login_required
@require_safe
def participant_page(request: HttpRequest, study_id: str, participant_id: str) -> HttpResponse:
    """This function will show what one participant did, was told and has before them, and why they were told or not on a day."""
    person = _find(request, study_id, participant_id)
    form = DayForm(request.GET if "day" in request.GET else None)
    told = {"day_form": form, "explained": describe_day(person, form.cleaned_data["day"]) if form.is_valid() else None}
    return _show(request, person, {**told, **(_forms(person) if may_change(request.user, person.study) else {})})


@login_required
@require_POST
def move_burst(request: HttpRequest, study_id: str, participant_id: str) -> HttpResponse:
    """This function will move one burst of one participant to another date."""
    person = _find(request, study_id, participant_id, to_change=True)
    form = _move_form(person, request.POST)
    if person.enrollment.state == Enrollment.State.WITHDRAWN or not form.is_valid():
        return _show(request, person, {**_forms(person), "move_form": form})
    said = form.cleaned_data
    # With a delay the burst starts after its event.
    burst = next(burst for burst in person.bursts if burst.event_id == said["burst"])
    series = person.design.series(burst.series_id)
    on = said["to"] - timedelta(days=series.delay_days if series.origins else 0)
    try:
        set_event(person.enrollment, said["burst"], on, now=person.now, who=_who(request), why=said["why"])
    except NotChangeable as error:
        form.add_error(None, str(error))
        return _show(request, person, {**_forms(person), "move_form": form})
    messages.success(request, _("Moved to %(day)s.") % {"day": write_day(said["to"])})
    return redirect("participant", study_id, participant_id)


@login_required
@require_POST
def remove_burst(request: HttpRequest, study_id: str, participant_id: str) -> HttpResponse:
    """This function will remove one burst of one participant, or give a removed one back."""
    person = _find(request, study_id, participant_id, to_change=True)
    form = _remove_form(person, request.POST)
    if person.enrollment.state == Enrollment.State.WITHDRAWN or not form.is_valid():
        return _show(request, person, {**_forms(person), "remove_form": form})
    said = form.cleaned_data
    is_back = said["burst"] in person.removed_events
    try:
        if is_back:
            restore_event(person.enrollment, said["burst"], now=person.now, who=_who(request), why=said["why"])
        else:
            set_event(person.enrollment, said["burst"], None, now=person.now, who=_who(request), why=said["why"])
    except NotChangeable as error:
        form.add_error(None, str(error))
        return _show(request, person, {**_forms(person), "remove_form": form})
    messages.success(
        request, _("The burst is back on its date.") if is_back else _("The burst is removed. The others stay where they are.")
    )
    return redirect("participant", study_id, participant_id)


@login_required
@require_POST
def pause_participant(request: HttpRequest, study_id: str, participant_id: str) -> HttpResponse:
    """This function will let a participant rest, or end their rest."""
    person = _find(request, study_id, participant_id, to_change=True)
    form = PauseForm(request.POST, prefix="pause")
    if person.enrollment.state == Enrollment.State.WITHDRAWN or not form.is_valid():
        return _show(request, person, {**_forms(person), "pause_form": form})
    is_paused = person.enrollment.state == Enrollment.State.PAUSED
    (resume if is_paused else pause)(person.enrollment, now=person.now, actor_id=request.user.pk, why=form.cleaned_data["why"])
    words = _("%(code)s takes part again.") if is_paused else _("%(code)s is paused. No text goes out to them.")
    messages.success(request, words % {"code": person.enrollment.code})
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
        "remove_form": _remove_form(person, None),
        "remove_url": reverse("participant_remove", args=place),
        "pause_form": PauseForm(prefix="pause"),
        "pause_url": reverse("participant_pause", args=place),
        "is_paused": person.enrollment.state == Enrollment.State.PAUSED,
        "withdraw_form": WithdrawForm(),
        "withdraw_url": reverse("participant_withdraw", args=place),
    }


def _move_form(person: Person, data: Any) -> MoveBurstForm:
    days = {series.id: series.extend_to_days for series in person.design.burst_series}
    return MoveBurstForm(
        data,
        version_id=person.enrollment.version_id,
        bursts=person.bursts,
        movable=person.movable_bursts,
        days=days,
        today=person.today,
        prefix="move",
    )


def _remove_form(person: Person, data: Any) -> RemoveBurstForm:
    version_id = person.enrollment.version_id
    return RemoveBurstForm(data, version_id=version_id, movable=person.movable_bursts, removed=person.removed_events, prefix="remove")


def _who(request: HttpRequest) -> Who:
    return Who(actor_id=request.user.pk, is_staff=True)
