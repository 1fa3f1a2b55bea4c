"""A researcher's way to a study: create it, import its protocol, see what it means, publish. Read next: scheduling/views.py.

What counts sessions and draws bursts lies in an app that knows this one, so the settings name it (STUDIES).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from studies.access import get_study, may_change, may_create, may_research, visible_studies
from studies.description import describe_study
from studies.fact_words import tell
from studies.forms import DocumentForm, PublishForm, StudyForm, example_of
from studies.models import Enrollment, ProtocolVersion, Study
from studies.protocol import Problem
from studies.publishing import NotPublishable, ProtocolError, create_study, import_protocol, protocol_of, publish
from studies.text_previews import previews_of


@login_required
@require_safe
def study_list(request: HttpRequest) -> HttpResponse:
    """This function will list the studies in which the reader has a role, with how they stand."""
    if not may_research(request.user):
        raise PermissionDenied
    found = list(visible_studies(request.user).order_by("-created_at", "-pk"))
    figures = import_string(settings.STUDIES["FIGURES"])([study.pk for study in found], timezone.now())
    published = ProtocolVersion.objects.filter(study__in=found, published_at__isnull=False).order_by("number")
    versions = dict(published.values_list("study_id", "number"))
    studies = [{**figures[study.pk], **describe_study(study), "version": versions.get(study.pk)} for study in found]
    context = {"studies": studies, "may_create": may_create(request.user), "new_url": reverse("study_new")}
    return render(request, "studies/study_list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def study_new(request: HttpRequest) -> HttpResponse:
    """This function will create a study owned by the reader, and lead on to its protocol."""
    if not may_create(request.user):
        raise PermissionDenied
    form = StudyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        study = create_study(**form.cleaned_data, owner_id=_person_id(request), now=timezone.now())
        return redirect("study_import", study.public_id)
    return render(request, "studies/study_new.html", {"form": form, "studies_url": reverse("studies")})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def study_import(request: HttpRequest, study_id: str) -> HttpResponse:
    """This function will take a protocol document, name every problem in it, and show what the newest one means."""
    study = _study_to_change(request, study_id)
    form = DocumentForm(request.POST, request.FILES) if request.method == "POST" else DocumentForm()
    problems: list[Problem] = []
    if form.is_valid():
        try:
            version = import_protocol(study, form.cleaned_data["document"], actor_id=_person_id(request), now=timezone.now())
        except ProtocolError as error:
            problems = error.problems
        else:
            said = _("Imported as version %(number)d. Nobody is told anything before you publish.")
            messages.success(request, said % {"number": version.number})
            return redirect("study_import", study.public_id)
    newest = study.versions.order_by("-number").first()
    context = {
        **_place(study),
        "form": form,
        "problems": [{"path": problem.path, "message": _(problem.template) % problem.values} for problem in problems],
        "summary": _sum_up(newest, request) if newest and not problems and not form.errors else None,
        "publish_url": reverse("study_publish", args=[study.public_id]) if newest and newest.published_at is None else "",
    }
    return render(request, "studies/study_import.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def study_publish(request: HttpRequest, study_id: str) -> HttpResponse:
    """This function will show once more what is about to be published, and publish it when that is confirmed."""
    study = _study_to_change(request, study_id)
    draft = study.versions.order_by("-number").first()
    if draft is None or draft.published_at is not None:
        messages.info(request, _("There is nothing to publish: import a document first."))
        return redirect("study_import", study.public_id)
    staying = study.enrollments.exclude(state=Enrollment.State.WITHDRAWN).count()
    ask = partial(PublishForm, is_anybody_in=staying > 0)
    form = ask(request.POST if request.method == "POST" else None, initial={"version": draft.number})
    if form.is_valid():
        for_enrolled = form.cleaned_data.get("applies_to") == "all"
        if form.cleaned_data["version"] == draft.number and _publish(draft, _person_id(request), timezone.now(), for_enrolled):
            messages.success(request, _("Version %(number)d is published.") % {"number": draft.number})
            return redirect("study", study.public_id)
        form = ask({"version": draft.number, "applies_to": form.cleaned_data.get("applies_to")})
        form.add_error(None, _("Another document was imported meanwhile. This is the newest: look again before you publish."))
    meaning = tell(protocol_of(draft))
    context = {
        **_place(study),
        "version": {"number": draft.number, "digest": _fingerprint(draft)},
        "facts": meaning.rows,
        "assumptions": meaning.assumptions,
        "previews": previews_of(protocol_of(draft), timezone.localdate()),
        "effects": _effects(study, draft, staying),
        "for_enrolled": _effects_for_enrolled(draft) if staying else [],
        "form": form,
        "import_url": reverse("study_import", args=[study.public_id]),
    }
    return render(request, "studies/study_publish.html", context)


@login_required
@require_safe
def study_export(request: HttpRequest, study_id: str, number: int) -> HttpResponse:
    """This function will give a version's protocol document as a file, to whoever has a role in the study."""
    study = get_study(request.user, study_id)
    version = get_object_or_404(study.versions, number=number)
    name = f"{version.document['id']}-{number}.json"
    answer = HttpResponse(json.dumps(version.document, ensure_ascii=False, indent=2) + "\n", content_type="application/json")
    answer.headers["Content-Disposition"] = content_disposition_header(True, name) or ""
    return answer


