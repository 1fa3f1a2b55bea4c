"""Where each kind of person lands after signing in."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from studies.models import StudyRole
from tests.factories import NOW, make_user
from tests.scheduling.worlds import make_study

pytestmark = pytest.mark.django_db


def landing(person: User) -> str:
    client = Client()
    client.force_login(person)
    return str(client.get("/").headers["Location"])


def make_operator() -> User:
    person = make_user()
    person.is_staff = person.is_superuser = True
    person.save()
    return person


def test_a_learner_lands_in_the_inbox() -> None:
    assert landing(make_user()) == reverse("inbox")


def test_a_researcher_lands_at_the_studies_before_there_is_one_and_after() -> None:
    person = make_user()
    person.user_permissions.add(Permission.objects.get(codename="add_study", content_type__app_label="studies"))
    assert landing(person) == reverse("studies")
    StudyRole.objects.create(study=make_study(NOW), user=person, role=StudyRole.Role.VIEWER)
    assert landing(person) == reverse("studies")


def test_an_operator_who_may_do_everything_lands_in_the_administration() -> None:
    assert landing(make_operator()) == reverse("admin:index")


def test_an_operator_with_a_study_of_their_own_lands_at_the_studies() -> None:
    person = make_operator()
    StudyRole.objects.create(study=make_study(NOW), user=person, role=StudyRole.Role.OWNER)
    assert landing(person) == reverse("studies")
