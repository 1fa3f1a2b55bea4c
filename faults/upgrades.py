"""Every migration while somebody reads and writes as the release before did (FI-37).

Django's models of each moment say which columns that release named: it must be able to read, change and insert rows with just these,
before, during and after the migration that comes next.
"""

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.db import OperationalError, connection, models
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from psycopg import sql

from faults.cluster import Cluster
from faults.crew import ROOT
from faults.scene import Fault, Row, Scene

NAME = "carillon_upgraded"
ROWS, MANY = 2_000, 50_000
# Where a migration would be felt first.
LARGE = {"carillon_channels_delivery", "carillon_channels_attempt", "carillon_notifications_inboxitem"}
WRITERS, WRITES_A_SECOND = 4, 50
# A migration waits no longer than this for a lock, since everybody else waits behind it; then it is tried again.
LOCK_TIMEOUT, TRIES = "500ms", 20
# Beside these the release before cannot work: its processes are stopped first. Three add a column that it does not fill and the database
# has no default for; one takes a column away in the same release that stopped to name it; one makes the key of the plans another,
# and between it and the next the slots of nudges had other names.
STOP_BEFORE = {
    "accounts.0008_settings_codes",
    "scheduling.0002_event_history",
    "scheduling.0005_a_plan_a_track",
    "scheduling.0006_slots_by_series",
    "carillon_notifications.0011_webhooks",
    "carillon_channels.0013_originators_pace",
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with what a release knows of it."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]

    def statements(self) -> Iterator[sql.Composed]:
        """This function will give what a release says to a table: read a row, change it, insert one."""
        table = sql.Identifier(self.name)
        names = {
            "table": table,
            "key": sql.SQL(", ").join(map(sql.Identifier, self.key)),
            "columns": sql.SQL(", ").join(map(sql.Identifier, self.columns)),
            "same": sql.SQL(", ").join(sql.SQL("{0} = {0}").format(sql.Identifier(one)) for one in self.columns),
            # One of the first fifty rows, or of as many as there are.
            "that": sql.SQL("ctid = (SELECT ctid FROM (SELECT ctid FROM {} LIMIT 50) few ORDER BY random() LIMIT 1)").format(table),
        }
        yield sql.SQL("SELECT {columns} FROM {table} WHERE {that}").format(**names)
        yield sql.SQL("UPDATE {table} SET {same} WHERE {that}").format(**names)
        # That a row is there already is found after everything else that could be wrong with it.
        again = "INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE {that} ON CONFLICT ({key}) DO NOTHING"
        yield sql.SQL(again).format(**names)


@dataclass(kw_only=True)
class Traffic:
    """Requests of the release before, from several connections at once."""

    url: str
    # The migration that is going on, and the tables that it is about, as the release before knows them.
    asked: tuple[str, Sequence[Table]] = ("", ())
    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """This function will have requests made until it is left."""
        threads = [threading.Thread(target=self._write, args=(number,), daemon=True) for number in range(WRITERS)]
        threads.append(threading.Thread(target=self._read_at_length, daemon=True))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def ask(self, server: "psycopg.Connection[Any]", migration: str, table: Table) -> None:
        """This function will make the requests of one table, and note what they took and whether they failed."""
        for statement in table.statements():
            began = time.monotonic()
            try:
                server.execute(statement)
            except psycopg.Error as error:
                if migration not in STOP_BEFORE:
                    self.failed.append(f"{migration}: {table.name}: {str(error).splitlines()[0]}")
            self.seconds.append(time.monotonic() - began)

    def _write(self, number: int) -> None:
        # Two of three statements are writes.
        chance, pause = random.Random(number), 2 * WRITERS / WRITES_A_SECOND
        with self.connected() as server:
            while not self._is_over.wait(pause):
                migration, tables = self.asked
                if tables:
                    self.ask(server, migration, chance.choice(tables))

    def _read_at_length(self) -> None:
        """Somebody who has a transaction open for a moment, for whose end a migration has to wait."""
        with self.connected() as server:
            while not self._is_over.wait(0.1):
                # Not more than one: who reads two while a migration changes both is what a deadlock is.
                for table in self.asked[1][:1]:
                    with server.transaction():
                        server.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table.name)))
                        server.execute("SELECT pg_sleep(0.2)")

    def connected(self) -> "psycopg.Connection[Any]":
        """This function will connect as Django does, which prepares no statements."""
        return psycopg.connect(self.url, autocommit=True, prepare_threshold=None)


