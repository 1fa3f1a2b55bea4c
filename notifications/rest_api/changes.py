"""What changed in the inbox since an app last asked: its offline copy is kept equal by this. Read next: readings.py."""

from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.inbox_changes import Moment, Place, StartOver, changes
from notifications.rest_api.authentication import person_id
from notifications.rest_api.cursors import CursorField, Seal
from notifications.rest_api.inbox import EXAMPLE, InboxItemSerializer, shown
from notifications.rest_api.problems import MEDIA_TYPE, Problem
from notifications.rest_api.schema import PROBLEM_REF
from notifications.rest_api.strict import StrictSerializer, read_query

PAGE_SIZE = 100


class ChangesQuery(StrictSerializer):
    since = CursorField(max_length=600, help_text="The `cursor` of the answer before; without it, everything is given from the start.")


class ChangesSerializer(serializers.Serializer[dict[str, Any]]):
    items = InboxItemSerializer(many=True, help_text="As they are now, archived and hidden ones too: each takes the place of the copy's.")
    kept_from = serializers.DateTimeField(default_timezone=UTC, help_text="Items created before this are over: drop them from the copy.")
    has_more = serializers.BooleanField(help_text="Ask on at once with `cursor`.")
    cursor = serializers.CharField(help_text="Keep it with the copy, in one step with what it brought.")


class TooOld(Problem):
    """The copy cannot be brought up to date from its cursor."""

    default_code = "start_over"


class ChangesView(APIView):
    @extend_schema(
        operation_id="list_inbox_changes",
        summary="What is new, read, unread, archived, back from a snooze or over since a cursor",
        description="For a copy that works offline. Put each item in the place of the copy's of the same id, drop what was created "
        "before `kept_from`, and keep `cursor`: the copy is then equal to the inbox, whatever was committed meanwhile and however late. "
        "An item may come again unchanged. Of items that were read by “mark all”, `read_at` is not brought again when all is marked once "
        "more. 410 with the type `urn:carillon:problem:start_over`: drop the copy and begin without a cursor.",
        tags=["Inbox"],
        parameters=[ChangesQuery],
        responses={200: ChangesSerializer, (410, MEDIA_TYPE): OpenApiResponse(PROBLEM_REF, description="The cursor is too old.")},
        examples=[
            OpenApiExample(
                "One change",
                value={"items": EXAMPLE["items"], "kept_from": "2026-01-01T12:00:00Z", "has_more": False, "cursor": "W10:c2ln"},
                response_only=True,
                status_codes=["200"],
            )
        ],
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, ChangesQuery)
        seal = Seal(request, "inbox-changes")
        since = _read(seal.open(query.get("since"), "since"))
        try:
            found = changes(person_id(request), timezone.now(), since, size=PAGE_SIZE)
        except StartOver as error:
            raise TooOld(410, _("This cursor is too old"), _("Drop the copy and begin without a cursor.")) from error
        language = translation.get_language() or settings.LANGUAGE_CODE
        answer = {
            "items": [shown(item, language) for item in found.items],
            "kept_from": found.kept_from,
            "has_more": found.more is not None,
            "cursor": seal.close(_written(found.more or found.to)),
        }
        return Response(answer)


def _written(where: Moment | Place) -> list[Any]:
    moments = [where.since, where.to] if isinstance(where, Place) else [where]
    below = [where.below] if isinstance(where, Place) else []
    told = [[one.isoformat() if isinstance(one, datetime) else one for one in astuple(moment)] if moment else None for moment in moments]
    return [*told, *below]


def _read(told: list[Any] | None) -> Moment | Place | None:
    if told is None:
        return None
    if len(told) == 1:
        return _moment(told[0])
    return Place(_moment(told[0]) if told[0] else None, _moment(told[1]), told[2])


def _moment(told: list[Any]) -> Moment:
    database, number, at, read_through, marked_at, kept_days = told
    marked = datetime.fromisoformat(marked_at) if marked_at else None
    return Moment(database, number, datetime.fromisoformat(at), read_through, marked, kept_days)
