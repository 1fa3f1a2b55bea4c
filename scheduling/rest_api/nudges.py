"""Who was reminded, or left out by chance, and what they did then. Read next: scheduling/nudge_records.py."""

from datetime import UTC
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api import Seal, read_query
from scheduling.nudge_records import NudgeRecord, nudge_records
from scheduling.rest_api.access import PEOPLE_AND_SERVICES, SCOPES, find_study
from scheduling.rest_api.adherence import CursorQuery

PAGE_SIZE = 200


class WaySerializer(serializers.Serializer[Any]):
    channel = serializers.CharField()
    reason = serializers.CharField(help_text="A stable code.")


class NudgeRecordSerializer(serializers.Serializer[Any]):
    enrollment = serializers.CharField()
    code = serializers.CharField()
    rule = serializers.CharField()
    burst = serializers.IntegerField()
    local_date = serializers.DateField(help_text="On the participant's own calendar.")
    decided_at = serializers.DateTimeField(default_timezone=UTC)
    decision = serializers.CharField(help_text="early, late, cumulative, few or pre_burst; none for who was left out by chance.")
    reason = serializers.CharField()
    probability = serializers.FloatField(help_text="With which a person who was due was reminded.")
    variant = serializers.CharField(help_text="Which text: rule, kind, data group where it has its own, number.")
    channel = serializers.CharField(help_text="By which they were reminded, the last where several were tried; empty for who was left out.")
    passed_over = serializers.SerializerMethodField(help_text="The rule's channels before it that did not do, and why.")
    state = serializers.CharField(help_text="What became of the text.")
    did_24h = serializers.BooleanField(help_text="A session that counts was finished within 24 hours.")
    did_72h = serializers.BooleanField(help_text="The same within 72 hours.")

    @extend_schema_field(WaySerializer(many=True))
    def get_passed_over(self, record: NudgeRecord) -> list[dict[str, str]]:
        return [{"channel": channel, "reason": reason} for channel, reason in record.passed_over]


class NudgeRecordsSerializer(serializers.Serializer[Any]):
    items = NudgeRecordSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


EXAMPLE = {
    "enrollment": "3q2-7wEjRWeJq83vASNFZw",
    "code": "P0012",
    "rule": "missed",
    "burst": 2,
    "local_date": "2026-06-04",
    "decided_at": "2026-06-04T16:00:00Z",
    "decision": "early",
    "reason": "consecutive_missed_threshold_early",
    "probability": 0.5,
    "variant": "missed.early.2",
    "channel": "sms",
    "passed_over": [{"channel": "push", "reason": "no_contact_point"}],
    "state": "delivered",
    "did_24h": True,
    "did_72h": True,
}


class NudgesView(APIView):
    permission_classes = PEOPLE_AND_SERVICES
    scopes = SCOPES

    @extend_schema(
        operation_id="list_nudges",
        summary="Each draw of a nudge with its chance and outcome, by pages, for analysis",
        tags=["Studies"],
        parameters=[CursorQuery],
        responses=NudgeRecordsSerializer,
        examples=[OpenApiExample("One", value={"items": [EXAMPLE], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request, study_id: str) -> Response:
        study = find_study(request, study_id)
        seal = Seal(request, "nudges", study=study_id)
        records = nudge_records(study, after=seal.open(read_query(request, CursorQuery).get("cursor")) or 0, size=PAGE_SIZE + 1)
        cursor = seal.close(records[PAGE_SIZE - 1].id if len(records) > PAGE_SIZE else None)
        return Response(NudgeRecordsSerializer({"items": records[:PAGE_SIZE], "next_cursor": cursor}).data)