def migrate_under_writes(scene: Scene) -> Row:
    """This function will migrate a database from nothing, one step after the other, with rows in it and requests going on."""
    scene.begin()
    longest = ("", 0.0)
    with database(scene.cluster) as url, scene.draining():
        executor, traffic = MigrationExecutor(connection), Traffic(url=url)
        plan = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        state, known, ours = ProjectState(), dict[str, Table](), 0
        executor.recorder.ensure_schema()
        with traffic.flowing(), traffic.connected() as server:
            for migration in plan:
                name, is_ours = f"{migration.app_label}.{migration.name}", is_our_own(migration.app_label)
                touched = [known[table] for table in sorted(tables_of(migration, state)) if table in known]
                traffic.asked = (name, touched or list(known.values()))
                began = time.monotonic()
                state = take_step(executor, state, migration)
                took = time.monotonic() - began
                for table in touched:
                    traffic.ask(server, name, table)
                if is_ours:
                    ours, longest = ours + 1, max(longest, (name, took), key=lambda one: one[1])
                    known = known_tables(state, server, known)
                # From here on it is the release after that asks.
                traffic.asked = (f"after {name}", list(known.values()))
    late = sorted(traffic.seconds)[int(len(traffic.seconds) * 0.99)]
    failures = sorted(set(traffic.failed))
    for line in failures[:10]:
        scene.expect(False, f"failed: {line}")
    scene.expect(late < 1, f"99 % of requests within {late:.2f} s, not 1")
    scene.expect(longest[1] < 60, f"{longest[0]} took {longest[1]:.0f} s")
    scene.expect(len(known) > 40, f"only {len(known)} tables had rows")
    words = f"99 % of {len(traffic.seconds):,} requests within {1000 * late:.0f} ms, no migration longer than {longest[1]:.1f} s"
    return scene.row(f"FI-37 migrations under {WRITES_A_SECOND} writes a second ({words})", f"{ours} migrations")


@contextmanager
def database(cluster: Cluster) -> Iterator[str]:
    """This function will make an empty database beside the usual one, and have Django use it meanwhile."""
    kept = {key: connection.settings_dict[key] for key in ("NAME", "OPTIONS")}
    connection.close()
    cluster.execute(f"CREATE DATABASE {NAME}", database="postgres")
    connection.settings_dict.update(NAME=NAME, OPTIONS={**kept["OPTIONS"], "options": f"-c lock_timeout={LOCK_TIMEOUT}"})
    try:
        yield cluster.url.replace(str(kept["NAME"]), NAME)
    finally:
        connection.close()
        connection.settings_dict.update(kept)
        cluster.execute(f"DROP DATABASE {NAME} WITH (FORCE)", database="postgres")


def take_step(executor: MigrationExecutor, state: ProjectState, migration: Migration) -> ProjectState:
    """This function will apply one migration, again where it could not get a lock in time."""
    for left in reversed(range(TRIES)):
        try:
            return executor.apply_migration(state.clone(), migration)
        except OperationalError as error:
            if not left or "lock timeout" not in str(error):
                raise
    raise AssertionError


def is_our_own(label: str) -> bool:
    """This function will tell whether an app is one of this repository."""
    return Path(apps.get_app_config(label).path).parent == ROOT


def tables_of(migration: Migration, state: ProjectState) -> set[str]:
    """This function will give the tables that a migration names, as they are called before it."""
    label = migration.app_label
    names = {str(getattr(one, "model_name", "") or getattr(one, "name", "")).lower() for one in migration.operations}
    return {state.apps.get_model(label, name)._meta.db_table for name in names if (label, name) in state.models}


