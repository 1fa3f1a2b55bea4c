from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import ServiceToken, User
from accounts.service_tokens import PREFIX, find_service_token, make_service_token
from notifications.api import add_scopes
from tests.factories import NOW, make_user

LIST = "admin:accounts_servicetoken_changelist"


def make(**changed: Any) -> str:
    return make_service_token(**{"name": "lms", "scopes": ["tests:read"], "made_by_id": None, "expires_at": None, "now": NOW, **changed})


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator", "operator@example.org", "a long password"))
    return client


def test_a_token_is_found_and_stored_nowhere(db: None) -> None:
    clear = make()

    found = find_service_token(clear, NOW)

    assert found is not None
    assert (found.name, found.scopes) == ("lms", ["tests:read"])
    assert clear not in str(ServiceToken.objects.values().get())
    assert find_service_token(clear[:-1], NOW) is None


def test_its_last_use_is_noted_once_a_minute(db: None, django_assert_num_queries: Any) -> None:
    clear = make()
    find_service_token(clear, NOW)

    with django_assert_num_queries(1):
        find_service_token(clear, NOW + timedelta(seconds=30))
    find_service_token(clear, NOW + timedelta(seconds=90))

    assert ServiceToken.objects.get().used_at == NOW + timedelta(seconds=90)


def test_an_expired_or_revoked_token_is_refused_at_once(operator: Client) -> None:
    expired, revoked = make(expires_at=NOW), make()
    operator.post(reverse(LIST), {"action": "revoke", "_selected_action": [str(ServiceToken.objects.latest("pk").pk)]})

    for clear in (expired, revoked):
        answer = Client().get("/api/v1/inbox/", headers={"authorization": f"Bearer {clear}"})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="carillon"'


def test_a_service_is_nobody_and_has_no_inbox(db: None) -> None:
    answer = Client().get("/api/v1/inbox/", headers={"authorization": f"Bearer {make()}"})

    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_operator_makes_a_token_that_is_shown_once(operator: Client) -> None:
    add_scopes({"tests:read": "Read tests"})

    made = operator.post(reverse("admin:accounts_servicetoken_add"), {"name": "lms", "scopes": ["tests:read"]}, follow=True)
    again = operator.get(reverse(LIST))

    (shown,) = [word for word in str(next(iter(made.context["messages"]))).split() if word.startswith(PREFIX)]
    assert find_service_token(shown, NOW) == ServiceToken.objects.get()
    assert ServiceToken.objects.get().made_by == User.objects.get(username="operator")
    assert shown not in again.content.decode()


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize("wrong", [{"scopes": ["no:such"]}, {"scopes": []}, {"name": ""}, {"expires_at": "2020-01-01T00:00"}])
def test_a_token_that_makes_no_sense_is_not_made(operator: Client, wrong: dict[str, Any]) -> None:
    add_scopes({"tests:read": "Read tests"})

    answer = operator.post(reverse("admin:accounts_servicetoken_add"), {"name": "lms", "scopes": ["tests:read"], **wrong})

    assert answer.status_code == 200
    assert ServiceToken.objects.count() == 0


def test_a_token_beside_a_session_counts_as_the_token(db: None) -> None:
    client = Client()
    client.force_login(make_user())

    assert client.get("/api/v1/inbox/", headers={"authorization": f"Bearer {make()}"}).status_code == 403


@pytest.mark.parametrize("name", ["person:7", "Person:7", "person:"])
def test_no_service_passes_for_somebody_of_a_team(operator: Client, name: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make(name=name)
    answer = operator.post(reverse("admin:accounts_servicetoken_add"), {"name": name, "scopes": "tests:read"})

    assert "it would pass for a person" in answer.content.decode()
    assert not ServiceToken.objects.exists()
