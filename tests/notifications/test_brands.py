"""One installation, several sites: each one's mail is its own, and nothing of one is in another's."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from channels_ace.api import Delivery, deliver_all
from notifications.api import notify
from notifications.brands import looks_of
from notifications.models import Brand, BrandMember, BrandText
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db
NORTH, SOUTH = "course-v1:NorthX+A+1", "course-v1:SouthX+B+1"


@pytest.fixture(autouse=True)
def one_by_one(settings: Any) -> None:
    settings.CHANNELS_ACE = {**settings.CHANNELS_ACE, "BUFFER_MINUTES": 0}


@pytest.fixture
def brands() -> tuple[Brand, Brand]:
    north = Brand.objects.create(
        name="North School",
        orgs=["NorthX"],
        address="https://north.example.org",
        sender_name="North, School",
        sender_address="hello@north.example.org",
        logo="https://north.example.org/logo.png",
        colour="#7a1f1f",
        footer="1 North Road\nNorthtown",
    )
    return north, Brand.objects.create(name="South School", orgs=["SouthX"])


def say(scope: str, *people: User) -> None:
    notify(
        type="discussion.new_response",
        audience=people,
        context={"replier_name": "lee", "post_title": "Who answers?"},
        link="/inbox/",
        scope=scope,
        now=NOW,
    )
    deliver_all(NOW)


def sent(address: str) -> tuple[Any, str]:
    """The one mail to somebody, and all that is in it."""
    found: Any
    (found,) = [one for one in mail.outbox if one.to == [address]]
    return found, "\n".join([found.subject, found.body, found.alternatives[0][0], str(found.message())])


def test_mail_of_two_sites_differs_and_nothing_leaks(brands: tuple[Brand, Brand]) -> None:
    ana, ben = make_user("ana", email="ana@example.org"), make_user("ben", email="ben@example.org")
    say(NORTH, ana)
    say(SOUTH, ben)

    north, in_north = sent("ana@example.org")
    south, in_south = sent("ben@example.org")
    assert north.from_email == '"North, School" <hello@north.example.org>'
    assert south.from_email.startswith("South School <no-reply@")
    for words in ("https://north.example.org/settings/", "https://north.example.org/logo.png", "#7a1f1f", "1 North Road", "North School"):
        assert words in in_north
    assert "north" not in in_south.lower()
    assert "south" not in in_north.lower()
    assert 'alt="North School"' in in_north
    assert "https://north.example.org/unsubscribe/" in str(north.message()["List-Unsubscribe"])
    assert north.message()["Message-ID"].endswith("@north.example.org>")


def test_the_course_decides_before_the_person_and_the_person_before_the_installation(brands: tuple[Brand, Brand]) -> None:
    south = brands[1]
    ana, ben, eve = (make_user(name, email=f"{name}@example.org") for name in ("ana", "ben", "eve"))
    BrandMember.objects.create(user=ana, brand=south)
    BrandMember.objects.create(user=ben, brand=south)
    say(NORTH, ana)
    say("course-v1:Elsewhere+C+1", ben, eve)

    assert "North School" in sent("ana@example.org")[1]
    assert "South School" in sent("ben@example.org")[1]
    plain = sent("eve@example.org")
    assert plain[0].from_email.startswith("Carillon <")
    assert ("North" in plain[1], "South" in plain[1]) == (False, False)


def test_a_site_says_it_in_its_own_words_in_one_language(brands: tuple[Brand, Brand]) -> None:
    BrandText.objects.create(
        brand=brands[0], type="discussion.new_response", file="text.txt", language="en", text="{{ replier_name }} <replied> to you"
    )
    ana, ben = make_user("ana", email="ana@example.org"), make_user("ben", email="ben@example.org", language="es")
    say(NORTH, ana, ben)

    english, in_english = sent("ana@example.org")
    assert english.subject == "lee <replied> to you"
    assert "lee &lt;replied&gt; to you" in in_english
    assert "replied" not in sent("ben@example.org")[1]


def test_a_batch_needs_no_statement_for_each_brand_or_person(brands: tuple[Brand, Brand], django_assert_max_num_queries: Any) -> None:
    people = [make_user() for _number in range(3)]

    notify(type="discussion.new_response", audience=people, context={"replier_name": "l", "post_title": "t"}, scope=NORTH, now=NOW)
    deliveries = list(Delivery.objects.select_related("message"))
    with django_assert_max_num_queries(3):
        assert {look.key for look in looks_of(deliveries).values()} == {str(brands[0].pk)}


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator", "operator@example.org", "a long password"))
    return client


GOOD: dict[str, Any] = {"name": "East School", "orgs": '["EastX"]', "colour": "#2b59c3", "texts-TOTAL_FORMS": 0, "texts-INITIAL_FORMS": 0}
TEXT = {
    "texts-TOTAL_FORMS": 1,
    "texts-0-type": "discussion.new_response",
    "texts-0-file": "email/subject.txt",
    "texts-0-language": "en",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "#ffee00"},
        {"colour": "red"},
        {"colour": "#2b59c3; }"},
        {"logo": "http://east.example.org/logo.png"},
        {"logo": "javascript:alert(1)"},
        {"address": "https://east.example.org/path"},
        {"sender_address": "nobody"},
        {"orgs": '["NorthX"]'},
        {"orgs": '"EastX"'},
        {"address": "javascript:alert(1)"},
        {"orgs": "[7]"},
        {**TEXT, "texts-0-text": "{% if %}"},
        {**TEXT, "texts-0-text": "{% include 'registration/login.html' %}", "texts-0-file": "../x"},
        {**TEXT, "texts-0-text": "fine", "texts-0-type": "nobody.knows"},
    ],
)
def test_what_would_break_mail_is_refused(brands: tuple[Brand, Brand], operator: Client, changes: dict[str, Any]) -> None:
    answer = operator.post("/admin/carillon_notifications/brand/add/", {**GOOD, **changes})

    assert (answer.status_code, Brand.objects.count()) == (200, 2)


def test_an_operator_makes_a_brand_and_sees_its_mail(operator: Client) -> None:
    made = operator.post("/admin/carillon_notifications/brand/add/", {**GOOD, **TEXT, "texts-0-text": "East: {{ text }}"})
    assert made.status_code == 302
    brand = Brand.objects.get()
    page = operator.get(f"/admin/carillon_notifications/brand/{brand.pk}/change/").content.decode()
    preview = f"/dev/messages/discussion.new_response/email/en/?brand={brand.pk}"
    assert preview in page

    shown = operator.get(preview).content.decode()

    assert "East: " in shown
    assert f"html/?brand={brand.pk}" in shown
    assert "East School" in operator.get(preview.replace("?", "html/?")).content.decode()


@pytest.mark.parametrize("key", ["0", "x", "9" * 30, "-1"])
def test_a_brand_that_is_none_is_not_found(operator: Client, key: str) -> None:
    assert operator.get(f"/dev/messages/discussion.new_response/email/en/?brand={key}").status_code == 404
