"""Answers that need not be sent again: ETag, If-None-Match and 304. Read next: idempotency.py."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import translation
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from notifications.rest_api.callers import caller_key

IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` of an earlier answer: if nothing has changed, the answer is 304, without a body.",
)
UNCHANGED = OpenApiResponse(description="Nothing has changed since the answer with this ETag.")


def answer_if_changed(request: Request, version: object, data: Callable[[], Any]) -> Response:
    """This function will answer with `data()` and the ETag of `version` (plain JSON), or 304 without asking for the data.

    Give as version whatever changes when the answer does: a number, a time, or the data itself where nothing cheaper tells.
    The caller and the language are added here.
    """
    told = json.dumps([caller_key(request), translation.get_language(), request.get_full_path(), version], cls=DjangoJSONEncoder)
    tag = f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'
    conditional = get_conditional_response(request._request, etag=tag)
    if conditional is not None and conditional.status_code == 304:
        return Response(status=304, headers={"ETag": tag})
    return Response(data(), headers={"ETag": tag})
