"""How much is new: for the badge and the tabs. Read next: readings.py, whose answers are these counts too."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications import inbox
from notifications.registry import Category
from notifications.rest_api.authentication import person_id
from notifications.rest_api.bell_tokens import WITH_BELLS
from notifications.rest_api.etags import IF_NONE_MATCH, UNCHANGED, answer_if_changed


class CountsSerializer(serializers.Serializer[dict[str, Any]]):
    unread = serializers.IntegerField()
    unseen_badge = serializers.IntegerField(help_text=f"What the bell shows: {inbox.BADGE_CAP} stands for that many or more.")
    by_category = serializers.DictField(child=serializers.IntegerField(), help_text="Unread, for every category.")
    version = serializers.IntegerField(help_text="Grows: of two answers the one with the higher version holds, whichever came first.")


EXAMPLE = OpenApiExample(
    "Counts",
    value={
        "unread": 3,
        "unseen_badge": 1,
        "by_category": {"discussion": 2, "course_dates": 0, "account": 0, "study": 1, "other": 0},
        "version": 1772452800000000,
    },
    response_only=True,
)


class CountsView(APIView):
    authentication_classes = WITH_BELLS

    @extend_schema(
        operation_id="count_inbox",
        summary="Unread and unseen items",
        tags=["Inbox"],
        parameters=[IF_NONE_MATCH],
        responses={200: CountsSerializer, 304: UNCHANGED},
        examples=[EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        counts = counts_of(person_id(request), timezone.now())
        # The version grows with every question: whether the answer changed is told by the rest.
        return answer_if_changed(request, {**counts, "version": None}, lambda: counts)


def counts_of(user_id: int, now: datetime) -> dict[str, Any]:
    """This function will count a person's unread items (exactly) and unseen ones (up to the cap)."""
    tally = inbox.tally(user_id, now)
    return {
        "unread": sum(tally.unread.values()),
        "unseen_badge": tally.unseen,
        "by_category": {category.value: tally.unread.get(category.value, 0) for category in Category},
        "version": tally.version,
    }
