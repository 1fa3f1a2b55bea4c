from collections.abc import Mapping, Sequence

import pytest

from channels_ace.api import Refused
from notifications.audience import course_audience
from tests.factories import COURSE, make_member, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def course() -> None:
    make_member(make_user("ana"), mode="verified", cohort="1", team="red")
    make_member(make_user("ben"), mode="audit", cohort="2")
    make_member(make_user("sue"), role="staff", mode="honor")
    make_member(make_user("ida"), role="instructor", mode="")
    make_member(make_user("mod"), role="moderator", mode="")
    make_member(make_user("cat"), role="community_ta", mode="")
    make_member(make_user("gone"), mode="verified", cohort="1", is_active=False)
    make_member(make_user("elsewhere"), "course-v1:Other+X+1", mode="verified", cohort="1", team="red", role="staff")


def names(filters: Mapping[str, Sequence[str]], except_user_id: int | None = None) -> set[str]:
    return set(course_audience(COURSE, filters, except_user_id=except_user_id).values_list("username", flat=True))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"ana", "ben", "sue", "ida", "mod", "cat"}),
        ({"course_roles": ["staff", "instructor"]}, {"sue", "ida"}),
        ({"discussion_roles": ["Moderator"]}, {"mod"}),
        ({"discussion_roles": ["Administrator", "Moderator", "Community TA"]}, {"mod", "cat"}),
        ({"discussion_roles": ["Student"]}, {"ana", "ben"}),
        ({"enrollments": ["verified", "audit"]}, {"ana", "ben"}),
        ({"teams": ["red"]}, {"ana"}),
        ({"cohorts": ["2"]}, {"ben"}),
        ({"cohorts": ["2"], "course_roles": ["staff"]}, {"ben", "sue"}),
        ({"cohorts": []}, set()),
        ({"cohorts": [""]}, set()),
        ({"cohorts": ["3"]}, set()),
        ({"course_roles": ["no_such_role"]}, set()),
    ],
    ids=str,
)
def test_filters_add_up_as_on_the_platform(course: None, filters: Mapping[str, Sequence[str]], expected: set[str]) -> None:
    assert names(filters) == expected


def test_whom_an_exclusion_means_is_left_out_whatever_else_they_are(course: None) -> None:
    make_member(course_audience(COURSE, {"teams": ["red"]}).get(), role="moderator")
    kept = course_audience(COURSE, {}, but_not={"enrollments": ["verified"], "course_roles": ["staff", "instructor"]})
    assert set(kept.values_list("username", flat=True)) == {"ben", "mod", "cat"}
    assert course_audience(COURSE, {}, but_not={"cohorts": []}).count() == 6
    with pytest.raises(Refused, match="role"):
        course_audience(COURSE, {}, but_not={"role": ["staff"]})


def test_a_member_with_two_roles_is_there_once(course: None) -> None:
    make_member(course_audience(COURSE, {"teams": ["red"]}).get(), role="moderator")
    assert course_audience(COURSE, {}).filter(username="ana").count() == 1


def test_an_unknown_filter_is_refused(course: None) -> None:
    with pytest.raises(Refused, match="enrollment, role"):
        course_audience(COURSE, {"role": ["staff"], "enrollment": ["audit"], "cohorts": ["1"]})


def test_the_sender_is_left_out(course: None) -> None:
    ben = course_audience(COURSE, {"cohorts": ["2"]}).get()
    assert names({"cohorts": ["1", "2"]}, except_user_id=ben.pk) == {"ana"}
