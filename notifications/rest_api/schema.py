"""What the schema says beyond the resources: the problems that every operation can answer. Read next: explorer.py."""

from typing import Any

from notifications.rest_api.problems import MEDIA_TYPE, TITLES

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
_EXAMPLES: dict[int, tuple[str, str]] = {
    400: ("invalid", "See errors: each names a place and what is wrong with it."),
    401: ("not_authenticated", "Authentication credentials were not provided."),
    403: ("permission_denied", "CSRF Failed: CSRF token missing."),
    404: ("not_found", "Not found."),
}
_METHODS = {"get", "post", "put", "patch", "delete"}
_SAFE = {"get"}


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
    is_asked = method not in _SAFE or any(parameter["in"] == "query" for parameter in operation.get("parameters", []))
    names_one = "{" in address or "requestBody" in operation
    return [*([400] if is_asked else []), 401, *([403] if method not in _SAFE else []), *([404] if names_one else [])]


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
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": title, "content": content}
