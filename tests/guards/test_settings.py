import ast
import re
from collections.abc import Iterator

import pytest

from tests.settings.production import ROOT, run_production

READERS = {"one_of", "choices", "text", "words", "flag", "number", "url", "database", "email", "options", "prices", "rates", "origins"}
REQUIRED = ["SECRET_KEY", "ALLOWED_HOSTS", "SITE_URL", "DATABASE_URL", "REDIS_URL", "EMAIL_URL", "FIELD_KEYS", "FIELD_INDEX_KEY"]
# What is set, and what the checks then say.
DEVELOPMENT_VALUES = {
    "SECRET_KEY": ("development-only-" + "k" * 60, "SECRET_KEY has its development value"),
    "FIELD_KEYS": ("ZGV2ZWxvcG1lbnQtb25seS1rZXktMDAwMDAwMDAwMDA=", "FIELD_KEYS has its development value"),
    "FIELD_INDEX_KEY": ("development-only-index-key", "FIELD_INDEX_KEY has its development value"),
    "AWS_ENDPOINT_URL": ("http://127.0.0.1:8026", "CHANNELS_ACE_PROVIDERS['AWS']['endpoint_url'] points at this machine"),
    "FCM_BASE_URL": ("http://127.0.0.1:8026", "CHANNELS_ACE_PROVIDERS['FCM']['base_url'] points at this machine"),
}
WEAK_VALUES = {
    "SECRET_KEY": ("short", "security.W009"),
    "FIELD_KEYS": ("no-key", "FIELD_KEYS holds a value that is no Fernet key"),
    "FIELD_INDEX_KEY": ("short", "FIELD_INDEX_KEY is shorter than"),
    "SECURE_SSL_REDIRECT": ("no", "security.W008"),
}


def variables_read() -> set[str]:
    return {name for path in sorted((ROOT / "settings").glob("*.py")) for name in names_in(ast.parse(path.read_text(encoding="utf-8")))}


def names_in(tree: ast.Module) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
        name, first = ast.unparse(call.func), call.args[0]
        is_read = name.removeprefix("env.") in READERS or name.startswith("os.environ.")
        if is_read and isinstance(first, ast.Constant):
            yield str(first.value)


def test_the_page_on_settings_lists_exactly_the_variables_that_are_read() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(variables_read())


def test_the_example_of_an_environment_names_only_variables_that_exist() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
    # Compose itself reads this one, for the database server.
    assert named - variables_read() == {"POSTGRES_PASSWORD"}


def test_the_example_of_an_environment_holds_no_secret() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    secret = re.findall(r"^(SECRET_KEY|FIELD_KEYS|FIELD_INDEX_KEY|POSTGRES_PASSWORD)=(.*)$", example, re.MULTILINE)
    assert [value for _, value in secret] == ["", "", "", ""]


def test_production_passes_every_deployment_check() -> None:
    done = run_production("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", REQUIRED)
def test_production_does_not_start_without_what_it_needs(name: str) -> None:
    done = run_production("-c", "import settings.production", **{name: None})
    assert done.returncode != 0
    assert f"{name} is not set." in done.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("SITE_URL", "http://carillon.example.org"), ("REDIS_URL", "filesystem://"), ("DATABASE_URL", "mysql://host/name")]
)
def test_production_refuses_addresses_of_the_wrong_kind(name: str, value: str) -> None:
    done = run_production("-c", "import settings.production", **{name: value})
    assert done.returncode != 0
    assert f"{name} must begin with" in done.stderr


@pytest.mark.parametrize("refused", [DEVELOPMENT_VALUES, WEAK_VALUES], ids=["values of development", "weak values"])
def test_production_refuses_every_value_that_is_not_safe(refused: dict[str, tuple[str, str]]) -> None:
    done = run_production(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", **{name: value for name, (value, _) in refused.items()}
    )
    assert done.returncode != 0
    assert [name for name, (_, sentence) in refused.items() if sentence not in done.stderr] == []
