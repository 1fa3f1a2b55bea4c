"""Make .venv and install locked requirements into it: `python3 tools/install.py requirements.txt ...`. Standard library only.

It must at least compile on an older Python, so that it can say what is missing in a sentence instead of a traceback.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
INSIDE = VENV / "bin" / "python"
INSTALLER = ROOT / "requirements" / "install.txt"


def say(line: str) -> None:
    print(line, flush=True)


def find_python() -> str:
    """This function will find a Python that is new enough: the one that runs this, else one beside it on PATH."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for name in NEWER:
        path = shutil.which(name)
        if path:
            return path
    wanted = ".".join(str(part) for part in OLDEST)
    found = ".".join(str(part) for part in sys.version_info[:3])
    sys.exit(
        "Carillon needs Python " + wanted + " or newer; this is " + found + ". Install one, or name it: make PYTHON=/path/to/python3 ..."
    )


def make_venv() -> None:
    """This function will make .venv unless a working one is there."""
    if INSIDE.exists() and subprocess.run([str(INSIDE), "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return
    python = find_python()
    if subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True).returncode != 0:
        sys.exit("This Python has no venv. On Debian and Ubuntu: apt-get install python3-venv")
    say("Making the virtual environment .venv with " + python)
    shutil.rmtree(VENV, ignore_errors=True)
    if subprocess.run([python, "-m", "venv", str(VENV)]).returncode != 0:
        sys.exit("The virtual environment could not be made; the lines above say why.")


def install(files: "list[str]") -> None:
    """This function will install exactly what the files lock: with uv, three times as fast, where that can be had, else with pip."""
    wanted = ["--require-hashes"]
    for name in files:
        wanted += ["-r", str(ROOT / name)]
    say("Installing " + ", ".join(files))
    pip = [str(INSIDE), "-m", "pip", "--disable-pip-version-check"]
    has_uv = subprocess.run([*pip, "install", "-q", "--require-hashes", "-r", str(INSTALLER)], capture_output=True).returncode == 0
    if has_uv:
        # Compiled now: otherwise the first start pays for it, and somebody waits for that page.
        fast = [str(VENV / "bin" / "uv"), "pip", "install", "-q", "--compile-bytecode", "--python", str(INSIDE), *wanted]
        if subprocess.run(fast, env=uv_environment(pip), capture_output=True).returncode == 0:
            return
    if subprocess.run([*pip, "install", "-q", *wanted]).returncode != 0:
        sys.exit("The requirements could not be installed; the lines above say why. Is the package registry reachable?")


def uv_environment(pip: "list[str]") -> "dict[str, str]":
    """This function will let uv use the package index and certificates that pip is set up with; uv does not read pip's settings."""
    environment = dict(os.environ)
    for option, variable in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        asked = subprocess.run([*pip, "config", "get", "global." + option], capture_output=True, text=True)
        value = os.environ.get("PIP_" + option.upper().replace("-", "_")) or (asked.stdout.strip() if asked.returncode == 0 else "")
        if value:
            environment.setdefault(variable, value)
    return environment


if __name__ == "__main__":
    make_venv()
    install(sys.argv[1:])
