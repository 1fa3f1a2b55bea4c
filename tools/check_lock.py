"""Is each locked file what its .in file compiles to? Hashes are left out: an index adds files to releases that are out already."""

import difflib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAIRS = {
    "requirements/install.in": "requirements/install.txt",
    "requirements/base.in": "requirements.txt",
    "requirements/dev.in": "requirements/dev.txt",
}
UV = [
    str(ROOT / ".venv/bin/uv"),
    "pip",
    "compile",
    "--quiet",
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-header",
]
UNREACHABLE = re.compile(r"failed to fetch|error sending request|dns error|could not connect|tcp connect|network|timed out", re.IGNORECASE)


def pins(path: Path) -> list[str]:
    """This function will list the pinned lines of a locked file, without hashes and comments."""
    lines = (line.removesuffix("\\").rstrip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.lstrip().startswith(("--hash", "#"))]


def compiled_again(folder: Path) -> str:
    """This function will compile every .in file in a copy, keeping the versions pinned now, and return what uv complained of."""
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    shutil.copy(ROOT / "requirements.txt", folder)
    for source, locked in PAIRS.items():
        done = subprocess.run([*UV, source, "-o", locked], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return done.stderr.strip() or f"{source} cannot be compiled."
    return ""


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        complaint = compiled_again(folder)
        if complaint and UNREACHABLE.search(complaint):
            print("Locked requirements: not checked, the package registry is not reachable.")
            return 0
        if complaint:
            print(complaint)
            return 1
        stale = [locked for locked in PAIRS.values() if pins(ROOT / locked) != pins(folder / locked)]
        for locked in stale:
            print(
                "\n".join(
                    difflib.unified_diff(
                        pins(ROOT / locked), pins(folder / locked), f"{locked} (committed)", f"{locked} (compiled)", lineterm="", n=0
                    )
                )
            )
    if stale:
        print(f"Not what the .in files compile to: {', '.join(stale)}. Run `make lock` and commit the result.")
        return 1
    print("Locked requirements: as compiled from requirements/*.in.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
