"""Who is to join a study, as a service or its staff says it: a list, of which all are enrolled or none. Read next: participants.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from notifications.api import (
    ExactBooleanField,
    InstantField,
    PersonSerializer,
    Problem,
    ServiceCaller,
    StrictSerializer,
    find_people,
    name_of,
    person_id,
    read_body,
)
from scheduling.events import events_of_all
from scheduling.rest_api.enrollments import (
    EXAMPLE,
    MOST_GROUPS,
    AttributeField,
    DataGroupField,
    EnrollmentSerializer,
    ZoneField,
    check_past,
)
from scheduling.rest_api.events import EXAMPLE as EXAMPLE_EVENT
from scheduling.rest_api.events import EventSerializer
from studies.api import Enrollment, Newcomer, NotEnrollable, NotOpen, Study, enroll_all

MOST = 200


class NewcomerSerializer(PersonSerializer):
    code = serializers.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z",
        trim_whitespace=False,
        help_text="By which the study knows them: unique in it, and nothing of the person's own.",
    )
    consented_at = InstantField(allow_null=True, help_text="null: not yet, and until then no text goes out.")
    enrolled_at = InstantField(required=False, help_text="When their time in the study began, which dates their events; without it, now.")
    time_zone = ZoneField(
        required=False, default="", max_length=64, help_text="Without it, the first that their app reports; until then no text goes out."
    )
    data_groups = serializers.ListField(
        child=DataGroupField(),
        required=False,
        default=list,
        max_length=MOST_GROUPS,
        help_text="Of a list of arms from which none is named, one is drawn.",
    )
    attributes = serializers.DictField(
        child=AttributeField(), required=False, default=dict, help_text="Names and values are the protocol's."
    )
    again = ExactBooleanField(
        required=False, default=False, help_text="Whether somebody who left comes back: as another enrollment, with another code."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_past(attrs, "consented_at", "enrolled_at")
        return super().validate(attrs)


class NewcomersSerializer(StrictSerializer):
    participants = serializers.ListField(child=NewcomerSerializer(), allow_empty=False, max_length=MOST)


class EnrolledSerializer(EnrollmentSerializer):
    is_new = serializers.SerializerMethodField(help_text="false: they were in the study by this code already, and stay as they are.")
    events = serializers.SerializerMethodField()

    def get_is_new(self, enrollment: Enrollment) -> bool:
        is_new: bool = self.context["is_new"][enrollment.pk]
        return is_new

    @extend_schema_field(EventSerializer(many=True))
    def get_events(self, enrollment: Enrollment) -> Any:
        return EventSerializer(self.context["events"][enrollment.pk], many=True).data


class AllEnrolledSerializer(serializers.Serializer[Any]):
    items = EnrolledSerializer(many=True, help_text="In the order of the call.")


NEWCOMERS = {
    "participants": [
        {
            "username": "ana",
            "code": "P0012",
            "consented_at": "2026-03-02T14:20:00Z",
            "enrolled_at": "2026-03-02T14:30:00Z",
            "time_zone": "America/New_York",
            "data_groups": ["gr_ST_T"],
            "attributes": {"handedness": "left"},
        },
        {"platform_id": 102, "code": "P0013", "consented_at": None},
    ]
}
ENROLLED = {"items": [{**EXAMPLE, "is_new": True, "events": [EXAMPLE_EVENT]}]}


def enroll_from(request: Request, study: Study) -> tuple[list[dict[str, Any]], bool]:
    """This function will enroll whom a call names, and give their enrollments as they are shown, and whether any is new.

    Raises ValidationError that names every row which cannot be taken, and Problem.
    """
    rows = read_body(request, NewcomersSerializer)["participants"]
    people = _people(rows)
    with transaction.atomic():
        try:
            found = enroll_all(study, people, now=timezone.now(), **_who(request))
        except NotOpen as error:
            raise Problem(409, _("Nobody can be enrolled now"), _("This study takes nobody now.")) from error
        except NotEnrollable as error:
            raise _refusal(error.problems) from error
        if changed := {place: told for place, (row, one) in enumerate(zip(rows, found, strict=True)) if (told := _other(row, *one))}:
            raise _refusal(changed)
    return _shown(found), any(is_new for _enrollment, is_new in found)


def _people(rows: Sequence[Mapping[str, Any]]) -> list[Newcomer]:
    """This function will find whom each row means. Raises ValidationError that names every row which means nobody, or stands twice."""
    known = find_people(rows)
    closed = set(get_user_model()._default_manager.filter(pk__in=filter(None, known), is_active=False).values_list("pk", flat=True))
    people: list[Newcomer] = []
    bad: dict[int, Mapping[str, Any]] = {}
    for place, (row, user_id) in enumerate(zip(rows, known, strict=True)):
        if user_id is None or user_id in closed:
            bad[place] = {name_of(row): [_("Nobody here is called so.")]}
        elif user_id in known[:place]:
            bad[place] = {name_of(row): [_("This person stands twice.")]}
        else:
            told = {name: row[name] for name in ("code", "time_zone", "consented_at", "attributes", "again")}
            people.append(Newcomer(user_id=user_id, enrolled_at=row.get("enrolled_at"), data_groups=tuple(row["data_groups"]), **told))
    if bad:
        raise _refusal(bad)
    return people


def _other(row: Mapping[str, Any], found: Enrollment, is_new: bool) -> Mapping[str, Any]:
    """This function will say how an enrollment that was found is another than the one that a row asks for."""
    if found.state == Enrollment.State.WITHDRAWN:
        return {"again": [_("They have left this study. Who comes back is enrolled again, with another code.")]}
    if not is_new and found.code != row["code"]:
        return {"code": [_("They are in this study already, as %(code)s.") % {"code": found.code}]}
    return {}


def _shown(found: Sequence[tuple[Enrollment, bool]]) -> list[dict[str, Any]]:
    ids = [enrollment.pk for enrollment, _is_new in found]
    rows = Enrollment.objects.select_related("study", "version__amended_by").prefetch_related("data_groups", "attributes").in_bulk(ids)
    events = events_of_all(rows.values())
    context = {"events": events, "is_new": {enrollment.pk: is_new for enrollment, is_new in found}}
    shown: list[dict[str, Any]] = AllEnrolledSerializer({"items": [rows[pk] for pk in ids]}, context=context).data["items"]
    return shown


def _refusal(problems: Mapping[int, Mapping[str, Any]]) -> ValidationError:
    return ValidationError({"participants": {str(place): dict(told) for place, told in problems.items()}})


def _who(request: Request) -> dict[str, Any]:
    return {"service": request.user.name} if isinstance(request.user, ServiceCaller) else {"actor_id": person_id(request)}
