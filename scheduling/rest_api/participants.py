"""The participants of a study by pages, its design, and what one participant did: for services and staff. Read next: enrollments.py."""

from datetime import UTC
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api import (
    IF_NONE_MATCH,
    UNCHANGED,
    CursorField,
    InstantField,
    Problem,
    Seal,
    StrictSerializer,
    answer_if_changed,
    once,
    read_body,
    read_query,
)
from scheduling.models import Completion
from scheduling.rest_api.access import PEOPLE_AND_SERVICES, SCOPES, SEND, find_enrollment, find_study, is_staff
from scheduling.rest_api.completions import CompletionSerializer
from scheduling.rest_api.enrolling import ENROLLED, MOST, NEWCOMERS, AllEnrolledSerializer, NewcomersSerializer, enroll_from
from scheduling.rest_api.enrollments import EnrollmentSerializer
from studies.api import Enrollment, NotSendable, published_version, send_text

PAGE_SIZE = 100


class ParticipantsQuery(StrictSerializer):
    state = serializers.ChoiceField(Enrollment.State.choices, required=False)
    cursor = CursorField()


class ParticipantsSerializer(serializers.Serializer[Any]):
    items = EnrollmentSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


class ParticipantsView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    def initial(self, request: Request, *arguments: Any, **named: Any) -> None:
        super().initial(request, *arguments, **named)
        # Before the method, as for texts below.
        self.study = find_study(request, named["study_id"], to_change=request.method == "POST")

    @extend_schema(
        operation_id="list_participants",
        summary="The participants of a study, by pages, in the order in which they enrolled",
        tags=["Studies"],
        parameters=[ParticipantsQuery],
        responses=ParticipantsSerializer,
    )
    def get(self, request: Request, study_id: str) -> Response:
        query = read_query(request, ParticipantsQuery)
        seal = Seal(request, "participants", study=study_id, state=query.get("state", ""))
        people = Enrollment.objects.filter(study=self.study, pk__gt=seal.open(query.get("cursor")) or 0)
        if "state" in query:
            people = people.filter(state=query["state"])
        page = list(
            people.select_related("study", "version__amended_by")
            .prefetch_related("data_groups", "attributes")
            .order_by("pk")[: PAGE_SIZE + 1]
        )
        cursor = seal.close(page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else None)
        return Response(ParticipantsSerializer({"items": page[:PAGE_SIZE], "next_cursor": cursor}).data)

    @extend_schema(
        operation_id="enroll_participants",
        summary="Enroll participants",
        description=f"Up to {MOST} at once, all or none: `errors` names each that cannot be taken. From then on every event and session is "
        "known. Who is in the study by the same code stays as they are (200 where nobody is new); who left comes back by `again` alone, "
        "as another enrollment. 409: the study takes nobody now.",
        tags=["Studies"],
        request=NewcomersSerializer,
        responses={201: AllEnrolledSerializer, 200: OpenApiResponse(AllEnrolledSerializer, description="They were all in it before.")},
        examples=[
            OpenApiExample("Two", value=NEWCOMERS, request_only=True),
            OpenApiExample("Enrolled", value=ENROLLED, response_only=True, status_codes=["201"]),
        ],
    )
    @once(required=True)
    def post(self, request: Request, study_id: str) -> Response:
        shown, has_new = enroll_from(request, self.study)
        headers = {"Location": f"/api/v1/enrollments/{shown[0]['id']}/"} if len(shown) == 1 else {}
        return Response({"items": shown}, status=201 if has_new else 200, headers=headers)


class ProtocolView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="get_protocol",
        summary="The published design of a study: its protocol document",
        tags=["Studies"],
        parameters=[IF_NONE_MATCH],
        responses={200: OpenApiTypes.OBJECT, 304: UNCHANGED},
    )
    def get(self, request: Request, study_id: str) -> Response:
        version = published_version(find_study(request, study_id))
        if version is None:
            raise Http404
        return answer_if_changed(request, version.pk, lambda: version.document)


class HistoryQuery(StrictSerializer):
    since = InstantField(required=False, help_text="Only what was recorded then or later.")
    burst = serializers.IntegerField(required=False, min_value=1, max_value=520)
    cursor = CursorField()


class CompletionsSerializer(serializers.Serializer[Any]):
    items = CompletionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


class CompletionsView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="list_completions",
        summary="What a participant started, finished and declined, by pages, in the order in which it was first reported",
        tags=["Studies"],
        parameters=[HistoryQuery],
        responses=CompletionsSerializer,
    )
    def get(self, request: Request, enrollment_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id)
        query = read_query(request, HistoryQuery)
        told = {name: str(query.get(name, "")) for name in ("since", "burst")}
        seal = Seal(request, "completions", enrollment=enrollment_id, **told)
        done = Completion.objects.filter(enrollment=enrollment, pk__gt=seal.open(query.get("cursor")) or 0)
        if "since" in query:
            done = done.filter(recorded_at__gte=query["since"])
        if "burst" in query:
            done = done.filter(burst=query["burst"])
        page = list(done.order_by("pk")[: PAGE_SIZE + 1])
        cursor = seal.close(page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else None)
        return Response(CompletionsSerializer({"items": page[:PAGE_SIZE], "next_cursor": cursor}).data)


class TextBody(StrictSerializer):
    text = serializers.CharField(
        max_length=600,
        help_text="It names the study by {study}, tells how to stop with the word STOP, tells no condition; {link} is our address.",
    )


class TextSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Of the message.")
    sent_at = serializers.DateTimeField(
        default_timezone=UTC, source="created_at", help_text="Handed over; it goes out in the hours for texts."
    )


class TextsView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = {"POST": SEND}

    def initial(self, request: Request, *arguments: Any, **named: Any) -> None:
        super().initial(request, *arguments, **named)
        # Before the method, which asks for a key first: whoever may not send learns nothing, and has nothing repeated.
        self.enrollment = find_enrollment(request, named["enrollment_id"], to_change=True)
        if not is_staff(request, self.enrollment):
            raise PermissionDenied

    @extend_schema(
        operation_id="send_text",
        summary="Send a text to a participant",
        description="Promotional: it goes out in the hours for texts where the participant is, never after a STOP, a withdrawal or a "
        "pause, and counts against what one person gets in a day. 409: nothing can reach them.",
        tags=["Studies"],
        request=TextBody,
        responses={202: TextSerializer},
        examples=[OpenApiExample("A text", value={"text": "{study}: a visit is due. {link} Reply STOP to end texts."}, request_only=True)],
    )
    @once(required=True)
    def post(self, request: Request, enrollment_id: str) -> Response:
        text = read_body(request, TextBody)["text"]
        try:
            message = send_text(self.enrollment, text, key=request.headers["Idempotency-Key"], now=timezone.now())
        except NotSendable as error:
            if error.is_about_text:
                raise ValidationError({"text": error.args}) from error
            raise Problem(409, str(_("Nothing can reach them")), str(error)) from error
        return Response(TextSerializer(message).data, status=202)
