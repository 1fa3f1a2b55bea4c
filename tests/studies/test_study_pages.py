"""A researcher's way: create a study, import its protocol, see what it means, publish."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from studies.enrollment import withdraw
from studies.json_text import NotJson, read_json
from studies.models import AuditEntry, ProtocolVersion, Study, StudyRole
from studies.publishing import create_study, import_protocol
from tests.factories import make_user
from tests.scheduling.worlds import join, make_study, mpower_document

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 10, 15, tzinfo=UTC)


@pytest.fixture
def researcher(client: Client) -> User:
    person = make_user("rosa")
    person.user_permissions.add(Permission.objects.get(codename="add_study", content_type__app_label="studies"))
    client.force_login(person)
    return person


@pytest.fixture
def study(researcher: User) -> Study:
    return create_study(name="mPower 2.0", participant_name="Daily Moments", owner_id=researcher.pk, now=NOW)


def import_url(study: Study) -> str:
    return reverse("study_import", args=[study.public_id])


def test_from_nothing_to_a_published_study(client: Client, researcher: User) -> None:
    # when
    created = client.post(reverse("study_new"), {"name": "mPower 2.0", "participant_name": "Daily Moments"})
    study = Study.objects.get()
    imported = client.post(created.headers["Location"], {"document_text": json.dumps(mpower_document())}, follow=True)
    seen = client.get(reverse("study_publish", args=[study.public_id]))
    published = client.post(reverse("study_publish", args=[study.public_id]), {"version": 1}, follow=True)

    # then
    assert created.headers["Location"] == import_url(study)
    html = imported.content.decode()
    assert "9 bursts of 2 weeks." in html
    assert "One every 13 weeks, on the same weekday." in html
    assert "The last ends on study day 742." in html
    assert "3 days in a row, or 4 in all" in html
    assert "The name for participants and all texts are ours." in html
    assert "The study goes live and takes participants." in seen.content.decode()
    assert published.redirect_chain[-1][0] == reverse("study", args=[study.public_id])
    study.refresh_from_db()
    assert study.state == Study.State.LIVE
    assert list(AuditEntry.objects.order_by("pk").values_list("what", "actor__username")) == [
        ("study_created", "rosa"),
        ("protocol_imported", "rosa"),
        ("protocol_published", "rosa"),
    ]


def test_a_file_is_taken_like_pasted_text(client: Client, study: Study) -> None:
    file = SimpleUploadedFile("protocol.json", b"\xef\xbb\xbf" + json.dumps(mpower_document()).encode())

    response = client.post(import_url(study), {"document_file": file})

    assert response.status_code == 302
    assert study.versions.get().document == mpower_document()


def test_every_text_is_shown_as_it_will_be_read_before_it_is_published(client: Client, study: Study) -> None:
    document = mpower_document() | {"link": "https://example.org/app"}
    document["nudges"][0]["texts"]["late"]["es"] = ["{study}: hechos {done} de {asked} desde el {first_day}. Quedan: {days_left}. STOP"]
    document["nudges"][1]["texts"]["default"]["en"] = ["{study}: {days_until} to {first_day}. {link} STOP " + "x" * 130]
    imported = client.post(import_url(study), {"document_text": json.dumps(document)}, follow=True)

    drawn = client.get(import_url(study), {"enrolled_on": "2026-01-10", "zone": "America/New_York"}).content.decode()
    published = client.get(reverse("study_publish", args=[study.public_id])).content.decode()

    assert imported.status_code == 200
    assert "Daily Moments: hechos 3 de 10 desde el 10 de enero. Quedan: 7. STOP</td>" in drawn
    assert 'lang="es" dir="auto">Daily Moments: hechos 3 de 10' in drawn
    assert "Daily Moments: 1 to April 11. https://example.org/app STOP xxx" in drawn
    assert "Daily Moments: hechos 3 de 10" in published
    assert '<td data-label="Parts">2</td>' in published


def without_length(document: dict[str, Any]) -> None:
    del document["burst_series"][0]["length_days"]
    document["nudges"][0]["send_at"] = "25:00"


def test_every_problem_of_a_document_is_named_with_its_path_and_nothing_is_stored(client: Client, study: Study) -> None:
    document = mpower_document()
    without_length(document)

    html = client.post(import_url(study), {"document_text": json.dumps(document)}).content.decode()

    assert "<code>$.burst_series[0].length_days</code>: is missing" in html
    assert "<code>$.nudges[0].send_at</code>: must be a time of day such as 09:30" in html
    assert "Mend 2 things in the document" in html
    assert not ProtocolVersion.objects.exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"schema": "carillon-protocol/1",\n "id": }', "This is not JSON from line 2, column 8 on."),
        (b"\xff\xfe\x00", "This is not text in UTF-8."),
        (b"[" * 200_000, "This is nested too deeply."),
        (b'{"id": 1, "id": 2}', "“id” is given twice in the same place."),
        (b'{"id": NaN}', "This holds a number that cannot be read."),
        (b'{"id": ["\\u0000"]}', "This holds a NUL character."),
        (b'{"id": "\\ud800"}', "This is not text in UTF-8."),
        (b" " * 1_048_577, "This is larger than 1 MB."),
        (b"[]", "<code>$</code>: must be of type object"),
    ],
)
def test_what_is_no_document_is_refused_with_its_reason(client: Client, study: Study, content: bytes, problem: str) -> None:
    response = client.post(import_url(study), {"document_file": SimpleUploadedFile("protocol.json", content)})

    assert response.status_code == 200
    assert problem in response.content.decode()
    assert not ProtocolVersion.objects.exists()


def test_a_document_must_be_given_once(client: Client, study: Study) -> None:
    file = SimpleUploadedFile("protocol.json", b"{}")

    assert "Choose a file, or paste a document below." in client.post(import_url(study), {}).content.decode()
    assert "not both" in client.post(import_url(study), {"document_file": file, "document_text": "{}"}).content.decode()


def test_errors_stand_beside_their_fields(client: Client, researcher: User) -> None:
    html = client.post(reverse("study_new"), {"name": "", "participant_name": "x" * 41}).content.decode()

    assert html.index("This field is required.") < html.index('name="name"') < html.index("at most 40 characters")
    assert not Study.objects.exists()


def test_the_example_is_drawn_for_the_date_and_zone_asked_for(client: Client, study: Study, researcher: User) -> None:
    import_protocol(study, mpower_document(), actor_id=researcher.pk, now=NOW)

    asked = client.get(import_url(study), {"enrolled_on": "2027-02-01", "zone": "Asia/Kolkata"})
    nonsense = client.get(import_url(study), {"enrolled_on": "9999-12-31", "zone": "Mars/Olympus"})

    timeline = asked.context["summary"]["timeline"]
    assert timeline["bursts"][0]["start_date"].isoformat() == "2027-02-01"
    assert timeline["clock_changes"] == []
    assert "Choose a year between 2000 and 2100." in nonsense.content.decode()


def test_what_was_seen_is_what_is_published(client: Client, study: Study, researcher: User) -> None:
    import_protocol(study, mpower_document(), actor_id=researcher.pk, now=NOW)
    import_protocol(study, mpower_document(), actor_id=researcher.pk, now=NOW)

    html = client.post(reverse("study_publish", args=[study.public_id]), {"version": 1}).content.decode()

    assert "Another document was imported meanwhile." in html
    assert 'name="version" value="2"' in html
    assert not ProtocolVersion.objects.filter(published_at__isnull=False).exists()


def test_who_publishes_sees_what_it_changes_for_those_who_are_in_and_chooses(client: Client, researcher: User) -> None:
    # given: one in the study, one who left
    study = make_study(NOW)
    StudyRole.objects.create(study=study, user=researcher, role=StudyRole.Role.OWNER)
    person = join(study, NOW)
    withdraw(join(study, NOW, phone="+12065550101"), now=NOW)
    document = mpower_document()
    document["burst_series"][0] |= {"count": 10, "interval": "P10W"}
    import_protocol(study, document, actor_id=researcher.pk, now=NOW)
    publish_url = reverse("study_publish", args=[study.public_id])

    # when
    seen = client.get(publish_url).content.decode()
    unsaid = client.post(publish_url, {"version": 2}).content.decode()
    nonsense = client.post(publish_url, {"version": 2, "applies_to": "some"}).content.decode()
    client.post(publish_url, {"version": 2, "applies_to": "all"})

    # then
    assert "1 participant gets other dates." in seen
    assert "Everybody gains these events: custom:activityBurst10Start." in seen
    assert 'type="radio" name="applies_to" value="new"' in seen
    assert "This field is required." in unsaid
    assert "Select a valid choice." in nonsense
    assert study.versions.get(number=1).amended_by == study.versions.get(number=2)
    page = client.get(reverse("participant", args=[study.public_id, person.public_id])).content.decode()
    assert "2 (joined with 1)" in page


def test_before_anybody_is_in_nobody_is_asked_who_follows(client: Client, study: Study, researcher: User) -> None:
    import_protocol(study, mpower_document(), actor_id=researcher.pk, now=NOW)

    seen = client.get(reverse("study_publish", args=[study.public_id])).content.decode()

    assert "applies_to" not in seen


def test_publishing_again_leads_to_a_new_document(client: Client, researcher: User) -> None:
    study = make_study(NOW)
    StudyRole.objects.create(study=study, user=researcher, role=StudyRole.Role.COORDINATOR)

    response = client.post(reverse("study_publish", args=[study.public_id]), {"version": 1})

    assert response.headers["Location"] == import_url(study)
    assert AuditEntry.objects.filter(what="protocol_published").count() == 1


@pytest.mark.parametrize("name", ["study_import", "study_publish"])
def test_a_viewer_may_not_import_or_publish_and_for_a_stranger_there_is_no_study(client: Client, name: str) -> None:
    study = make_study(NOW)
    viewer, stranger = make_user(), make_user()
    StudyRole.objects.create(study=study, user=viewer, role=StudyRole.Role.VIEWER)
    url = reverse(name, args=[study.public_id])

    for person, status in ((viewer, 403), (stranger, 404)):
        client.force_login(person)
        assert client.get(url).status_code == status
        assert client.post(url, {"version": 1}).status_code == status


def test_who_works_on_no_study_and_may_not_create_one_sees_none_of_this(client: Client) -> None:
    client.force_login(make_user())

    assert client.get(reverse("studies")).status_code == 403
    assert client.post(reverse("study_new"), {"name": "x", "participant_name": "x"}).status_code == 403
    client.logout()
    assert client.get(reverse("studies")).status_code == 302


def test_the_list_shows_ones_own_studies_and_how_they_stand(client: Client, study: Study, researcher: User) -> None:
    other = make_study(NOW)
    mine = make_study(NOW)
    StudyRole.objects.create(study=mine, user=researcher, role=StudyRole.Role.VIEWER)
    join(mine, NOW)

    listed = {row["url"]: row for row in client.get(reverse("studies")).context["studies"]}

    assert reverse("study", args=[other.public_id]) not in listed
    assert listed[reverse("study", args=[study.public_id])]["state"] == "draft"
    row = listed[reverse("study", args=[mine.public_id])]
    assert (row["state"], row["version"], row["enrolled"]) == ("published", 1, 1)


def test_json_is_read_strictly() -> None:
    assert read_json('{"a": [1, "é"]}') == {"a": [1, "é"]}
    with pytest.raises(NotJson) as error:
        read_json('{"a": 1}\n x')
    assert (error.value.code, error.value.line, error.value.column) == ("syntax", 2, 2)


@pytest.mark.parametrize(("size", "status"), [(1_100_000, 200), (4_500_000, 400)])
def test_a_pasted_document_beyond_the_limit_is_refused_in_words(client: Client, study: Study, size: int, status: int) -> None:
    client.raise_request_exception = False

    response = client.post(import_url(study), {"document_text": " " * size})

    assert response.status_code == status
    assert "larger than 1 MB" in response.content.decode()
    assert not study.versions.exists()


@pytest.mark.parametrize("name", ["Daily\u202eMoments", "Daily\u200bMoments"])
def test_a_name_with_characters_that_cannot_be_seen_is_refused_beside_its_field(client: Client, researcher: User, name: str) -> None:
    response = client.post(reverse("study_new"), {"name": "A study", "participant_name": name})

    assert "invisible characters" in response.content.decode()
    assert not Study.objects.filter(participant_name=name).exists()
