"""What other services want said, and what became of it. Read next: message_parts.py, notifications/service_messages.py."""

from datetime import UTC
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_ace.api import Refused, UnknownType, sentence
from notifications import tasks
from notifications.models import ServiceMessage
from notifications.registry import CHANNEL_LABELS
from notifications.rest_api.callers import HasScope, add_scopes
from notifications.rest_api.course_teams import IsInSomeTeam, check_reach, sender_of, sent_by
from notifications.rest_api.cursors import CursorField, Seal
from notifications.rest_api.etags import IF_NONE_MATCH, UNCHANGED, answer_if_changed
from notifications.rest_api.idempotency import once
from notifications.rest_api.message_audience import AudienceSerializer
from notifications.rest_api.strict import InstantField, StrictSerializer, WrittenTextField, read_body, read_query
from notifications.service_messages import ask, counts_of, is_end, state_of, unknown_people

add_scopes(
    {
        "messages:send": gettext_lazy("Send messages to people and courses, and cancel them"),
        "messages:broadcast": gettext_lazy("Send messages to everyone"),
        "messages:read": gettext_lazy("Follow the messages that this service sent"),
    }
)
AD_HOC = "other.announcement"
PAGE_SIZE = 50
LARGEST_CONTEXT = 16_384
STATES = ["waiting", "planning", "planned", "cancelled", "refused"]


class InLanguagesField(serializers.DictField):
    """A text in one or more languages of the site, by their codes."""

    def __init__(self, *, max_length: int, **options: Any) -> None:
        super().__init__(child=WrittenTextField(max_length=max_length), allow_empty=False, **options)

    def to_internal_value(self, data: Any) -> Any:
        texts = super().to_internal_value(data)
        foreign = [name for name in texts if name not in dict(settings.LANGUAGES)]
        if foreign:
            raise ValidationError(_("There is no language %(name)s here.") % {"name": foreign[0][:20]})
        return texts


class TextsSerializer(StrictSerializer):
    title = InLanguagesField(max_length=200)
    body = InLanguagesField(max_length=4_000, required=False)


