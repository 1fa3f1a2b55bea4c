"""Where a person's mail goes when the address of their account changes: nowhere, until the new one is confirmed to be theirs."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.email_links import CONFIRMATION, CONFIRMATION_LASTS, fill_confirmation
from accounts.models import User
from channels_ace.api import ContactPoint, Delivery, deliver_all
from notifications.api import notify
from tests.factories import make_user
from tests.fakes.doubles import Doubles
from tests.fakes.ledger import digest_of

pytestmark = pytest.mark.django_db
OLD, NEW = "ana@example.org", "new@example.org"


@pytest.fixture
def ana() -> User:
    return make_user("ana", email=OLD)


def change(user: User, email: str) -> None:
    user.email = email
    user.save()


def point_of(user: User) -> ContactPoint | None:
    return ContactPoint.objects.filter(user=user, kind="email", removed_at=None).first()


def link_for(user: User) -> str:
    """This function will give the link of the last mail that asks to confirm an address, as a worker makes it."""
    delivery = Delivery.objects.select_related("message").filter(user=user, message__type=CONFIRMATION).latest("pk")
    assert fill_confirmation([delivery], timezone.now()) == []
    return delivery.message.link


def test_the_old_address_is_told_the_new_one_is_asked_and_nothing_else_goes_to_either(ana: User, doubles: Doubles) -> None:
    change(ana, NEW)
    notify(type="account.activated", audience=[ana])
    deliver_all(timezone.now())

    went = {(entry["to_digest"], entry["accepted"]) for entry in doubles.ledger.entries()}
    assert went == {(digest_of(OLD), True), (digest_of(NEW), True)}
    email = Delivery.objects.filter(channel="email")
    assert dict(email.values_list("message__type", "state")) == {
        "account.email_changed": "accepted",
        CONFIRMATION: "accepted",
        "account.activated": "suppressed",
    }
    assert email.get(message__type="account.activated").reason == "contact_unverified"


def test_what_was_on_its_way_to_the_old_address_stays_away(ana: User, doubles: Doubles) -> None:
    notify(type="account.activated", audience=[ana])
    change(ana, NEW)
    deliver_all(timezone.now())

    assert Delivery.objects.get(channel="email", message__type="account.activated").state == "suppressed"


def test_a_confirmed_address_gets_mail_again(ana: User, client: Client) -> None:
    change(ana, NEW)
    link = link_for(ana)
    page = client.get(link)
    point = point_of(ana)
    assert point is not None
    assert (page.status_code, point.verified_at) == (200, None)
    assert NEW not in page.content.decode()

    assert client.post(link).headers["Location"] == "/settings/"

    point.refresh_from_db()
    assert (point.address, point.verified_at is not None) == (NEW, True)


def test_a_link_confirms_only_the_address_that_it_was_sent_to(ana: User, client: Client) -> None:
    change(ana, NEW)
    link = link_for(ana)
    change(ana, "third@example.org")

    assert client.post(link).status_code == 404
    point = point_of(ana)
    assert point is not None
    assert (point.address, point.verified_at) == ("third@example.org", None)


def test_a_link_is_good_for_three_days_and_cannot_be_made_up(ana: User, client: Client) -> None:
    change(ana, NEW)
    link = link_for(ana)
    assert client.post(reverse("confirm-email", args=["x"])).status_code == 404
    assert client.post(link[:-3] + "x/").status_code == 404
    with time_machine.travel(timezone.now() + CONFIRMATION_LASTS + timedelta(seconds=2)):
        assert client.post(link).status_code == 404


@pytest.mark.parametrize("email", ["", "no address", "ana@exam ple.org"])
def test_mail_stops_where_no_address_follows(ana: User, email: str) -> None:
    change(ana, email)

    assert point_of(ana) is None
    assert not Delivery.objects.filter(message__type=CONFIRMATION).exists()


def test_the_same_address_in_other_letters_moves_nothing(ana: User) -> None:
    change(ana, "Ana@EXAMPLE.org")

    point = point_of(ana)
    assert point is not None
    assert point.verified_at is not None


def test_a_first_address_is_asked_for_and_tells_nobody() -> None:
    ben = make_user("ben")
    change(ben, "ben@example.org")

    point = point_of(ben)
    assert point is not None
    assert point.verified_at is None
    assert list(Delivery.objects.filter(channel="email").values_list("message__type", flat=True)) == [CONFIRMATION]


def test_an_operator_who_changes_it_moves_it_too(ana: User, admin_client: Client) -> None:
    User.objects.filter(pk=ana.pk).update(password=make_password("a long enough password"))
    page: Any = admin_client.get(reverse("admin:accounts_user_change", args=[ana.pk]))
    form = {name: value for name, value in page.context["adminform"].form.initial.items() if value not in (None, False)}
    joined = timezone.now()
    form |= {"email": NEW, "date_joined_0": joined.date(), "date_joined_1": joined.time(), "groups": [], "user_permissions": []}

    assert admin_client.post(reverse("admin:accounts_user_change", args=[ana.pk]), form).status_code == 302

    point = point_of(ana)
    assert point is not None
    assert (point.address, point.verified_at) == (NEW, None)
