"""What the person who is signed in has in their inbox, by pages. Read next: changes.py, readings.py."""

import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils import timezone, translation
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import inbox, inbox_lines
from notifications.inbox_search import LONGEST
from notifications.models import InboxItem
from notifications.registry import Category
from notifications.rest_api.authentication import person_id
from notifications.rest_api.bell_tokens import WITH_BELLS
from notifications.rest_api.cursors import CursorField, Seal
from notifications.rest_api.strict import FlagField, StrictSerializer, read_query
from notifications.rest_api.written import Written, WrittenRenderer

PAGE_SIZE = 20


class InboxQuery(StrictSerializer):
    category = serializers.ChoiceField(Category.choices, required=False)
    unread = FlagField(required=False, default=False, help_text="Only what has not been read.")
    show = serializers.ChoiceField(["here", "archived", "snoozed"], required=False, default="here")
    course = serializers.CharField(max_length=191, required=False, help_text="Only of this course or study: the key of the course.")
    search = serializers.CharField(max_length=LONGEST, required=False, help_text="Words that must all be found, in any order.")
    cursor = CursorField()


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
    archived_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    snoozed_until = serializers.DateTimeField(default_timezone=UTC, allow_null=True, help_text="Past: it is back from its snooze.")


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
            "archived_at": None,
            "snoozed_until": None,
        }
    ],
    "next_cursor": None,
}


class InboxView(APIView):
    authentication_classes = WITH_BELLS
    renderer_classes = (WrittenRenderer,)

    @extend_schema(
        operation_id="list_inbox",
        summary="One page of the inbox, newest first",
        description="What came back from a snooze stands at the top of the first page.",
        tags=["Inbox"],
        parameters=[InboxQuery],
        responses=InboxPageSerializer,
        examples=[OpenApiExample("A page", value=EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, InboxQuery)
        asked = inbox.Asked(
            show=query["show"],
            category=query.get("category", ""),
            only_unread=query["unread"],
            course=query.get("course", ""),
            search=query.get("search", ""),
        )
        seal = Seal(request, "inbox", **vars(asked))
        user_id, now, before = person_id(request), timezone.now(), seal.open(query.get("cursor"))
        language = translation.get_language() or settings.LANGUAGE_CODE
        if asked == inbox.Asked():
            # What is asked for most.
            page = inbox_lines.lines(user_id, now, before=before, size=PAGE_SIZE)
            next_cursor = json.dumps(seal.close(page.next_before))
            return Response(Written(f'{{"items":{inbox_lines.write(page, language)},"next_cursor":{next_cursor}}}'))
        filtered = inbox.page(user_id, now, asked, before=before, size=PAGE_SIZE)
        told = {
            "items": [shown(item, language) for item in [*filtered.returned, *filtered.items]],
            "next_cursor": seal.close(filtered.next_before),
        }
        # As it is: a serializer would take as long as the database, and say the same (tests/notifications/rest_api/test_inbox.py).
        return Response(told)


def get_item(request: Request, public_id: str, now: datetime) -> InboxItem:
    """This function will find an item that the person's inbox holds now. Raises Http404, for another's too."""
    item = inbox.find_item(person_id(request), public_id, now)
    if item is None:
        raise Http404
    return item


def shown(item: InboxItem, language: str) -> dict[str, Any]:
    """This function will give an item as InboxItemSerializer writes it."""
    return {
        **inbox_lines.said(item.message, item.category, inbox.words(item, language)),
        "created_at": item.message.created_at,
        "seen_at": item.seen_at,
        "read_at": item.read_at,
        "archived_at": item.archived_at,
        "snoozed_until": item.snoozed_until,
    }
