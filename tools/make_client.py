"""Write clients/carillon_client.py from the API's schema: one typed file on the standard library alone. `make client` calls this."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path
from typing import Any

import django

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "clients" / "carillon_client.py"
TRANSPORT = ROOT / "tools" / "client_transport.py"
# What is a word of Python too gets a stroke behind it; the type keeps its real name.
KEYWORDS = {"from", "in", "is", "type", "id"}


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.test")
    django.setup()
    CLIENT.write_text(write_client(read_schema()), encoding="utf-8")
    return 0


def read_schema() -> dict[str, Any]:
    """This function will give the schema of the API, as /api/v1/schema/ does."""
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.renderers import OpenApiJsonRenderer

    generator: Any = SchemaGenerator
    found: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(generator().get_schema(request=None, public=True), None, {}))
    return found


def write_client(schema: dict[str, Any]) -> str:
    """This function will write the whole file for a schema, formatted."""
    shapes = schema["components"]["schemas"]
    transport, base = TRANSPORT.read_text(encoding="utf-8").split("# The calls follow here.\n")
    transport = transport.replace("from typing import Any\n", "from typing import Any, Literal, NotRequired, TypedDict, cast\n")
    text = "\n".join(
        [
            transport,
            *(line for name in sorted(shapes) if name != "Problem" for line in _shape(name, shapes[name])),
            base,
            *(line for path in sorted(schema["paths"]) for method in sorted(schema["paths"][path]) for line in _call(schema, path, method)),
        ]
    )
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(CLIENT), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def _shape(name: str, shape: dict[str, Any]) -> Iterator[str]:
    if shape.get("type") != "object" or "properties" not in shape:
        yield f"{name} = {_type(shape)}\n"
        return
    required = set(shape.get("required", []))
    fields = {key: _type(value) if key in required else f"NotRequired[{_type(value)}]" for key, value in shape["properties"].items()}
    if not any(iskeyword(key) for key in fields):
        yield f"class {name}(TypedDict):"
        yield from (f"    {key}: {type_name}" for key, type_name in fields.items())
        yield "" if fields else "    pass\n"
        return
    inside = ", ".join(f'"{key}": {type_name!r}' for key, type_name in fields.items())
    yield f'{name} = TypedDict("{name}", {{{inside}}})\n'


def _type(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        return str(shape["$ref"].rsplit("/", 1)[1])
    for words in ("allOf", "oneOf", "anyOf"):
        if words in shape:
            return " | ".join(_type(one) for one in shape[words])
    if "enum" in shape:
        return f"Literal[{', '.join(repr(value) for value in shape['enum'])}]"
    names = shape.get("type", "any")
    return " | ".join(_plain(name, shape) for name in ([names] if isinstance(names, str) else names))


def _plain(name: str, shape: dict[str, Any]) -> str:
    if name == "array":
        return f"list[{_type(shape.get('items', {}))}]"
    if name == "object":
        held = shape.get("additionalProperties")
        return f"dict[str, {_type(held)}]" if isinstance(held, dict) and held else "dict[str, Any]"
    return {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}.get(name, "Any")


def _call(schema: dict[str, Any], path: str, method: str) -> Iterator[str]:
    operation = schema["paths"][path][method]
    parameters = operation.get("parameters", [])
    places = [one["name"] for one in parameters if one["in"] == "path"]
    query = [one for one in parameters if one["in"] == "query"]
    has_key = any(one["name"] == "Idempotency-Key" for one in parameters)
    bodies = operation.get("requestBody", {}).get("content", {})
    body = bodies.get("application/json", {}).get("schema")
    takes_files = any(kind.startswith("text/") for kind in bodies)
    answers = [answer for status, answer in sorted(operation["responses"].items()) if status.startswith("2")]
    content = [one["content"]["application/json"]["schema"] for one in answers if "application/json" in one.get("content", {})]
    gives = _type(content[0]) if content else "None"
    asked = [
        *(f"{name}: str" for name in places),
        *([f"body: {_type(body)}{' | bytes' if takes_files else ''}"] if body else []),
        *(["*"] if query or has_key or takes_files else []),
        *(['content_type: str = "application/json"'] if takes_files else []),
        *(f"{_name(one['name'])}: {_type(one['schema'])}{'' if one.get('required') else ' | None = None'}" for one in query),
        *(['idempotency_key: str = ""'] if has_key else []),
    ]
    given = "{" + ", ".join(f'"{one["name"]}": {_name(one["name"])}' for one in query) + "}"
    address = "".join(f"{{_quoted({part[1:-1]})}}" if part.startswith("{") else part for part in _parts(path))
    options = [
        *([f"query={given}"] if query else []),
        *(["body=body"] if body else ["body={}"] if method == "post" else []),
        *(["content_type=content_type"] if takes_files else []),
        *(["key=idempotency_key or _new_key()"] if has_key else []),
    ]
    yield f"    def {operation['operationId']}({', '.join(['self', *asked])}) -> {gives}:"
    yield f'        """{operation["summary"]}."""'
    call = f"self._call({', '.join([repr(method.upper()), ('f' if '{' in address else '') + chr(34) + address + chr(34), *options])})"
    yield f"        return cast({gives!r}, {call})\n" if content else f"        {call}\n"


def _parts(path: str) -> Iterator[str]:
    while "{" in path:
        before, _brace, rest = path.partition("{")
        name, _end, path = rest.partition("}")
        yield from (before, f"{{{name}}}")
    yield path


def _name(name: str) -> str:
    return f"{name}_" if name in KEYWORDS else name


if __name__ == "__main__":
    sys.exit(main())
