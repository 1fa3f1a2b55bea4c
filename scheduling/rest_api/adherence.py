"""How much of what was due a participant did, by day, burst and study. Read next: scheduling/adherence.py."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api import CursorField, Seal, StrictSerializer, read_query
from scheduling.adherence import BurstSummary, DaySummary, Progress, SessionState, StudySummary, Summary
from scheduling.rest_api.access import PEOPLE_AND_SERVICES, SCOPES, find_enrollment, find_study
from scheduling.timeline import adherence_of
from studies.api import Enrollment

PAGE_SIZE = 100


class CursorQuery(StrictSerializer):
    cursor = CursorField()


class SummarySerializer(serializers.Serializer[Any]):
    percent = serializers.IntegerField(help_text="Completed of due sessions, rounded down; 100 while nothing was due.")
    completed = serializers.IntegerField()
    due = serializers.IntegerField(help_text="Open, started, completed, abandoned, expired and declined ones.")
    progress = serializers.ChoiceField([progress.value for progress in Progress])


class DaySerializer(SummarySerializer):
    day = serializers.IntegerField(help_text="Of the burst, from 1.")
    date = serializers.DateField(help_text="On the participant's own calendar.")
    is_extension = serializers.BooleanField()
    sessions = serializers.DictField(
        child=serializers.ChoiceField([state.value for state in SessionState]), help_text="State by session id."
    )


class BurstSerializer(SummarySerializer):
    series = serializers.CharField()
    burst = serializers.IntegerField()


class BurstOfDaysSerializer(BurstSerializer):
    days = DaySerializer(many=True)


class AdherenceSerializer(SummarySerializer):
    bursts = BurstOfDaysSerializer(many=True)


class ParticipantSerializer(SummarySerializer):
    enrollment = serializers.CharField()
    code = serializers.CharField()
    bursts = BurstSerializer(many=True)


class StudyAdherenceSerializer(serializers.Serializer[Any]):
    items = ParticipantSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


EXAMPLE = {"percent": 71, "completed": 10, "due": 14, "progress": "in_progress"}


class AdherenceView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="get_adherence",
        summary="A participant's adherence by day, burst and study",
        description="Days added to a burst are listed, and what was done on them counts; nobody owes them.",
        tags=["Studies"],
        responses=AdherenceSerializer,
        examples=[OpenApiExample("In all", value={**EXAMPLE, "bursts": []}, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: str) -> Response:
        enrollment = find_enrollment(request, enrollment_id)
        found = adherence_of([enrollment], timezone.now())[enrollment.pk]
        return Response(
            AdherenceSerializer({**_sum(found.summary), "bursts": [_burst(burst, with_days=True) for burst in found.bursts]}).data
        )


class StudyAdherenceView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="list_adherence",
        summary="The adherence of a study's participants by burst, by pages",
        description="Who is withdrawn is left out. A page takes the same number of questions to the database however many are on it.",
        tags=["Studies"],
        parameters=[CursorQuery],
        responses=StudyAdherenceSerializer,
    )
    def get(self, request: Request, study_id: str) -> Response:
        study = find_study(request, study_id)
        seal = Seal(request, "adherence", study=study_id)
        after = seal.open(read_query(request, CursorQuery).get("cursor")) or 0
        taking_part = Enrollment.objects.filter(study=study, pk__gt=after).exclude(state=Enrollment.State.WITHDRAWN)
        page = list(taking_part.order_by("pk")[: PAGE_SIZE + 1])
        shown = page[:PAGE_SIZE]
        found = adherence_of(shown, timezone.now())
        items = [_participant(enrollment, found[enrollment.pk]) for enrollment in shown]
        cursor = seal.close(shown[-1].pk if len(page) > PAGE_SIZE else None)
        return Response(StudyAdherenceSerializer({"items": items, "next_cursor": cursor}).data)


def _participant(enrollment: Enrollment, found: StudySummary) -> dict[str, Any]:
    bursts = [_burst(burst, with_days=False) for burst in found.bursts]
    return {"enrollment": enrollment.public_id, "code": enrollment.code, **_sum(found.summary), "bursts": bursts}


def _burst(burst: BurstSummary, *, with_days: bool) -> dict[str, Any]:
    days = {"days": [_day(day) for day in burst.days]} if with_days else {}
    return {"series": burst.series_id, "burst": burst.number, **_sum(burst.summary), **days}


def _day(day: DaySummary) -> dict[str, Any]:
    return {"day": day.day, "date": day.date, "is_extension": day.is_extension, "sessions": day.states, **_sum(day.summary)}


def _sum(summary: Summary) -> dict[str, Any]:
    return {"percent": summary.percent, "completed": summary.completed, "due": summary.due, "progress": summary.progress}
