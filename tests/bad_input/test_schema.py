"""Every operation of the schema, called with what is made up from it: a short run here, a long one by `make fuzz`."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from accounts.models import User
from accounts.service_tokens import make_service_token
from accounts.signed_in_apps import sign_in
from notifications.api import known_scopes
from tests.bad_input.world import counts
from tests.guards.access import World

# None: the short run, the same each time.
LONG = os.environ.get("FUZZ_EXAMPLES")
CHECKED = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
settings.register_profile(
    "fuzz",
    max_examples=int(LONG or 6),
    derandomize=not LONG,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


def schema_document() -> Any:
    """This function will give the schema as a caller reads it."""
    generator: Any = SchemaGenerator
    written = OpenApiJsonRenderer().render(generator().get_schema(request=None, public=True), None, {})
    return json.loads(written)


def operations() -> list[Any]:
    found: Any = schemathesis.openapi.from_dict(schema_document()).get_all_operations()
    return [one.ok() for one in found]


def test_the_schema_names_services_where_a_scope_lets_them_in() -> None:
    told = [one.definition.raw for one in operations()]
    by_scope = {one["operationId"] for one in told if "Needs the scope" in one.get("description", "")}
    by_token = {one["operationId"] for one in told if {"service": []} in one.get("security", [])}

    assert {"send_message", "get_enrollment", "keep_course_dates", "make_webhook"} <= by_scope
    assert by_scope <= by_token


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    # One for all: what an operation writes is taken back after it.
    with django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


@pytest.fixture
def one_connection(world: World, db: None) -> Iterator[None]:
    # The transaction of the test would end with the first request: a server closes what it opened.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.label)
def test_no_operation_breaks_or_answers_what_its_schema_does_not_say(
    one_connection: None, world: World, operation: Any, mode: GenerationMode
) -> None:
    schemes = {name for one in operation.definition.raw.get("security", []) for name in one}
    if "service" in schemes:
        token = make_service_token(name="lms", scopes=known_scopes(), made_by_id=None, expires_at=None, now=timezone.now())
    else:
        token = sign_in(User.objects.get(username="learner"), "phone", timezone.now()).access
    now = [counts()]

    @settings(settings.get_profile("fuzz"))
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        for name, value in (case.path_parameters or {}).items():
            case.path_parameters[name] = world.own("learner").get(name, value)
        response = case.call(app=WSGIHandler(), base_url="http://localhost/", headers={"Authorization": f"Bearer {token}"})
        case.validate_response(response, checks=CHECKED)
        before, now[0] = now[0], counts()
        assert response.status_code < 400 or now[0] == before, response.text

    try:
        call()
    except Unsatisfiable:
        pytest.skip("there is nothing to get wrong")
