from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from notifications.models import InboxItem
from studies.api import withdraw
from tests.factories import make_user
from tests.scheduling.worlds import join, make_study

pytestmark = pytest.mark.django_db


def page_of(person: object) -> str:
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]
    return client.get("/studies/mine/").content.decode()


def test_a_participant_sees_what_is_to_do_today() -> None:
    now = timezone.now()
    enrollment = join(make_study(now), now, zone="UTC")

    page = page_of(enrollment.user)

    assert "Daily Moments" in page
    assert "Daily activities" in page
    assert "To do" in page


def test_who_left_is_told_that_nothing_comes_any_more() -> None:
    now = timezone.now()
    enrollment = join(make_study(now), now - timedelta(days=2))
    withdraw(enrollment, now=now)

    assert "You left this study" in page_of(enrollment.user)


def test_nobody_else_s_study_is_shown() -> None:
    now = timezone.now()
    join(make_study(now), now)

    assert "Daily Moments" not in page_of(make_user())


def test_joining_puts_a_welcome_into_the_inbox() -> None:
    now = timezone.now()
    enrollment = join(make_study(now), now)

    assert InboxItem.objects.get(user=enrollment.user).message.link == "/studies/mine/"
