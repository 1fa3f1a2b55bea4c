"""What the schema says beyond the resources: the problems that every operation can answer. Read next: explorer.py."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import OperandHolder

from notifications.rest_api.callers import HasScope
from notifications.rest_api.problems import MEDIA_TYPE, TITLES
from notifications.rest_api.strict import StrictSerializer

PROBLEM = {
    "type": "object",
    "description": "Problem details, RFC 9457.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A stable name of the sort of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The address that was asked."},
        "errors": {
            "type": "array",
            "description": "With status 400: what is wrong where.",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {
                    "path": {"type": "string", "description": "A JSON pointer into the body, or ?name for a part of the query."},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
_EXAMPLES: dict[int, tuple[str, str]] = {
    400: ("invalid", "See errors: each names a place and what is wrong with it."),
    401: ("not_authenticated", "Authentication credentials were not provided."),
    403: ("permission_denied", "You do not have permission to perform this action."),
    404: ("not_found", "Not found."),
    406: ("not_acceptable", "Could not satisfy the request Accept header."),
    409: ("error", "The first call is still being answered"),
    413: ("too_large", "The body is larger than 262144 bytes."),
    415: ("unsupported_media_type", 'Unsupported media type "text/plain" in request.'),
    422: ("error", "The Idempotency-Key was used before with another body or address."),
    429: ("throttled", "Request was throttled. Expected available in 30 seconds."),
    500: ("error", "It is our fault, and it is recorded. Try again in a minute."),
    503: ("unavailable", "The database cannot be reached just now. Try again after the seconds that Retry-After names."),
}
_METHODS = {"get", "post", "put", "patch", "delete"}
_SAFE = {"get"}


class Schema(AutoSchema):
    """What a view says of itself, and who may call it: people by a session or an app's token, or services by a scope."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        asked = {one for permission in self.view.permission_classes for one in _asked(permission)}
        if asked == {HasScope}:
            return [{"service": []}]
        found: list[dict[str, list[str]]] = super().get_auth()
        return [one for one in found if HasScope in asked or "service" not in one]

    def get_operation(self, *arguments: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*arguments)
        scope = getattr(self.view, "scopes", {}).get(self.method)
        if operation is not None and scope:
            operation["description"] = f"{operation.get('description', '')}\n\nNeeds the scope `{scope}`.".strip()
        return operation


def _asked(permission: Any) -> Iterator[type]:
    """This function will yield the permissions that one is made of: "a person or a service" of two."""
    if isinstance(permission, OperandHolder):
        yield from (one for part in (permission.op1_class, permission.op2_class) for one in _asked(part))
    else:
        yield permission


class StrictShape(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """What refuses fields that it does not know says so."""

    target_class = "notifications.rest_api.strict.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> Any:
        shape = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if shape.get("description") == StrictSerializer.__doc__:
            del shape["description"]
        return {**shape, "additionalProperties": False} if direction == "request" else shape


def add_problems(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:
    """This function will add to each operation of a schema the problems it can answer (a post-processing hook)."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    for address, operations in result["paths"].items():
        for method in _METHODS & operations.keys():
            operation = operations[method]
            for status in _statuses(address, method, operation):
                operation["responses"].setdefault(str(status), _answer(status, address))
    return result


def _statuses(address: str, method: str, operation: dict[str, Any]) -> list[int]:
    told = {parameter["name"] for parameter in operation.get("parameters", [])}
    changes, takes = method not in _SAFE, "requestBody" in operation
    return sorted(
        {401, 403, 406, 429, 500, 503}
        | ({400, 409, 413, 415} if changes else set())
        | ({400} if any(parameter["in"] == "query" for parameter in operation.get("parameters", [])) else set())
        | ({404} if "{" in address or takes or method == "delete" else set())
        | ({422} if "Idempotency-Key" in told else set())
    )


def _answer(status: int, address: str) -> dict[str, Any]:
    code, detail = _EXAMPLES[status]
    title = str(TITLES[status])
    example: dict[str, Any] = {
        "type": f"urn:carillon:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": address,
    }
    if status == 400:
        example["errors"] = [{"path": "/field", "message": "There is no such field."}]
    content = {MEDIA_TYPE: {"schema": PROBLEM_REF, "example": example}}
    return {"description": title, "content": content}
