"""manage.py demo: the whole of Carillon on one machine, from nothing. Read next: supervisor.py, world.py."""

import os
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from psycopg import sql

from demo.people import DOORS, PASSWORD
from demo.supervisor import (
    Supervisor,
    Unstartable,
    beat_command,
    free_port,
    is_free,
    live_command,
    start_broker,
    start_doubles,
    supervised,
    wait_for_port,
    web_command,
    worker_command,
)


class Command(BaseCommand):
    help = "Starts web, worker, beat and the providers' doubles over a demo world; --check runs it without pages and compares."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="run headless on a fresh database and print one JSON object")
        parser.add_argument(
            "--reset",
            action="store_true",
            default=os.environ.get("RESET", "") not in ("", "0", "no"),
            help="start over: forget the demo's data",
        )
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000", help="the port of the pages (default 8000)")

    def handle(self, *args: Any, check: bool, reset: bool, port: str, **options: Any) -> None:
        try:
            require_database()
            sys.exit(check_all() if check else serve(read_port(port), reset=reset))
        except Unstartable as error:
            self.stderr.write(str(error))
            sys.exit(2)


def read_port(text: str) -> int:
    """This function will read a port number. Raises Unstartable."""
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise Unstartable(f"{text!r} is not a port: choose a number from 1 to 65535.")
    return int(text)


def serve(port: int, *, reset: bool) -> int:
    """This function will run the demo until Ctrl-C, and give the exit code."""
    if not is_free(port):
        raise Unstartable(f"Port {port} is taken. Choose another: make demo PORT={port + 1}")
    var: Path = settings.RUNTIME_DIR / "demo"
    if reset:
        forget(var)
    database = os.environ.get("DATABASE_URL") or f"sqlite:///{var / 'carillon.sqlite3'}"
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "DATABASE_URL": database, "SITE_URL": address, "DJANGO_SETTINGS_MODULE": "settings.dev"}
    with supervised(var, environment) as demo:
        try:
            prepare(demo)
            start_pages(demo, port)
            demo.say(f"the pages are up at {address}; meanwhile the world is lived, day by day")
            demo.manage("load_demo_world")
            start_workers(demo)
            demo.manage("announce_lab")
            demo.manage("report_demo", "--ledger", str(var / "ledger.jsonl"), check=False)
            introduce(address, demo)
            demo.watch()
        except KeyboardInterrupt:
            print("\n  Stopping every process of the demo …", flush=True)
    print("  · stopped; the data is kept for the next time")
    return 0


def check_all() -> int:
    """This function will run the demo on a fresh database and broker, print the report as JSON, and give the exit code."""
    began = time.time()
    var = Path(tempfile.mkdtemp(prefix="carillon-check-"))
    try:
        with fresh_database(os.environ.get("DATABASE_URL"), var) as database:
            environment = {**os.environ, "DATABASE_URL": database, "CARILLON_VAR": str(var), "DJANGO_SETTINGS_MODULE": "settings.dev"}
            with supervised(var, environment, talk_to=sys.stderr) as demo:
                prepare(demo)
                demo.manage("load_demo_world")
                start_workers(demo)
                demo.manage("announce_lab")
                report = ["report_demo", "--json", "--ledger", str(var / "ledger.jsonl"), "--since", str(began)]
                return demo.manage(*report, check=False, talk_to=sys.stdout)
    finally:
        shutil.rmtree(var, ignore_errors=True)


def prepare(demo: Supervisor) -> None:
    """This function will bring up what everything else stands on: broker, doubles, tables."""
    demo.env["REDIS_URL"] = start_broker(demo)
    demo.env.update(start_doubles(demo))
    demo.manage("migrate", "--verbosity", "0")
    demo.say(f"database {_without_password(demo.env['DATABASE_URL'])}, broker {_without_password(demo.env['REDIS_URL'])}")


def start_pages(demo: Supervisor, port: int) -> None:
    """This function will start the web server, and beside it the stream of live updates where there is a Redis to carry them."""
    if not demo.env["REDIS_URL"].startswith("filesystem"):
        live = free_port()
        demo.env["LIVE_URL"] = f"http://127.0.0.1:{live}/live/"
        demo.start("live", live_command(live), may_restart=True)
        wait_for_port(live, "live", demo)
    demo.start("web", web_command(port))
    wait_for_port(port, "web", demo)


def start_workers(demo: Supervisor) -> None:
    """This function will start worker and beat: the world's past is over, from here on the clock is real."""
    demo.start("worker", worker_command("threads" if demo.env["DATABASE_URL"].startswith("sqlite") else "prefork"), may_restart=True)
    demo.start("beat", beat_command(demo.var))


def introduce(address: str, demo: Supervisor) -> None:
    """This function will print where to look and who one can be."""
    print(f"  Carillon is at {address}\n\n  Sign in with the password {PASSWORD} as\n")
    for door in DOORS:
        print(f"    {door.username:<12} {door.role!s:<12} {door.sees}")
    print(f"\n  Logs and the providers' ledger are in {demo.var}. Ctrl-C stops everything.\n", flush=True)


def forget(var: Path) -> None:
    """This function will start over: the embedded database and ledger go; a database of your own is emptied."""
    shutil.rmtree(var, ignore_errors=True)
    if os.environ.get("DATABASE_URL"):
        call_command("migrate", verbosity=0)
        call_command("flush", interactive=False, verbosity=0)


def require_database() -> None:
    """This function will see that a PostgreSQL of one's own answers. Raises Unstartable."""
    given = os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgres"):
        return
    try:
        psycopg.connect(given, connect_timeout=5).close()
    except (psycopg.Error, UnicodeError) as error:
        raise Unstartable(f"DATABASE_URL names a database that does not answer: {_without_password(given)}") from error


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return url if parts.password is None else url.replace(f":{parts.password}@", ":…@")


@contextmanager
def fresh_database(given: str | None, var: Path) -> Iterator[str]:
    """This function will give the address of an empty database: a file, or one made beside the PostgreSQL database that is named."""
    if not given or given.startswith("sqlite"):
        yield f"sqlite:///{var / 'carillon.sqlite3'}"
        return
    name = f"carillon_check_{uuid4().hex[:12]}"
    with psycopg.connect(given, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(given)._replace(path=f"/{name}"))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
