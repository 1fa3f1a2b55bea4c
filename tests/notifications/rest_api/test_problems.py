import json

import pytest
from django.test import Client

from tests.factories import make_user


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def test_a_problem_has_every_member_of_the_standard(client: Client) -> None:
    answer = client.get("/api/v1/inbox/counts/extra/")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json().keys() == {"type", "title", "status", "detail", "instance"}
    assert answer.json()["instance"] == "/api/v1/inbox/counts/extra/"


def test_a_method_that_a_resource_lacks_is_named_as_such(client: Client) -> None:
    answer = client.put("/api/v1/inbox/", {}, content_type="application/json")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert answer.json()["type"] == "urn:carillon:problem:method_not_allowed"


def test_an_address_outside_every_version_is_a_problem_too() -> None:
    answer = Client(enforce_csrf_checks=True).post("/api/v9/inbox/", "x", content_type="text/plain")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_html_cannot_be_had(client: Client) -> None:
    answer = client.get("/api/v1/inbox/", headers={"accept": "text/html"})

    assert answer.status_code == 406
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("item_id", ["%D9%A1", "a%00b", "..%2f..%2fadmin", "a" * 5000, "\u0661"])
def test_an_id_in_other_characters_is_no_address(client: Client, item_id: str) -> None:
    assert client.post(f"/api/v1/inbox/{item_id}/reading/", {}, content_type="application/json").status_code == 404


def test_the_schema_documents_the_problems_of_every_operation(client: Client) -> None:
    schema = json.loads(client.get("/api/v1/schema/").content)

    operations = [(method, operation) for path in schema["paths"].values() for method, operation in path.items()]
    assert schema["openapi"].startswith("3.1")
    assert operations
    for method, operation in operations:
        assert "application/problem+json" in operation["responses"]["401"]["content"]
        assert (method == "get") or "403" in operation["responses"]
        assert operation["summary"]
        assert operation["operationId"]


def test_the_explorer_has_no_inline_script_or_style(client: Client) -> None:
    page = client.get("/api/")
    script = client.get("/api/?script=")

    assert page.status_code == 200
    assert b"<style" not in page.content
    assert page.content.count(b"<script") == page.content.count(b"<script src=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert b"/api/v1/schema/" in script.content
