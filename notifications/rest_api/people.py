"""Whom a row of another service's body means: one of our usernames, or the platform's own number. Read next: memberships.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _
from rest_framework import serializers

from notifications.models import PlatformUser
from notifications.rest_api.strict import StrictSerializer


class PersonSerializer(StrictSerializer):
    """A row about a person, who is named by one of two fields."""

    username = serializers.CharField(max_length=150, required=False)
    platform_id = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False, help_text="The platform's number of the user.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("username" in attrs) == ("platform_id" in attrs):
            raise serializers.ValidationError(_("Name the user by one of username and platform_id."))
        return attrs


def find_people(rows: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """This function will give the key of each row's user, None where nobody here is meant. Two statements."""
    names = [row["username"] for row in rows if "username" in row]
    numbers = [row["platform_id"] for row in rows if "platform_id" in row]
    by_name = dict(get_user_model()._default_manager.filter(username__in=names).values_list("username", "pk"))
    by_number = dict(PlatformUser.objects.filter(platform_id__in=numbers).values_list("platform_id", "user_id"))
    return [by_name.get(row["username"]) if "username" in row else by_number.get(row["platform_id"]) for row in rows]


def name_of(row: Mapping[str, Any]) -> str:
    """This function will give the field by which a row names its user."""
    return "username" if "username" in row else "platform_id"
