"""A person in a study: how they stand, and what may be changed about it. Read next: events.py."""

from datetime import UTC
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_ace.api import UnknownZone, parse_zone
from notifications.api import InstantField, Problem, StrictSerializer, person_id, read_body
from scheduling.events import Who
from scheduling.planner import protocol
from scheduling.rest_api.access import PEOPLE_AND_SERVICES, SCOPES, find_enrollment, who_asks
from scheduling.rest_api.events import WhyField
from scheduling.zones import report_zone
from studies.api import (
    Enrollment,
    NotAllowed,
    attributes_of,
    choose_attributes,
    choose_data_groups,
    give_consent,
    pause,
    resume,
    withdraw,
)

MOST_GROUPS = 100


class ZoneField(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        try:
            return parse_zone(super().to_internal_value(data)).key
        except UnknownZone as error:
            raise ValidationError(_("There is no such time zone. Write a name such as America/New_York.")) from error


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}]})
class AttributeField(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> str | int | bool:
        if isinstance(data, str | int):
            return data
        raise ValidationError(_("Write a text, a whole number, true or false."))

    def to_representation(self, value: Any) -> Any:
        return value


class DataGroupField(serializers.RegexField):
    def __init__(self, **options: Any) -> None:
        super().__init__(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z", **options)


def check_past(told: dict[str, Any], *names: str) -> None:
    """This function will refuse what lies in the future. Raises ValidationError that names the field."""
    if ahead := [name for name in names if told.get(name) and told[name] > timezone.now()]:
        raise ValidationError({name: [_("This lies in the future.")] for name in ahead})


class EnrollmentPatch(StrictSerializer):
    state = serializers.ChoiceField(Enrollment.State.choices, required=False, help_text="Who is withdrawn stays so.")
    time_zone = ZoneField(
        required=False, max_length=64, help_text="What the participant's phone says; the study's policy decides what follows from it."
    )
    data_groups = serializers.ListField(
        child=DataGroupField(),
        required=False,
        max_length=MOST_GROUPS,
        help_text="These and no others.",
    )
    attributes = serializers.DictField(
        child=AttributeField(allow_null=True),
        required=False,
        help_text="Those named change, null takes one away; names and values are the protocol's.",
    )
    consented_at = InstantField(required=False, help_text="When they consented; the first time that was told stands.")
    why = WhyField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.keys() == {"why"}:
            raise ValidationError(_("Say what should change: state, time_zone, data_groups, attributes or consented_at."))
        check_past(attrs, "consented_at")
        return attrs


class EnrollmentSerializer(serializers.Serializer[Enrollment]):
    id = serializers.CharField(source="public_id")
    study = serializers.CharField(source="study.public_id")
    study_name = serializers.CharField(source="study.participant_name", help_text="As participants know it.")
    code = serializers.CharField()
    state = serializers.ChoiceField(Enrollment.State.choices)
    enrolled_at = serializers.DateTimeField(default_timezone=UTC)
    enrolled_date = serializers.DateField(help_text="On the participant's own calendar.")
    withdrawn_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    has_consented = serializers.SerializerMethodField()
    time_zone = serializers.CharField(help_text="Empty while it is not known: then no text goes out.")
    time_zone_policy = serializers.SerializerMethodField()
    data_groups = serializers.SerializerMethodField()
    attributes = serializers.SerializerMethodField()
    protocol_version = serializers.SerializerMethodField(help_text="The one they live by, which may have come after they joined.")

    def get_protocol_version(self, enrollment: Enrollment) -> int:
        return (enrollment.version.amended_by or enrollment.version).number

    def get_has_consented(self, enrollment: Enrollment) -> bool:
        return enrollment.consented_at is not None

    def get_time_zone_policy(self, enrollment: Enrollment) -> str:
        return protocol(enrollment.version_id).time_zone_policy

    def get_data_groups(self, enrollment: Enrollment) -> list[str]:
        return sorted(group.name for group in enrollment.data_groups.all())

    @extend_schema_field(serializers.DictField(child=AttributeField()))
    def get_attributes(self, enrollment: Enrollment) -> dict[str, Any]:
        return attributes_of(enrollment, protocol(enrollment.version_id))


EXAMPLE = {
    "id": "3q2-7wEjRWeJq83vASNFZw",
    "study": "b8LZ0yY8TfqPq1mD3x8mXQ",
    "study_name": "Daily Moments",
    "code": "P0012",
    "state": "active",
    "enrolled_at": "2026-03-02T14:30:00Z",
    "enrolled_date": "2026-03-02",
    "withdrawn_at": None,
    "has_consented": True,
    "time_zone": "America/New_York",
    "time_zone_policy": "follow",
    "data_groups": ["gr_BR_AD", "gr_DT_F", "gr_SC_DB", "gr_ST_T"],
    "attributes": {"handedness": "left", "year_of_birth": 1961},
    "protocol_version": 1,
}


class EnrollmentsSerializer(serializers.Serializer[Any]):
    items = EnrollmentSerializer(many=True)


class EnrollmentsView(APIView):
    @extend_schema(
        operation_id="list_enrollments",
        summary="The studies you are in",
        description="The newest first, with those that you have left. Each id leads to its sessions, events and adherence.",
        tags=["Studies"],
        responses=EnrollmentsSerializer,
        examples=[OpenApiExample("One study", value={"items": [EXAMPLE]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        mine = Enrollment.objects.filter(user_id=person_id(request)).select_related("study", "version__amended_by").order_by("-pk")
        return Response(EnrollmentsSerializer({"items": mine.prefetch_related("data_groups", "attributes")}).data)


class EnrollmentView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="get_enrollment",
        summary="A person in a study",
        tags=["Studies"],
        responses=EnrollmentSerializer,
        examples=[OpenApiExample("One", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: str) -> Response:
        return Response(EnrollmentSerializer(find_enrollment(request, enrollment_id)).data)

    @extend_schema(
        operation_id="change_enrollment",
        summary="Pause, resume, withdraw; report consent and the phone's time zone; choose data groups and attributes",
        description="All that is named changes, or nothing. Withdrawal stops everything at once, also what waits to be sent. Data groups "
        "are chosen by the study's staff and by services; participants report their consent, zone and attributes and change their own "
        "state.",
        tags=["Studies"],
        request=EnrollmentPatch,
        responses=EnrollmentSerializer,
        examples=[OpenApiExample("A phone that has travelled", value={"time_zone": "Asia/Tokyo"}, request_only=True)],
    )
    def patch(self, request: Request, enrollment_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id, to_change=True)
        said = read_body(request, EnrollmentPatch)
        now, who = timezone.now(), who_asks(request, enrollment)
        if enrollment.state == Enrollment.State.WITHDRAWN and said.get("state") != Enrollment.State.WITHDRAWN:
            raise Problem(409, _("This cannot be changed now"), _("They are no longer in this study."))
        with transaction.atomic():
            if "data_groups" in said:
                if not who.is_staff:
                    raise PermissionDenied
                choose_data_groups(enrollment, said["data_groups"], now=now, actor_id=who.actor_id, service=who.service)
            if "attributes" in said:
                _choose(enrollment, said["attributes"], who)
            if "consented_at" in said:
                give_consent(enrollment, said["consented_at"], now=now, actor_id=who.actor_id, service=who.service)
            if "time_zone" in said:
                report_zone(enrollment.user_id, said["time_zone"], now)
            if "state" in said:
                change = {"paused": pause, "active": resume, "withdrawn": withdraw}[said["state"]]
                change(enrollment, now=now, actor_id=who.actor_id, why=said["why"] or who.service)
        return Response(EnrollmentSerializer(find_enrollment(request, enrollment_id)).data)


def _choose(enrollment: Enrollment, values: dict[str, Any], who: Who) -> None:
    try:
        choose_attributes(enrollment, values, now=timezone.now(), actor_id=who.actor_id, service=who.service)
    except NotAllowed as error:
        raise ValidationError({"attributes": {name: [said] for name, said in error.problems.items()}}) from error
