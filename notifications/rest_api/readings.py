"""That something was seen or read: one item, all of them, all up to one. Read next: explanation.py."""

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import inbox
from notifications.rest_api import counts
from notifications.rest_api.authentication import person_id
from notifications.rest_api.inbox import get_item
from notifications.rest_api.problems import Problem
from notifications.rest_api.strict import StrictSerializer, read_body


class EmptySerializer(StrictSerializer):
    pass


class ReadingsSerializer(StrictSerializer):
    through = serializers.RegexField(r"\A[A-Za-z0-9_-]{1,22}\Z", help_text="The id of the newest item that counts as read.")


class ReadingView(APIView):
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
        inbox.mark_read(get_item(request, item_id, now), now)
        return Response(status=204)

    @extend_schema(
        operation_id="mark_unread",
        summary="Mark an item as unread",
        description='Answers 409 for an item that "mark all as read" covers: it stays read.',
        tags=["Inbox"],
        responses={204: None},
    )
    def delete(self, request: Request, item_id: str) -> Response:
        now = timezone.now()
        item = get_item(request, item_id, now)
        inbox.mark_unread(item)
        if not inbox.unread(person_id(request), now).filter(message_id=item.message_id).exists():
            raise Problem(409, _("It stays read"), _("This item was marked as read together with all others."))
        return Response(status=204)


class ArchivingView(APIView):
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
        inbox.archive(get_item(request, item_id, now), now)
        return Response(status=204)

    @extend_schema(operation_id="unarchive", summary="Bring an archived item back", tags=["Inbox"], responses={204: None})
    def delete(self, request: Request, item_id: str) -> Response:
        inbox.unarchive(get_item(request, item_id, timezone.now()))
        return Response(status=204)


class SeeingView(APIView):
    @extend_schema(
        operation_id="mark_all_seen",
        summary="Mark everything as seen: the badge goes, the items stay unread",
        tags=["Inbox"],
        request=None,
        responses=counts.CountsSerializer,
        examples=[counts.EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        read_body(request, EmptySerializer)
        now = timezone.now()
        inbox.mark_seen(person_id(request), now)
        return Response(counts.counts_of(person_id(request), now))


class ReadingsView(APIView):
    @extend_schema(
        operation_id="mark_read_through",
        summary="Mark everything up to an item as read",
        tags=["Inbox"],
        request=ReadingsSerializer,
        responses=counts.CountsSerializer,
        examples=[OpenApiExample("Up to an item", value={"through": "3q2-7wEjRWeJq83vASNFZw"}, request_only=True), counts.EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        through = read_body(request, ReadingsSerializer)["through"]
        now = timezone.now()
        item = get_item(request, through, now)
        inbox.mark_all_read(person_id(request), now, through=item.message_id)
        return Response(counts.counts_of(person_id(request), now))
