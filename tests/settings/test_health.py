from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from channels_ace.models import ProviderHealth
from settings import health
from settings.celery import app
from tests.settings.production import read_production


def test_the_process_is_alive_without_asking_a_database(client: Client) -> None:
    # No django_db mark: a query would fail this test.
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


@pytest.mark.django_db
def test_a_site_with_all_migrations_is_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["database"], told["migrations"]) == ("ready", "answers", "applied")
    assert (told["oldest_due_seconds"], told["deliveries"]) == (0, "on time")


@pytest.mark.django_db
def test_a_site_that_waits_for_a_migration_is_not_ready(client: Client) -> None:
    for label, name in MigrationLoader(connection).graph.leaf_nodes("carillon_channels"):
        MigrationRecorder(connection).record_unapplied(label, name)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "missing"


@pytest.mark.django_db
def test_a_broker_that_is_away_is_told_and_refuses_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # Port 9 is discard, which nobody serves.
    monkeypatch.setattr(app.conf, "broker_write_url", "redis://127.0.0.1:9/0")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["broker"]) == (200, "away")


@pytest.mark.django_db
def test_providers_that_rest_are_told_and_refuse_nothing(client: Client) -> None:
    ProviderHealth.objects.create(provider="eum", opened_at=datetime(2026, 6, 15, tzinfo=UTC))
    ProviderHealth.objects.create(provider="fcm")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["resting_providers"]) == (200, ["eum"])


def test_health_pages_only_answer_questions(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405


def test_health_pages_are_never_cached(client: Client) -> None:
    assert "no-store" in client.get("/healthz")["Cache-Control"]


def test_deliveries_are_late_only_after_many_sweeps() -> None:
    # The sweep runs every 15 seconds: fewer than that many would cry wolf at every restart.
    assert timedelta(minutes=5) < health.LATE_AFTER < timedelta(hours=1)


def test_orchestrators_ask_over_plain_http(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = read_production("SECURE_REDIRECT_EXEMPT")
    assert client.get("/healthz").status_code == 200
    assert client.get("/sign-in/").status_code == 301
