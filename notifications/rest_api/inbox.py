"""What the person who is signed in has in their inbox, by pages. Read next: readings.py."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import Http404
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import inbox
from notifications.links import absolute
from notifications.models import InboxItem
from notifications.registry import Category
from notifications.rest_api.authentication import person_id
from notifications.rest_api.strict import FlagField, StrictSerializer, read_query

PAGE_SIZE = 20


class InboxQuery(StrictSerializer):
    category = serializers.ChoiceField(Category.choices, required=False)
    unread = FlagField(required=False, default=False, help_text="Only what has not been read.")
    cursor = serializers.CharField(required=False, max_length=200, help_text="The `next_cursor` of the page before.")


class InboxItemSerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.CharField()
    type = serializers.CharField()
    category = serializers.ChoiceField(Category.choices)
    title = serializers.CharField(help_text="In the reader's language.")
    text = serializers.CharField(help_text="In the reader's language.")
    link = serializers.URLField(allow_null=True)
    course = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField(default_timezone=UTC)
    seen_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    read_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)


class InboxPageSerializer(serializers.Serializer[dict[str, Any]]):
    items = InboxItemSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


EXAMPLE = {
    "items": [
        {
            "id": "3q2-7wEjRWeJq83vASNFZw",
            "type": "discussion.new_response",
            "category": "discussion",
            "title": "New response",
            "text": "Ada answered your post about week 2.",
            "link": "https://lms.example.org/courses/course-v1:DemoX+NS101+2026/posts/1",
            "course": "course-v1:DemoX+NS101+2026",
            "created_at": "2026-03-02T12:00:00Z",
            "seen_at": None,
            "read_at": None,
        }
    ],
    "next_cursor": None,
}


class InboxView(APIView):
    @extend_schema(
        operation_id="list_inbox",
        summary="One page of the inbox, newest first",
        tags=["Inbox"],
        parameters=[InboxQuery],
        responses=InboxPageSerializer,
        examples=[OpenApiExample("A page", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, InboxQuery)
        seal = _seal(request, query)
        page = inbox.page(
            person_id(request),
            timezone.now(),
            before=_read_cursor(seal, query["cursor"]) if "cursor" in query else None,
            category=query.get("category", ""),
            only_unread=query["unread"],
            size=PAGE_SIZE,
        )
        language = translation.get_language() or settings.LANGUAGE_CODE
        next_cursor = seal.sign_object(page.next_before) if page.next_before is not None else None
        shown = {"items": [_shown(item, language) for item in page.items], "next_cursor": next_cursor}
        return Response(InboxPageSerializer(shown).data)


def get_item(request: Request, public_id: str, now: datetime) -> InboxItem:
    """This function will find an item that the person's inbox holds now. Raises Http404, for another's too."""
    item = inbox.items(person_id(request), now).filter(message__public_id=public_id).first()
    if item is None:
        raise Http404
    return item


def _shown(item: InboxItem, language: str) -> dict[str, Any]:
    message = item.message
    return {
        "id": message.public_id,
        "type": message.type,
        "category": item.category,
        **inbox.words(item, language),
        "link": absolute(message.link) or None,
        "course": message.scope if message.scope.startswith("course-v1:") else None,
        "created_at": message.created_at,
        "seen_at": item.seen_at,
        "read_at": item.read_at,
    }


def _seal(request: Request, query: dict[str, Any]) -> signing.Signer:
    # A cursor is good for one person and one filter: another's, or one for another list, would skip items unseen.
    return signing.Signer(salt=f"carillon.inbox:{person_id(request)}:{query.get('category', '')}:{query['unread']}")


def _read_cursor(seal: signing.Signer, cursor: str) -> int:
    try:
        before: int = seal.unsign_object(cursor)
    except (signing.BadSignature, ValueError) as error:
        raise ValidationError({"?cursor": [_("This cursor is not one that we gave for this list. Start without a cursor.")]}) from error
    return before
