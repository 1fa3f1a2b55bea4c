"""Where a list goes on: a cursor that only we can make, good for one caller and one list. Read next: etags.py."""

from typing import Any

from django.core import signing
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from notifications.rest_api.callers import caller_key


class CursorField(serializers.CharField):
    """A cursor in a query, as it was given: open it with a seal."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", "The `next_cursor` of the page before.")
        options.setdefault("max_length", 300)
        super().__init__(required=False, **options)


class Seal:
    """Signs cursors for one caller and one list with its filters: another's, or one for another list, would skip rows unseen."""

    def __init__(self, request: Request, listing: str, **filters: object) -> None:
        told = ":".join(f"{name}={value}" for name, value in sorted(filters.items()))
        self._signer = signing.Signer(salt=f"carillon.cursor:{caller_key(request)}:{listing}:{told}")

    def close(self, place: Any) -> str | None:
        """This function will make a cursor of a place (plain JSON); None, which is the end of the list, stays None."""
        return None if place is None else self._signer.sign_object(place)

    def open(self, cursor: str | None, name: str = "cursor") -> Any:
        """This function will give the place of a cursor; None stays None. Raises ValidationError for every cursor but ours.

        `name` is what the query calls it.
        """
        if cursor is None:
            return None
        try:
            return self._signer.unsign_object(cursor)
        except (signing.BadSignature, ValueError) as error:
            words = _("This cursor is not one that we gave for this list. Start without a cursor.")
            raise ValidationError({f"?{name}": [words]}) from error
