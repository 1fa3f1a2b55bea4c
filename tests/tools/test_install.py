from pathlib import Path

import pytest

from tools import install


def test_an_older_python_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(install, "OLDEST", (99, 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^Carillon needs Python 99\.0 or newer; this is 3\.\d+\.\d+\. Install one, or name it: "):
        install.find_python()


def test_a_newer_python_beside_an_old_one_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    newer = tmp_path / "python3.12"
    newer.write_text("#!/bin/sh\n", encoding="utf-8")
    newer.chmod(0o755)
    monkeypatch.setattr(install, "OLDEST", (99, 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install.find_python() == str(newer)


def test_a_python_without_venv_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lacking = tmp_path / "python3.12"
    lacking.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    lacking.chmod(0o755)
    monkeypatch.setattr(install, "OLDEST", (99, 0))
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "INSIDE", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^This Python has no venv\. On Debian and Ubuntu: "):
        install.make_venv()
    assert not (tmp_path / ".venv").exists()


def test_the_index_that_pip_uses_is_the_one_uv_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example.org/simple")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    assert install.uv_environment(["false"])["UV_DEFAULT_INDEX"] == "https://mirror.example.org/simple"
