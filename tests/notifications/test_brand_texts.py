"""A site's own texts: nothing wrong is saved, each is seen first, and every version can be put back."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import User
from channels_ace.api import find, shipped_names
from notifications.brand_texts import TextRefused, check_brand_text, files, known_names, put_back, remove_text, write_text, written_parts
from notifications.models import Brand, BrandText, BrandTextVersion
from notifications.registry import registered
from tests.factories import NOW

pytestmark = pytest.mark.django_db
ANSWERED = "discussion.new_response"


@pytest.fixture
def brand() -> Brand:
    return Brand.objects.create(name="North School", orgs=["NorthX"])


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator", "operator@example.org", "a long password"))
    return client


def text_of(brand: Brand, words: str, **changes: str) -> BrandText:
    return BrandText(**{"brand": brand, "type": ANSWERED, "file": "text.txt", "language": "en", "text": words, **changes})


@pytest.mark.parametrize(
    ("words", "changes", "says"),
    [
        ("{{ replier }} answered", {}, "Nobody fills replier. This type knows"),
        ("{% load i18n %}{% blocktranslate %}{{ repler_name }} answered{% endblocktranslate %}", {}, "Nobody fills repler_name."),
        ("{% if replier_name %}{{ a }}{% for b in c %}{{ d }}{% endfor %}{% endif %}", {}, "Nobody fills a, c, d."),
        ("{{ study }} waits", {}, "Nobody fills study."),
        ("{% if %}", {}, "This cannot be read"),
        ("{{ replier_name|nothing }}", {}, "This cannot be read"),
        ("{% include 'registration/login.html' %}", {}, "This cannot be read"),
        ("{% widthratio replier_name 0 post_title as x %}{{ x|divisibleby:0 }}", {}, "This cannot be read"),
        ("Hi", {"file": "sms/text.txt"}, "Nothing of this type goes out by this channel."),
    ],
)
def test_a_text_that_would_not_be_right_is_refused(brand: Brand, words: str, changes: dict[str, str], says: str) -> None:
    with pytest.raises(TextRefused, match="^" + says.replace(".", r"\.")):
        check_brand_text(text_of(brand, words, **changes))


def test_what_every_text_is_given_and_what_the_type_has_is_known(brand: Brand) -> None:
    check_brand_text(text_of(brand, "{{ replier_name }}: {{ post_title|truncatechars:20 }} {{ brand.name }} {{ link }} {{ course_name }}"))


@pytest.mark.parametrize("known", [known for known in registered() if not known.name.startswith("tests.")], ids=lambda known: known.name)
def test_no_text_of_ours_asks_for_what_its_type_does_not_know(known: Any) -> None:
    assert all(shipped_names(known.name, file) <= known_names(known.name) for file in files())
    assert set(find(known.name).variables) <= known_names(known.name)


def test_a_text_is_written_as_it_would_go_out(brand: Brand) -> None:
    parts = written_parts(text_of(brand, "{{ replier_name }} wrote from {{ brand.name }}"))
    assert ("inbox", "title", "replier name wrote from North School") in parts
    assert ("email", "subject", "replier name wrote from North School") in parts
    assert {channel for channel, _, _ in written_parts(text_of(brand, "Hi", file="email/subject.txt"))} == {"email"}


def held() -> list[str]:
    return list(BrandText.objects.values_list("text", flat=True))


def versions() -> list[str]:
    return list(BrandTextVersion.objects.order_by("pk").values_list("text", flat=True))


def test_every_version_is_kept_and_can_be_put_back(brand: Brand) -> None:
    text = text_of(brand, "one")
    write_text(text, by=None, now=NOW)
    text.text = "two"
    write_text(text, by=None, now=NOW)
    remove_text(text, by=None, now=NOW)
    assert (held(), versions()) == ([], ["one", "two", ""])

    put_back(BrandTextVersion.objects.get(text="one"), by=None, now=NOW)
    assert (held(), versions()) == (["one"], ["one", "two", "", "one"])
    gone = BrandTextVersion.objects.filter(text="")[0]
    put_back(gone, by=None, now=NOW)
    assert held() == []
    put_back(gone, by=None, now=NOW)
    assert len(versions()) == 5


def test_what_stood_there_before_versions_were_kept_can_be_put_back(brand: Brand) -> None:
    text = text_of(brand, "old")
    text.save()
    text.text = "new"
    write_text(text, by=None, now=NOW)
    assert versions() == ["old", "new"]


def test_a_text_that_became_one_of_another_part_leaves_its_first_as_installed(brand: Brand) -> None:
    text = text_of(brand, "one")
    write_text(text, by=None, now=NOW)
    text.language = "es"
    write_text(text, by=None, now=NOW)
    kept = list(BrandTextVersion.objects.order_by("pk").values_list("language", "text"))
    assert kept == [("en", "one"), ("en", ""), ("es", "one")]


def test_a_version_that_would_not_be_right_any_more_is_not_put_back(brand: Brand) -> None:
    version = BrandTextVersion.objects.create(
        brand=brand, type=ANSWERED, file="text.txt", language="en", text="{{ gone_since }}", written_at=NOW
    )
    with pytest.raises(TextRefused):
        put_back(version, by=None, now=NOW)
    assert held() == []


ADD, LIST = "admin:carillon_notifications_brandtext_add", "admin:carillon_notifications_brandtextversion_changelist"


def test_an_operator_sees_a_text_before_it_is_saved_and_undoes_it_after(brand: Brand, operator: Client) -> None:
    wanted = {"brand": brand.pk, "type": ANSWERED, "file": "text.txt", "language": "en", "text": "{{ replier_name }} <b>says</b>"}
    seen = operator.post(reverse(ADD), {**wanted, "_preview": "1"}).content.decode()
    assert "Nothing is saved yet" in seen
    assert "replier name &lt;b&gt;says&lt;/b&gt;" in seen
    assert held() == []

    assert "Nobody fills replier." in operator.post(reverse(ADD), {**wanted, "text": "{{ replier }}"}).content.decode()
    assert operator.post(reverse(ADD), wanted).status_code == 302
    text = BrandText.objects.get()
    change = reverse("admin:carillon_notifications_brandtext_change", args=[text.pk])
    operator.post(change, {**wanted, "text": "worse"})
    assert held() == ["worse"]
    page = operator.get(change).content.decode()
    assert reverse(LIST) in page

    first = BrandTextVersion.objects.order_by("pk")[0]
    assert BrandTextVersion.objects.filter(pk=first.pk, written_by__username="operator").exists()
    operator.post(reverse(LIST), {"action": "put_back", "_selected_action": [first.pk]})
    assert held() == [wanted["text"]]
    operator.post(reverse("admin:carillon_notifications_brandtext_delete", args=[text.pk]), {"post": "yes"})
    assert (held(), versions()[-1]) == ([], "")


def test_texts_on_the_page_of_a_brand_are_kept_as_versions_too(brand: Brand, operator: Client) -> None:
    page = reverse("admin:carillon_notifications_brand_change", args=[brand.pk])
    form = {"name": brand.name, "orgs": '["NorthX"]', "texts-TOTAL_FORMS": 1, "texts-INITIAL_FORMS": 0}
    row = {"texts-0-type": ANSWERED, "texts-0-file": "text.txt", "texts-0-language": settings.LANGUAGES[0][0]}
    assert operator.post(page, {**form, **row, "texts-0-text": "{{ nobody }}"}).status_code == 200
    assert operator.post(page, {**form, **row, "texts-0-text": "Hello"}).status_code == 302
    text = BrandText.objects.get()
    gone = {"texts-0-id": text.pk, "texts-0-brand": brand.pk, "texts-0-DELETE": "on", "texts-INITIAL_FORMS": 1}
    assert operator.post(page, {**form, **row, "texts-0-text": "Hello", **gone}).status_code == 302
    assert (held(), versions()) == ([], ["Hello", ""])
