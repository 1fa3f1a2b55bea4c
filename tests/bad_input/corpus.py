"""The bad inputs of values.json, places.json and requests.json, made into calls."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Call:
    """One request that must be refused. `body` is what goes over the wire; a form is sent as a browser would."""

    name: str
    caller: str
    method: str
    path: str
    body: bytes | None = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    expect: tuple[int, ...] = ()


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_HERE / name).read_text(encoding="utf-8"))
    return found


VALUES, PLACES, REQUESTS = read("values.json"), read("places.json"), read("requests.json")


def in_places(group: str) -> dict[str, list[Call]]:
    """This function will give, for each place of a group, one call for each bad value of each of its fields."""
    return {place["name"]: list(_calls(place)) for place in PLACES[group]}


def whole_requests() -> list[Call]:
    """This function will give the requests to the API that are wrong as a whole."""
    return [
        Call(
            name=one["name"],
            caller=one.get("as", "learner"),
            method=one.get("method", "PATCH"),
            path=raw(one.get("path", "/api/v1/preferences/discussion/email/")).decode(),
            body=raw(one.get("body", '{"is_on": true}')),
            headers={name: raw(value).decode() for name, value in one.get("headers", {}).items()},
            expect=tuple(one["expect"]) if isinstance(one["expect"], list) else (one["expect"],),
        )
        for one in REQUESTS["api"]
    ]


def uploads() -> list[Call]:
    """This function will give files that are no protocol documents, as a browser sends them."""
    return [
        Call(
            one["name"],
            "researcher",
            "POST",
            "/studies/{draft}/import/",
            _multipart(one),
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
        for one in REQUESTS["uploads"]
    ]


def _multipart(one: dict[str, Any]) -> bytes:
    name = raw(one.get("filename", "protocol.json"))
    head = b'--x\r\ncontent-disposition: form-data; name="%s"; filename="%s"\r\n\r\n' % (one.get("field", "document_file").encode(), name)
    return head + raw(one["file"]) + (b"" if one.get("cut") else b"\r\n--x--\r\n")


def webhooks() -> list[Call]:
    """This function will give what must not be believed of a provider."""
    return [
        Call(one["name"], "visitor", "POST", "/webhooks/sns/", raw(one["body"]), headers={"content-type": "text/plain"})
        for one in REQUESTS["webhooks"]
    ]


def raw(told: Any) -> bytes:
    """This function will make the bytes that a part of the corpus describes."""
    if isinstance(told, str):
        return told.encode("utf-8", "surrogatepass")
    if "hex" in told:
        return bytes.fromhex(told["hex"])
    if "parts" in told:
        return b"".join(raw(part) for part in told["parts"])
    return raw(told["text"]) * int(told["times"])


def _calls(place: dict[str, Any]) -> Iterator[Call]:
    for name, kinds in place["fields"].items():
        for number, told in enumerate(value for kind in kinds for value in VALUES[kind]):
            value = raw(told).decode("utf-8", "surrogatepass") if isinstance(told, dict) and "times" in told else told
            call = {
                "name": f"{name} {number}: {str(value)[:40]!r}",
                "caller": place["as"],
                "method": place["method"],
                "path": place["path"],
            }
            if "body" in place:
                body = json.dumps({**place["body"], name: value})
                yield Call(**call, body=body.encode(), headers={"content-type": "application/json", **place.get("headers", {})})
            elif "form" in place:
                yield Call(**call, form={**place["form"], name: str(value)})
            else:
                yield Call(**call, query={**place["query"], name: str(value)})


SIZE = sum(len(calls) for group in ("api", "services", "pages") for calls in in_places(group).values()) + sum(
    len(REQUESTS[group]) for group in ("api", "uploads", "webhooks", "commands")
)
