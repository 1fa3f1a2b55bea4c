import re
import subprocess
from pathlib import Path

import pytest

from tests.settings.production import ROOT

# Written so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/(?:ro{2}t|w[o]rk|h[o]me/\w+|U[s]ers/\w+)/",
    "a host that serves other people's scripts": r"(?:cdn[.-]|unp[k]g\.com|js[d]elivr|cdn[j]s|fonts\.g[o]ogleapis|fonts\.g[s]tatic)",
    "a package registry": r"(?:pyp[i]\.org|python[h]osted\.org|registry\.npm[j]s|--(?:extra-)?ind[e]x-url)",
    "a merge that was not finished": r"(?m)^(?:<{7}|>{7}) ",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE K[E]Y-----\s+[A-Za-z0-9+/]{20}",
    "a key of AWS": r"\bA[K]IA[0-9A-Z]{16}\b",
}
# The names that people give such files.
SECRET_FILES = re.compile(r"(^|/)(\.env|.*\.pem|.*\.p12|.*service[-_]account.*\.json|id_rsa)$")


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = done.stdout.split("\0")[:-1]
    if not names:
        pytest.skip("Not a git checkout: which files are ours cannot be told")
    return [ROOT / name for name in names if (ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what: str) -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in re.finditer(FORBIDDEN[what], text)]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a path of one machine", "see /ro" + "ot/secret"),
        ("a path of one machine", '"/ho' + 'me/someone/project"'),
        ("a host that serves other people's scripts", "https://unp" + "kg.com/htmx.org"),
        ("a package registry", "https://py" + "pi.org/simple"),
        ("a merge that was not finished", "words\n" + "<" * 7 + " HEAD\n"),
        ("a private key", "-----BEGIN PRIVATE K" + "EY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC"),
        ("a key of AWS", "AK" + "IAIOSFODNN7EXAMPLE"),
    ],
)
def test_what_is_forbidden_would_be_found(what: str, text: str) -> None:
    assert re.search(FORBIDDEN[what], text)


def test_no_tracked_file_is_named_like_a_secret() -> None:
    names = [str(path.relative_to(ROOT)) for path in tracked()]
    assert [name for name in names if SECRET_FILES.search(name)] == []
