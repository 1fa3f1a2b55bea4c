import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from studies.api import Study, protocol_of, shipped_protocols
from tests.factories import NOW, make_user
from tests.scheduling.worlds import make_study, mpower_document


@pytest.fixture
def study(db: None) -> Study:
    return make_study(NOW)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.parametrize("name", sorted(shipped_protocols()))
def test_every_shipped_document_is_checked(name: str) -> None:
    assert run("import_protocol", name) == f"{name} is a protocol.\n"


def test_a_document_is_kept_published_and_exported_as_it_was(study: Study, tmp_path: Path) -> None:
    person = make_user("ada")
    document = {**mpower_document(), "name": "Another"}
    (tmp_path / "one.json").write_text(json.dumps(document))

    said = run("import_protocol", str(tmp_path / "one.json"), "--study", study.public_id, "--as", person.username, "--publish")

    assert said == "Kept as version 2.\n"
    assert json.loads(run("export_protocol", study.public_id)) == document
    assert json.loads(run("export_protocol", study.public_id, "--number", "1")) == mpower_document()
    assert study.versions.get(number=2).published_at is not None


@pytest.mark.parametrize(
    ("content", "further", "said"),
    [
        (None, [], "cannot be read"),
        ("{", [], "cannot be read"),
        ('{"a": NaN}', [], "cannot be read"),
        ("[]", [], "1 problems"),
        ("{}", [], "7 problems"),
        ("good", ["--study", "nowhere", "--as", "ada"], "There is no study nowhere."),
        ("good", ["--study", "THIS"], "--as"),
        ("good", ["--study", "THIS", "--as", "nobody"], "--as"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_exit_2(
    study: Study, tmp_path: Path, content: str | None, further: list[str], said: str
) -> None:
    make_user("ada")
    path = tmp_path / "one.json"
    if content is not None:
        path.write_text(json.dumps(mpower_document()) if content == "good" else content)

    with pytest.raises(CommandError) as failed:
        run("import_protocol", str(path), *(study.public_id if word == "THIS" else word for word in further))

    assert failed.value.returncode == 2
    assert said in str(failed.value)
    assert study.versions.count() == 1


def test_a_version_that_is_not_there_is_not_exported(study: Study) -> None:
    for arguments in (["nowhere"], [study.public_id, "--number", "9"]):
        with pytest.raises(CommandError) as failed:
            run("export_protocol", *arguments)
        assert failed.value.returncode == 2


def test_whoever_has_a_role_downloads_the_document(study: Study, client: Client) -> None:
    url = reverse("study_export", args=[study.public_id, 1])
    client.force_login(make_user())
    assert client.get(url).status_code == 404
    owner = study.roles.get().user
    client.force_login(owner)

    answer = client.get(url)

    assert answer.json() == mpower_document()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mpower2-1.json"'
    assert client.get(reverse("study_export", args=[study.public_id, 2])).status_code == 404


def test_those_who_are_in_follow_only_what_is_published(study: Study, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--for-enrolled is said with") as refused:
        run("import_protocol", "mpower2", "--study", study.public_id, "--for-enrolled")

    assert refused.value.returncode == 2
    assert not study.versions.exclude(number=1).exists()


@pytest.mark.parametrize(
    ("path", "of"), [("$.nudges[0].channels[1]", "nudges"), ("$.schedules[0].sessions[0].reminders[0].channels[1]", "reminders")]
)
def test_a_channel_that_carries_no_reminder_is_refused_with_its_path(tmp_path: Path, path: str, of: str) -> None:
    document = mpower_document()
    channels = ["sms", "pigeon"]
    document["nudges"][0]["channels"] = channels if of == "nudges" else ["sms"]
    if of == "reminders":
        session = document["schedules"][0]["sessions"][0]
        del session["all_day"]
        step = {"after_minutes": 30, "channels": channels, "texts": {"en": ["{study}. STOP"]}}
        session |= {"times": ["10:00"], "window_minutes": 60, "reminders": [step]}
    (tmp_path / "one.json").write_text(json.dumps(document))
    out = StringIO()

    with pytest.raises(CommandError) as failed:
        call_command("import_protocol", str(tmp_path / "one.json"), stdout=out, stderr=out)

    assert failed.value.returncode == 2
    assert out.getvalue() == f"{path} must be one of: sms, push, email\n"


def test_a_version_that_would_be_refused_today_can_still_be_read(study: Study) -> None:
    version = study.versions.get()
    version.document["nudges"][0]["channels"] = ["pigeon"]
    version.save()

    assert protocol_of(version).nudge("missed").channels == ("pigeon",)
