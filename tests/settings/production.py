"""Production settings are read in a process of their own: a process has one set of settings."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tools.as_production import made_up

ROOT = Path(__file__).resolve().parent.parent.parent


def run_production(*command: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    """This function will run Python with the made-up environment of production, changed where told; None takes a variable away."""
    environment = {**{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}, **made_up(), **changed}
    kept = {name: value for name, value in environment.items() if value is not None}
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=kept, capture_output=True, text=True, timeout=60, check=False)


def read_production(name: str) -> object:
    """This function will return one setting of production."""
    done = run_production("-c", f"import json; from settings import production; print(json.dumps(production.{name}))")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
