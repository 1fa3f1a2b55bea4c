from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from channels_ace import tasks
from channels_ace.api import BadAddress, ContactPoint, Suppression, add_contact_point, add_contact_points, suppress
from channels_ace.contact_points import forget_stale_devices
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "written", "kept", "shown"),
    [
        ("phone", " +1 (206) 555-0100 ", "+12065550100", "…0100"),
        ("phone", "+48 22 123 45 67", "+48221234567", "…4567"),
        ("email", " Ana.B@Example.ORG ", "Ana.B@example.org", "A…@example.org"),
        ("device_token", "abc:def-123", "abc:def-123", "…-123"),
    ],
)
def test_an_address_is_kept_one_way_and_only_its_hint_is_in_clear(kind: str, written: str, kept: str, shown: str) -> None:
    point = add_contact_point(user_id=make_user().pk, kind=kind, address=written, now=NOW)

    assert (ContactPoint.objects.get().address, point.hint, point.verified_at) == (kept, shown, None)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT address, {connection.ops.quote_name('index')}, owner_key FROM {ContactPoint._meta.db_table}")  # noqa: S608
        assert not any(kept in text for text in cursor.fetchone())


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("phone", "206 555 0100"),
        ("phone", "+1 206"),
        ("phone", "++"),
        ("email", "ana"),
        ("email", "a@b.org,c@d.org"),
        ("email", "a@b.org\nBcc: c@d.org"),
        ("device_token", ""),
        ("device_token", "a\nb"),
        ("device_token", "ż"),
        ("device_token", "x" * 4097),
    ],
)
def test_what_is_no_address_is_refused(kind: str, written: str) -> None:
    with pytest.raises(BadAddress):
        add_contact_point(user_id=make_user().pk, kind=kind, address=written, now=NOW)
    assert not ContactPoint.objects.exists()


def test_a_person_has_one_phone_and_a_changed_one_must_be_verified_again() -> None:
    person = make_user(phone="+12065550100")
    same = add_contact_point(user_id=person.pk, kind="phone", address="+1 206 555 0100", now=LATER)
    assert same.verified_at == NOW

    changed = add_contact_point(user_id=person.pk, kind="phone", address="+12065550101", now=LATER)

    assert (changed.pk, changed.verified_at) == (same.pk, None)
    assert ContactPoint.objects.count() == 1


def test_a_number_that_was_removed_must_be_verified_again() -> None:
    person = make_user(phone="+12065550100")
    ContactPoint.objects.update(removed_at=NOW, removed_reason="smtp_550")

    again = add_contact_point(user_id=person.pk, kind="phone", address="+12065550100", now=LATER)

    assert (again.verified_at, again.removed_at, again.removed_reason) == (None, None, "")


def test_two_people_may_share_a_phone_but_a_device_has_one_owner() -> None:
    first, second = make_user(phone="+12065550100", device="device-1"), make_user(phone="+12065550100")
    old = ContactPoint.objects.get(kind="device_token")

    moved = add_contact_point(user_id=second.pk, kind="device_token", address="device-1", now=LATER, verified=True)

    assert ContactPoint.objects.filter(kind="phone").count() == 2
    assert list(ContactPoint.objects.filter(kind="device_token").values_list("user_id", flat=True)) == [second.pk]
    assert moved.pk != old.pk
    assert moved.created_at == LATER
    assert not ContactPoint.objects.filter(user=first, kind="device_token").exists()


def test_an_import_leaves_alone_what_a_person_has_already() -> None:
    person, other = make_user(phone="+12065550100"), make_user()
    add_contact_points([(person.pk, "phone", "+12065550199"), (other.pk, "phone", "+12065550101")], now=LATER)
    assert {point.user_id: point.address for point in ContactPoint.objects.all()} == {person.pk: "+12065550100", other.pk: "+12065550101"}


def test_an_import_with_a_bad_address_writes_nothing() -> None:
    with pytest.raises(BadAddress):
        add_contact_points([(make_user().pk, "phone", "+12065550101"), (make_user().pk, "phone", "101")], now=LATER)
    assert not ContactPoint.objects.exists()


@pytest.mark.parametrize(("first", "second"), [("stop", "bounce"), ("bounce", "stop"), ("operator", "stop"), ("complaint", "operator")])
def test_each_reason_holds_until_it_is_lifted_itself(first: str, second: str) -> None:
    for reason in (first, second, first):
        suppress(channel="sms", kind="phone", address="+12065550100", reason=reason, now=NOW)

    Suppression.objects.filter(reason=second).update(lifted_at=LATER)

    assert set(Suppression.objects.values_list("reason", "lifted_at")) == {(first, None), (second, LATER)}


def test_a_suppression_that_was_lifted_holds_again_when_it_is_said_again() -> None:
    suppress(channel="sms", kind="phone", address="+12065550100", reason="stop", now=NOW)
    Suppression.objects.update(lifted_at=NOW)

    suppress(channel="sms", kind="phone", address="+1 206 555 0100", reason="stop", now=LATER)

    assert list(Suppression.objects.values_list("reason", "since", "lifted_at")) == [("stop", LATER, None)]


def test_a_device_that_is_not_registered_again_ages_out_and_nothing_else_does(settings: Any, django_assert_num_queries: Any) -> None:
    settings.DEVICE_DAYS = 60
    stale, fresh = make_user(), make_user()
    for user in (stale, fresh):
        add_contact_point(user_id=user.pk, kind="device_token", address=f"token-{user.pk}", now=NOW, verified=True)
        add_contact_point(user_id=user.pk, kind="device_fid", address=f"fid-{user.pk}", now=NOW, verified=True)
        add_contact_point(user_id=user.pk, kind="phone", address="+12065550100", now=NOW, verified=True)
    for kind, address in (("device_token", "token"), ("device_fid", "fid")):
        add_contact_point(user_id=fresh.pk, kind=kind, address=f"{address}-{fresh.pk}", now=NOW + timedelta(days=1), verified=True)

    assert forget_stale_devices(NOW + timedelta(days=60, seconds=-1)) == 0
    with django_assert_num_queries(1):
        assert forget_stale_devices(NOW + timedelta(days=60)) == 2

    gone = ContactPoint.objects.exclude(removed_at=None)
    assert set(gone.values_list("user_id", "kind", "removed_reason")) == {
        (stale.pk, "device_token", "stale"),
        (stale.pk, "device_fid", "stale"),
    }
    back = add_contact_point(
        user_id=stale.pk, kind="device_token", address=f"token-{stale.pk}", now=NOW + timedelta(days=61), verified=True
    )
    assert (back.removed_at, back.removed_reason) == (None, "")


def test_the_task_asks_the_clock(settings: Any) -> None:
    settings.DEVICE_DAYS = 1
    add_contact_point(user_id=make_user().pk, kind="device_token", address="token", now=NOW, verified=True)

    with time_machine.travel(NOW + timedelta(days=2)):
        tasks.forget_stale_devices()

    assert ContactPoint.objects.get().removed_reason == "stale"
