"""That something was seen, read or archived: one item, all of them, all up to one; and taking it back. Read next: explanation.py."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import inbox, inbox_marks
from notifications.inbox_undo import TooLate, undo, undo_archive_read, undo_read_all
from notifications.models import InboxItem
from notifications.rest_api import counts
from notifications.rest_api.authentication import person_id
from notifications.rest_api.bell_tokens import WITH_BELLS
from notifications.rest_api.callers import app_key
from notifications.rest_api.idempotency import once
from notifications.rest_api.inbox import get_item
from notifications.rest_api.problems import Problem
from notifications.rest_api.strict import EmptySerializer, InstantField, StrictSerializer, read_body
from notifications.snooze_times import LONGEST, SHORTEST

ITEM_ID = r"\A[A-Za-z0-9_-]{1,22}\Z"


class ThroughSerializer(StrictSerializer):
    through = serializers.RegexField(ITEM_ID, help_text="The id of the newest item that is meant.")


class SeeingSerializer(StrictSerializer):
    through = serializers.RegexField(ITEM_ID, required=False, help_text="The id of the newest item that is shown.")


class MarkedSerializer(counts.CountsSerializer):
    undo = serializers.CharField(allow_null=True, help_text="Takes it back within ten minutes; null where nothing has changed.")


class UndoSerializer(StrictSerializer):
    undo = serializers.CharField(max_length=2_000)


THROUGH = OpenApiExample("Up to an item", value={"through": "3q2-7wEjRWeJq83vASNFZw"}, request_only=True)
MARKED_VALUE: dict[str, Any] = {**counts.EXAMPLE.value, "undo": "eyJyZWFkIjpbN119:1vxQ2f:c2lnbmF0dXJl"}
MARKED = OpenApiExample("Counts", value=MARKED_VALUE, response_only=True)


class SnoozeSerializer(StrictSerializer):
    until = InstantField()


class ReadingView(APIView):
    authentication_classes = WITH_BELLS

    @extend_schema(
        operation_id="mark_read",
        summary="Mark an item as read; twice changes nothing",
        tags=["Inbox"],
        request=None,
        responses={204: None},
    )
    def post(self, request: Request, item_id: str) -> Response:
        read_body(request, EmptySerializer)
        now = timezone.now()
        inbox_marks.mark_read([get_item(request, item_id, now)], now, by=app_key(request))
        return Response(status=204)

    @extend_schema(operation_id="mark_unread", summary="Mark an item as unread", tags=["Inbox"], responses={204: None})
    def delete(self, request: Request, item_id: str) -> Response:
        now = timezone.now()
        inbox_marks.mark_unread([get_item(request, item_id, now)], now, by=app_key(request))
        return Response(status=204)


class ArchivingView(APIView):
    authentication_classes = WITH_BELLS

    @extend_schema(
        operation_id="archive",
        summary="Put an item out of the list; twice changes nothing",
        tags=["Inbox"],
        request=None,
        responses={204: None},
    )
    def post(self, request: Request, item_id: str) -> Response:
        read_body(request, EmptySerializer)
        now = timezone.now()
        inbox_marks.archive([get_item(request, item_id, now)], now, by=app_key(request))
        return Response(status=204)

    @extend_schema(operation_id="unarchive", summary="Bring an archived item back", tags=["Inbox"], responses={204: None})
    def delete(self, request: Request, item_id: str) -> Response:
        now = timezone.now()
        inbox_marks.unarchive([get_item(request, item_id, now)], now, by=app_key(request))
        return Response(status=204)


class SnoozingView(APIView):
    @extend_schema(
        operation_id="snooze",
        summary="Hide an item until a time, from which on it is new again",
        description="Between five minutes and ninety days from now. Another time takes the place of the first.",
        tags=["Inbox"],
        request=SnoozeSerializer,
        responses={204: None},
        examples=[OpenApiExample("Until the morning", value={"until": "2026-03-03T08:00:00+01:00"}, request_only=True)],
    )
    def post(self, request: Request, item_id: str) -> Response:
        now = timezone.now()
        item = get_item(request, item_id, now)
        until = read_body(request, SnoozeSerializer)["until"]
        if not now + SHORTEST <= until <= now + LONGEST:
            raise ValidationError({"until": [_("Choose a time between five minutes and ninety days from now.")]})
        inbox_marks.snooze([item], until, now, by=app_key(request))
        return Response(status=204)

    @extend_schema(operation_id="unsnooze", summary="Bring a hidden item back at once", tags=["Inbox"], responses={204: None})
    def delete(self, request: Request, item_id: str) -> Response:
        now = timezone.now()
        inbox_marks.unsnooze([get_item(request, item_id, now)], now, by=app_key(request))
        return Response(status=204)


class SeeingView(APIView):
    authentication_classes = WITH_BELLS

    @extend_schema(
        operation_id="mark_all_seen",
        summary="Mark everything up to an item as seen: the badge goes, the items stay unread",
        description="Say up to which item the app shows; without one it is all there is.",
        tags=["Inbox"],
        request=SeeingSerializer,
        responses=counts.CountsSerializer,
        examples=[counts.EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        through, now = read_body(request, SeeingSerializer).get("through"), timezone.now()
        newest = get_item(request, through, now).message_id if through else None
        inbox_marks.mark_seen(person_id(request), now, through=newest)
        return Response(counts.counts_of(person_id(request), now))


class ReadingsView(APIView):
    authentication_classes = WITH_BELLS

    @extend_schema(
        operation_id="mark_read_through",
        summary="Mark everything up to an item as read",
        tags=["Inbox"],
        request=ThroughSerializer,
        responses=MarkedSerializer,
        examples=[THROUGH, MARKED],
    )
    @once()
    def post(self, request: Request) -> Response:
        user_id, now = person_id(request), timezone.now()
        item = _read_through(request, now)
        before = inbox.mark_of(user_id, now)
        watermark = inbox_marks.mark_all_read(user_id, now, through=item.message_id, by=app_key(request))
        has_moved = watermark > before[0]
        return _marked(user_id, now, undo_read_all(user_id, watermark, *before) if has_moved else None)


class ArchivingsView(APIView):
    @extend_schema(
        operation_id="archive_through",
        summary="Put everything that is read, up to an item, out of the list",
        description="What is unread or asleep stays: mark it as read first, if it is to go too.",
        tags=["Inbox"],
        request=ThroughSerializer,
        responses=MarkedSerializer,
        examples=[THROUGH, MARKED],
    )
    @once()
    def post(self, request: Request) -> Response:
        user_id, now = person_id(request), timezone.now()
        item = _read_through(request, now)
        archived = inbox_marks.archive_read(user_id, now, through=item.message_id)
        return _marked(user_id, now, undo_archive_read(user_id, now) if archived else None)


class UndoingsView(APIView):
    @extend_schema(
        operation_id="undo",
        summary="Take back what was marked or archived together",
        description="Within ten minutes, and only while nothing else was done to the same; 409 afterwards.",
        tags=["Inbox"],
        request=UndoSerializer,
        responses=counts.CountsSerializer,
        examples=[OpenApiExample("Undo", value={"undo": MARKED_VALUE["undo"]}, request_only=True), counts.EXAMPLE],
    )
    @once()
    def post(self, request: Request) -> Response:
        user_id = person_id(request)
        try:
            undo(user_id, read_body(request, UndoSerializer)["undo"], timezone.now())
        except TooLate as error:
            raise Problem(409, _("It is too late to undo this.")) from error
        return Response(counts.counts_of(user_id, timezone.now()))


def _read_through(request: Request, now: datetime) -> InboxItem:
    """This function will find the item up to which something is meant. Raises Http404."""
    return get_item(request, read_body(request, ThroughSerializer)["through"], now)


def _marked(user_id: int, now: datetime, undo_token: str | None) -> Response:
    return Response({**counts.counts_of(user_id, now), "undo": undo_token})
