import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.settings.production import ROOT

PACKAGES = ("settings", "demo", "accounts", "scheduling", "studies", "notifications", "channels_ace")
# One import for each contract that it must not survive: contract, file, line.
OFFENCES = {
    "layers": ("channels_ace/offence.py", "import notifications.api"),
    "channels_ace": ("studies/offence.py", "from channels_ace.models import Delivery"),
    "notifications": ("scheduling/offence.py", "from notifications.models import InboxRow"),
    "studies": ("scheduling/offence.py", "import studies.models"),
    "scheduling": ("accounts/offence.py", "from scheduling import planner"),
    "accounts": ("demo/offence.py", "from accounts.models import User"),
    "pure": ("studies/protocol.py", "from django.utils import timezone"),
}


def lint_imports(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_every_import_contract_holds() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_has_an_offence_that_breaks_it() -> None:
    config = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = [line.split('"')[1] for line in config.splitlines() if line.startswith('id = "')]
    assert sorted(named) == sorted(OFFENCES)
    assert config.count("[[tool.importlinter.contracts]]") == len(OFFENCES)


@pytest.mark.parametrize("contract", OFFENCES)
def test_a_contract_breaks_by_one_import(contract: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static", "templates", "locale"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    name, line = OFFENCES[contract]
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")

    done = lint_imports(tmp_path, "--contract", contract)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 broken" in done.stdout