def known_tables(state: ProjectState, server: "psycopg.Connection[Any]", known: Mapping[str, Table]) -> dict[str, Table]:
    """This function will put rows into new tables, and list the tables of ours that have some."""
    found, empty = dict[str, Table](), list[type[models.Model]]()
    for model in state.apps.get_models(include_auto_created=True):
        if is_our_own(model._meta.app_label):
            if model._meta.db_table in known:
                found[model._meta.db_table] = table_of(model)
            else:
                empty.append(model)
    # What others refer to comes first, whatever its name.
    while filled := [model for model in empty if fill(model, server)]:
        found.update({model._meta.db_table: table_of(model) for model in filled})
        empty = [model for model in empty if model not in filled]
    return found


def table_of(model: type[models.Model]) -> Table:
    """This function will say what is known of a table by its model."""
    # A primary key of several columns is a field without one.
    columns = tuple(one.column for one in model._meta.local_concrete_fields if one.column)
    return Table(name=model._meta.db_table, key=tuple(str(one.column) for one in model._meta.pk_fields), columns=columns)


def fill(model: type[models.Model], server: "psycopg.Connection[Any]") -> bool:
    """This function will make up rows of a model in one statement, and say whether there are any now."""
    columns, values, references = list[str](), list[str](), 0
    for one in model._meta.local_concrete_fields:
        is_left_out = one.column is None or isinstance(one, models.AutoField) or (one.null and not one.primary_key)
        if is_left_out or one.db_default is not models.NOT_PROVIDED:
            continue
        columns.append(str(one.column))
        values.append(made_up(one, references))
        references += one.remote_field is not None
    rows = MANY if model._meta.db_table in LARGE else ROWS
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM generate_series(1, {}) n ON CONFLICT DO NOTHING").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        # Nothing here comes from outside.
        sql.SQL(", ".join(values)),
        sql.Literal(rows),
    )
    try:
        server.execute(statement)
    except psycopg.Error:
        return False
    return True


def made_up(one: "models.Field[Any, Any]", place: int) -> str:
    """This function will write a value that differs from row to row; the references of a row go different ways through their tables."""
    if isinstance(one, models.ForeignKey):
        number = f"1 + (n - 1 + {place} * (n / {ROWS})) % {ROWS}"
        return made_up_of(one.target_field, f"({number})")
    return made_up_of(one, "n")


def made_up_of(one: "models.Field[Any, Any]", number: str) -> str:
    """This function will write the value for a number."""
    if one.choices:
        return f"'{one.flatchoices[0][0]}'"
    if isinstance(one, models.ForeignKey):
        return made_up_of(one.target_field, number)
    for kind, value in _MADE_UP.items():
        if isinstance(one, kind):
            return value.format(n=number, length=one.max_length or 1_000)
    raise LookupError(f"Say in _MADE_UP what a {type(one).__name__} holds: {one} has none.")


_MADE_UP: dict[type["models.Field[Any, Any]"], str] = {
    models.UUIDField: "md5({n}::text)::uuid",
    models.BooleanField: "false",
    models.DurationField: "interval '1 hour'",
    models.DateTimeField: "timestamptz '2026-01-01' + {n} * interval '1 minute'",
    models.DateField: "date '2026-01-01' + {n} % 1000",
    models.TimeField: "time '09:00'",
    models.JSONField: "'[]'::jsonb",
    models.BinaryField: "'\\x00'::bytea",
    models.SmallIntegerField: "{n} % 30000",
    models.PositiveSmallIntegerField: "{n} % 30000",
    models.IntegerField: "{n}",
    models.DecimalField: "0",
    models.FloatField: "0",
    models.GenericIPAddressField: "'127.0.0.1'",
    models.CharField: "left(md5({n}::text), {length})",
    models.TextField: "md5({n}::text)",
}


FAULTS: dict[str, Fault] = {"FI-37": migrate_under_writes}
