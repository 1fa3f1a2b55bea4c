import re
from datetime import datetime
from html import unescape

import pytest
from babel.messages.catalog import Catalog, Message
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from notifications.api import InboxItem, notify
from studies.api import Study
from tests.factories import COURSE, make_user
from tests.scheduling.worlds import join, make_study
from tools.messages import PLACES, PLURALS, ROOT, compiled, is_missing, po_files, read_catalogue, texts_in_source

FILES = [pytest.param(place, language, id=f"{place}-{language}") for place in PLACES for language in PLURALS]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w+\}")
# The forms that stand for one number only: "the first day" and, in Arabic, "two days" need no figure.
WITHOUT_FIGURE = {"es": (0,), "ar": (0, 1, 2)}


def catalogue(place: str, language: str) -> Catalog:
    return read_catalogue(ROOT / place / "locale" / language / "LC_MESSAGES" / "django.po", language)


def texts(found: Catalog) -> list[Message]:
    return [message for message in found if message.id]


def key(message: Message) -> tuple[object, object]:
    return message.context, tuple(message.id) if message.pluralizable else message.id


def placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


def differing_forms(message: Message, language: str) -> list[str]:
    if not message.pluralizable:
        return [] if placeholders(str(message.string)) == placeholders(str(message.id)) else [str(message.string)]
    wanted = placeholders(message.id[1])
    found = [(number, form, placeholders(form)) for number, form in enumerate(message.string or ())]
    return [
        form
        for number, form, held in found
        if held != wanted and not (number in WITHOUT_FIGURE[language] and len(wanted) - len(held) == 1 and set(held) <= set(wanted))
    ]


def test_every_language_of_the_site_has_its_catalogues() -> None:
    assert {"en", *PLURALS} == {code for code, _name in settings.LANGUAGES}
    assert [path for _place, _language, path in po_files() if not path.exists()] == []


@pytest.mark.parametrize(("place", "language"), FILES)
def test_every_text_of_the_source_is_in_the_catalogue_and_no_other(place: str, language: str) -> None:
    written, found = ({key(message) for message in texts(each)} for each in (catalogue(place, language), texts_in_source(place)))
    assert found - written == set(), "run `make messages` and translate them"
    assert written - found == set(), "run `make messages`"


@pytest.mark.parametrize(("place", "language"), FILES)
def test_every_text_is_translated(place: str, language: str) -> None:
    assert [message.id for message in texts(catalogue(place, language)) if is_missing(message)] == []


@pytest.mark.parametrize(("place", "language"), FILES)
def test_a_translation_keeps_the_placeholders(place: str, language: str) -> None:
    read = texts(catalogue(place, language))
    assert {str(message.id): forms for message in read if (forms := differing_forms(message, language))} == {}


@pytest.mark.parametrize(("place", "language"), FILES)
def test_a_compiled_catalogue_is_that_of_its_source(place: str, language: str) -> None:
    path = ROOT / place / "locale" / language / "LC_MESSAGES" / "django.mo"
    assert path.read_bytes() == compiled(catalogue(place, language)), "run `make compile-messages`"


def untranslated(html: str) -> list[str]:
    """This function will list the English sentences of ours that a page still shows; in small letters a document may say the same."""
    shown = unescape(html)
    ours = {str(message.id) for place in PLACES for message in texts(catalogue(place, "ar")) if not message.pluralizable}
    return [text for text in sorted(ours) if text[0].isupper() and " " in text and not PLACEHOLDER.search(text) and text in shown]


def assert_is_arabic(html: str) -> None:
    assert '<html lang="ar" dir="rtl"' in html
    assert untranslated(html) == []


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def reader(client: Client) -> User:
    person = make_user("layla", language="ar", time_zone="Africa/Cairo")
    person.user_permissions.add(Permission.objects.get(codename="add_study", content_type__app_label="studies"))
    client.force_login(person)
    return person


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/sign-in/", "/nowhere/"])
def test_a_visitor_whose_browser_asks_for_arabic_reads_from_right_to_left(client: Client, address: str) -> None:
    assert_is_arabic(client.get(address, headers={"accept-language": "ar"}).content.decode())


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["inbox", "settings", "my_studies", "studies", "study_new"])
def test_the_pages_of_a_reader_of_arabic_run_from_right_to_left(client: Client, reader: User, name: str) -> None:
    notify(type="discussion.new_response", audience=[reader], context={"replier_name": "lee", "post_title": "Week 2"}, scope=COURSE)
    assert_is_arabic(client.get(reverse(name)).content.decode())


@pytest.mark.django_db
def test_the_reason_for_a_message_is_told_in_arabic(client: Client, reader: User) -> None:
    notify(type="discussion.new_response", audience=[reader], context={"replier_name": "lee", "post_title": "Week 2"}, scope=COURSE)
    item = InboxItem.objects.get(user=reader)
    assert_is_arabic(client.get(reverse("inbox-why", args=[item.message.public_id])).content.decode())


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["study", "study_import"])
def test_the_pages_of_a_study_run_from_right_to_left(client: Client, now: datetime, name: str) -> None:
    study = arabic_study(client, now)
    assert_is_arabic(client.get(reverse(name, args=[study.public_id])).content.decode())


@pytest.mark.django_db
def test_the_page_of_a_participant_runs_from_right_to_left(client: Client, now: datetime) -> None:
    study = arabic_study(client, now)
    enrollment = study.enrollments.get()
    assert_is_arabic(client.get(reverse("participant", args=[study.public_id, enrollment.public_id])).content.decode())


def arabic_study(client: Client, now: datetime) -> Study:
    study = make_study(now)
    join(study, now)
    owner = study.roles.get().user
    owner.carillon_recipient.language = "ar"
    owner.carillon_recipient.save()
    client.force_login(owner)
    return study
