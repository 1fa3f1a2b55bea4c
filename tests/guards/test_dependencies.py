import re

import pytest

from tests.settings.production import ROOT

SOURCES = sorted((ROOT / "requirements").glob("*.in"))
LOCKED = [ROOT / "requirements.txt", ROOT / "requirements" / "dev.txt", ROOT / "requirements" / "install.txt"]


def requirements_of(name: str) -> list[str]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("#", "-"))]


@pytest.mark.parametrize("name", [path.name for path in SOURCES])
def test_every_requirement_says_what_it_is_for(name: str) -> None:
    assert requirements_of(name) != []
    assert [line for line in requirements_of(name) if not re.search(r"\S\s+# \w.{8,}", line)] == []


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_every_locked_requirement_is_one_version_with_its_hashes(path: object) -> None:
    text = (ROOT / str(path)).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-zA-Z0-9])", text)
    assert len(entries) > 0
    assert [
        entry.splitlines()[0] for entry in entries if not re.match(r"[\w.\-\[\],]+==\S+.*\\\n\s+--hash=sha256:[0-9a-f]{64}", entry)
    ] == []


@pytest.mark.parametrize("name", [path.name for path in SOURCES])
def test_every_requirement_is_locked(name: str) -> None:
    locked = "\n".join(path.read_text(encoding="utf-8").lower() for path in LOCKED)
    names = [re.split(r"[\[=~<>;\s]", line, maxsplit=1)[0].lower() for line in requirements_of(name)]
    assert [package for package in names if f"\n{package}==" not in "\n" + locked and f"\n{package}[" not in locked] == []
