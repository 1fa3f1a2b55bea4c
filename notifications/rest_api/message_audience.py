"""Whom a service's message is for. Read next: messages.py, notifications/service_messages.py."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from notifications.rest_api.strict import ExactBooleanField, StrictSerializer, WholeNumberField

MOST_PEOPLE = 1_000


def _words(**options: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=64), required=False, allow_empty=False, max_length=100, **options)


class PartOfCourseSerializer(StrictSerializer):
    roles = _words(help_text="Such as `learner`, `staff`, `moderator`.")
    modes = _words(help_text="Enrolment modes, such as `audit` or `verified`.")
    cohorts = _words()
    teams = _words()


class CourseSerializer(PartOfCourseSerializer):
    key = serializers.CharField(max_length=191)
    but_not = PartOfCourseSerializer(required=False, help_text="Whom any of these means is left out.")


class AudienceSerializer(StrictSerializer):
    usernames = serializers.ListField(
        child=serializers.CharField(max_length=150), required=False, allow_empty=False, max_length=MOST_PEOPLE
    )
    platform_ids = serializers.ListField(
        child=WholeNumberField(min_value=1, max_value=2**63 - 1),
        required=False,
        allow_empty=False,
        max_length=MOST_PEOPLE,
        help_text="By the learning platform's own numbers.",
    )
    course = CourseSerializer(required=False, help_text="Whom any of the filters means; without filters, all active members of the course.")
    everyone = ExactBooleanField(required=False, help_text="true: every active account. Needs the scope `messages:broadcast`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise ValidationError(_("Name exactly one of usernames, platform_ids, course and everyone."))
        if attrs.get("everyone") is False:
            raise ValidationError({"everyone": [_("Leave this out, or write true.")]})
        return attrs