class NewMessageSerializer(StrictSerializer):
    type = serializers.CharField(required=False, max_length=100, help_text="A notification type; its texts are filled by `context`.")
    context = serializers.DictField(  # type: ignore[assignment]
        required=False, help_text=f"What the texts of the type need, up to {LARGEST_CONTEXT} bytes."
    )
    texts = TextsSerializer(required=False, help_text="Instead of a type: what to say, in each language you have it in.")
    audience = AudienceSerializer()
    link = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="A path here, or an address of an allowed host."
    )
    scope = serializers.CharField(required=False, max_length=191, help_text="What it is about, such as `course-v1:...`.")
    channels = serializers.ListField(
        child=serializers.ChoiceField(list(CHANNEL_LABELS)), required=False, allow_empty=False, help_text="These and no others."
    )
    send_after = InstantField(required=False, allow_null=True, help_text="Not before; nobody sees it earlier.")
    expires_at = InstantField(required=False, allow_null=True, help_text="From then on it is not worth sending.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("type" in attrs) == ("texts" in attrs):
            raise ValidationError(_("Give either a type or texts."))
        if "texts" in attrs and "context" in attrs:
            raise ValidationError({"context": [_("Only a type takes a context.")]})
        if len(str(attrs.get("context", ""))) > LARGEST_CONTEXT:
            raise ValidationError({"context": [_("This is larger than %(most)d bytes.") % {"most": LARGEST_CONTEXT}]})
        expires_at, send_after = attrs.get("expires_at"), attrs.get("send_after")
        if expires_at and expires_at <= max(filter(None, [timezone.now(), send_after])):
            raise ValidationError({"expires_at": [_("This must lie in the future, and after send_after.")]})
        return attrs


class CountSerializer(serializers.Serializer[Any]):
    channel = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField(help_text="A stable code; `words` says it to a person.")
    words = serializers.CharField()
    count = serializers.IntegerField()


class ProgressSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField(help_text="How many the audience was when it was planned.")
    deliveries = serializers.IntegerField()
    finished = serializers.IntegerField(help_text="Of the deliveries, those that have come to their end.")


class MessageSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    type = serializers.CharField()
    scope = serializers.CharField()
    asked_at = serializers.DateTimeField(default_timezone=UTC)
    send_after = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    expires_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    cancelled_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    refused_because = serializers.CharField(help_text="Empty but for what could not be said when its time came.")


class MessageStatusSerializer(MessageSerializer):
    progress = ProgressSerializer()
    counts = CountSerializer(many=True)


class MessagesSerializer(serializers.Serializer[Any]):
    items = MessageSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Null on the last page.")


class MessagesQuery(StrictSerializer):
    cursor = CursorField()


NEW = {
    "texts": {"title": {"en": "The lab is closed today", "es": "El laboratorio está cerrado hoy"}},
    "audience": {"course": {"key": "course-v1:DemoX+NS101+2026", "roles": ["learner"]}},
    "channels": ["inbox", "push"],
    "expires_at": "2026-12-24T18:00:00+01:00",
}
NEW_BY_TYPE = {
    "type": "other.announcement",
    "context": {"title": "The lab is closed today"},
    "audience": {"usernames": ["ana"]},
    "link": "/inbox/",
}
MESSAGE = {
    "id": "V1dZ0m9hYkQxRnJ0eQ3aBc",
    "state": "planned",
    "type": "other.announcement",
    "scope": "",
    "asked_at": "2026-03-02T12:00:00Z",
    "send_after": None,
    "expires_at": None,
    "cancelled_at": None,
    "refused_because": "",
}
COUNT = {
    "channel": "push",
    "state": "suppressed",
    "reason": "no_contact_point",
    "words": "There is no address for this channel.",
    "count": 3,
}
STATUS = {**MESSAGE, "progress": {"people": 120, "deliveries": 240, "finished": 123}, "counts": [COUNT]}


class MessagesView(APIView):
    permission_classes = [HasScope | IsInSomeTeam]
    scopes = {"GET": "messages:read", "POST": "messages:send"}

    @extend_schema(
        operation_id="list_messages",
        summary="The messages that your service sent, newest first",
        tags=["Sending"],
        parameters=[MessagesQuery],
        responses=MessagesSerializer,
        examples=[OpenApiExample("A page", value={"items": [MESSAGE], "next_cursor": None}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, MessagesQuery)
        seal = Seal(request, "messages")
        rows = sent_by(request).order_by("-pk")
        before = seal.open(query.get("cursor"))
        found = list((rows if before is None else rows.filter(pk__lt=before))[: PAGE_SIZE + 1])
        more = found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None
        shown = {"items": [_told(one) for one in found[:PAGE_SIZE]], "next_cursor": seal.close(more)}
        return Response(MessagesSerializer(shown).data)

    @extend_schema(
        operation_id="send_message",
        summary="Send a message",
        description="Answers at once with where to follow it; a worker says it when its time comes. Every recipient's own choices, quiet "
        "hours and limits apply, as for everything that is sent here. Everyone is a scope of its own, `messages:broadcast`. "
        "The team of a course writes to that course, as the audience, and follows what its team wrote.",
        tags=["Sending"],
        request=NewMessageSerializer,
        responses={202: OpenApiResponse(MessageSerializer, description="Accepted. Location says where to follow it.")},
        examples=[
            OpenApiExample("To a course, in two languages", value=NEW, request_only=True),
            OpenApiExample("A type, to a person", value=NEW_BY_TYPE, request_only=True),
            OpenApiExample("Accepted", value={**MESSAGE, "state": "planning"}, response_only=True, status_codes=["202"]),
        ],
    )
    @once(required=True)
    def post(self, request: Request) -> Response:
        body = read_body(request, NewMessageSerializer)
        if "everyone" in body["audience"] and "messages:broadcast" not in getattr(request.user, "scopes", ()):
            raise PermissionDenied(_("Everyone is for tokens with the scope messages:broadcast."))
        check_reach(request, body)
        unknown = unknown_people(body["audience"])
        if unknown:
            words = _("Nobody here is %(names)s.") % {"names": ", ".join(unknown[:10])}
            raise ValidationError({"audience": [words]})
        try:
            asked = ask(_draft(body, sender_of(request)))
        except UnknownType as error:
            raise ValidationError({"type": [_("There is no such type.")]}) from error
        except Refused as error:
            raise ValidationError({"non_field_errors": [str(error)]}) from error
        transaction.on_commit(tasks.poke_service_messages, robust=True)
        return Response(_told(asked), status=202, headers={"Location": f"/api/v1/messages/{asked.public_id}/"})


class MessageView(APIView):
    permission_classes = [HasScope | IsInSomeTeam]
    scopes = {"GET": "messages:read"}

    @extend_schema(
        operation_id="get_message",
        summary="How far a message has come",
        tags=["Sending"],
        parameters=[IF_NONE_MATCH],
        responses={200: MessageStatusSerializer, 304: UNCHANGED},
        examples=[OpenApiExample("Under way", value=STATUS, response_only=True, status_codes=["200"])],
    )
    def get(self, request: Request, message_id: str) -> Response:
        status = _status(get_message(request, message_id))
        return answer_if_changed(request, status, lambda: status)


def get_message(request: Request, public_id: str) -> ServiceMessage:
    """This function will find a message of the service or team that asks. Raises Http404, for another's too."""
    found = sent_by(request).select_related("message").filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _draft(body: dict[str, Any], service: str) -> ServiceMessage:
    texts = body.get("texts")
    return ServiceMessage(
        service=service,
        type=AD_HOC if texts else body["type"],
        context={name: {"in_languages": text} for name, text in texts.items()} if texts else body.get("context", {}),
        link=body.get("link", ""),
        scope=body.get("scope", ""),
        channels=body.get("channels"),
        audience=body["audience"],
        asked_at=timezone.now(),
        send_after=body.get("send_after"),
        expires_at=body.get("expires_at"),
    )


def _told(asked: ServiceMessage) -> dict[str, Any]:
    names = ("type", "scope", "asked_at", "send_after", "expires_at", "cancelled_at", "refused_because")
    told = {"id": asked.public_id, "state": state_of(asked, timezone.now()), **{name: getattr(asked, name) for name in names}}
    return dict(MessageSerializer(told).data)


def _status(asked: ServiceMessage) -> dict[str, Any]:
    counts = [{**row, "words": sentence(row["reason"] or row["state"])} for row in counts_of(asked)]
    progress = {
        "people": asked.people,
        "deliveries": sum(row["count"] for row in counts),
        "finished": sum(row["count"] for row in counts if is_end(row["state"])),
    }
    return {**_told(asked), "progress": progress, "counts": list(CountSerializer(counts, many=True).data)}