def _study_to_change(request: HttpRequest, study_id: str) -> Study:
    study = get_study(request.user, study_id)
    if not may_change(request.user, study):
        raise PermissionDenied
    return study


def _person_id(request: HttpRequest) -> int:
    return int(request.user.pk or 0)


def _place(study: Study) -> dict[str, Any]:
    return {"study": describe_study(study), "studies_url": reverse("studies")}


def _publish(version: ProtocolVersion, actor_id: int, now: datetime, for_enrolled: bool) -> bool:
    try:
        publish(version, actor_id=actor_id, now=now, for_enrolled=for_enrolled)
    except NotPublishable:
        return False
    return True


def _sum_up(version: ProtocolVersion, request: HttpRequest) -> dict[str, Any]:
    protocol = protocol_of(version)
    form, enrolled_date, zone = example_of(request.GET)
    meaning = tell(protocol)
    return {
        "number": version.number,
        "export_url": reverse("study_export", args=[version.study.public_id, version.number]),
        "facts": meaning.rows,
        "assumptions": meaning.assumptions,
        "previews": previews_of(protocol, enrolled_date),
        "example_form": form,
        "timeline": import_string(settings.STUDIES["PICTURE"])(protocol, enrolled_date, zone),
    }


def _effects(study: Study, draft: ProtocolVersion, staying: int) -> list[str]:
    effects = [_("People who enroll from now on follow version %(number)d.") % {"number": draft.number}]
    if study.state == Study.State.DRAFT:
        effects.insert(0, _("The study goes live and takes participants."))
    if staying:
        said = ngettext(
            "%(count)d participant stays with the version they follow, unless you choose otherwise below.",
            "%(count)d participants stay with the version they follow, unless you choose otherwise below.",
            staying,
        )
        effects.append(said % {"count": staying})
    return [*effects, _("Publishing itself sends nothing to anybody.")]


def _effects_for_enrolled(draft: ProtocolVersion) -> list[str]:
    found = import_string(settings.STUDIES["AMEND_PREVIEW"])(draft, timezone.now())
    unmoved = found.people - found.moved
    moved = ngettext("%(count)d participant gets other dates.", "%(count)d participants get other dates.", found.moved)
    same = ngettext("%(count)d participant keeps every date.", "%(count)d participants keep every date.", unmoved)
    kept = ngettext(
        "For %(count)d participant a day that has come stays where it was, although the new design would have moved it.",
        "For %(count)d participants days that have come stay where they were, although the new design would have moved them.",
        found.kept,
    )
    told = [same % {"count": unmoved}] if unmoved else []
    told += [moved % {"count": found.moved}] if found.moved else []
    told += [kept % {"count": found.kept}] if found.kept else []
    if found.gained:
        told.append(_("Everybody gains these events: %(events)s.") % {"events": ", ".join(found.gained)})
    if found.lost:
        told.append(_("These events are gone for everybody, with their sessions: %(events)s.") % {"events": ", ".join(found.lost)})
    return [*told, _("Rules and texts of nudges change with the next run. Sessions that were done stay done.")]


def _fingerprint(version: ProtocolVersion) -> str:
    return hashlib.sha256(json.dumps(version.document, sort_keys=True).encode()).hexdigest()[:16]
