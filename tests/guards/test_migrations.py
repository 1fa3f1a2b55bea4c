from collections import defaultdict
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations import AddField, CreateModel
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

from faults.upgrades import STOP_BEFORE
from tests.settings.production import ROOT

OURS = {config.label for config in apps.get_app_configs() if Path(config.path).parent == ROOT}


@pytest.mark.django_db
def test_no_model_waits_for_a_migration() -> None:
    # Exits with a code, and so fails, where a migration would be made.
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_migrations_of_an_app_are_one_line() -> None:
    assert {"carillon_channels", "carillon_notifications", "studies", "scheduling", "accounts"} <= OURS
    loader = MigrationLoader(None)
    children: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (app, name), migration in loader.disk_migrations.items():
        for parent_app, parent in migration.dependencies:
            if app in OURS and parent_app == app:
                children[app, parent].append(name)
    assert {node: names for node, names in children.items() if len(names) > 1} == {}


def test_every_app_has_one_last_migration() -> None:
    last = [app for app, _ in MigrationLoader(None).graph.leaf_nodes() if app in OURS]
    assert sorted(last) == sorted(set(last))


def test_our_tables_carry_a_prefix_of_ours_in_pluggable_apps() -> None:
    labels = ("carillon_channels", "carillon_notifications")
    tables = [model._meta.db_table for label in labels for model in apps.get_app_config(label).get_models()]
    assert [table for table in tables if not table.startswith("carillon_")] == []


def test_the_release_before_can_go_on_writing_where_a_column_comes() -> None:
    # given: what `make faults ONLY=FI-37` does with each migration, asked of those that add to a table which is there already
    found = set()
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        made = {one.name_lower for one in migration.operations if isinstance(one, CreateModel)}
        for one in migration.operations if app in OURS else []:
            if isinstance(one, AddField) and one.model_name_lower not in made and not one.field.many_to_many:
                is_filled = one.field.null or one.field.db_default is not NOT_PROVIDED
                found |= set() if is_filled else {f"{app}.{name}"}

    # then: what it does not name may be empty, or the database fills it (`db_default`)
    assert found <= STOP_BEFORE
    assert {"accounts.0008_settings_codes"} <= found
