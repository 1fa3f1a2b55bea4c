"""Finding items by words: in what their messages say, and in the names of their types. Read next: inbox.py.

A person's own rows come first, by their index; only these are looked through. The words of a message stand in its context, so what
is searched is what people and courses are called; the sentence around them is found by the name of its type.
"""

from typing import Any

from django.db.models import F, Func, Q, QuerySet, TextField
from django.utils.translation import override

from notifications.models import InboxItem
from notifications.registry import registered

# More words than anybody types.
MOST_WORDS = 8
LONGEST = 100


class Texts(Func):
    """Every text that a JSON column holds, at any depth, in one text; the names of keys are no part of it."""

    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = """jsonb_path_query_array(%(expressions)s, 'strict $.** ? (@.type() == "string")')::text"""
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "(SELECT group_concat(value, ' ') FROM json_tree(%(expressions)s) WHERE type = 'text')"
        return self.as_sql(compiler, connection, template=template, **extra)


def matching(rows: QuerySet[InboxItem], search: str) -> QuerySet[InboxItem]:
    """This function will keep the items in which every word of a search is found, in any order, whatever its case."""
    found = rows.annotate(said=Texts(F("message__context")))
    for word in search[:LONGEST].replace("\x00", " ").split()[:MOST_WORDS]:
        found = found.filter(Q(said__icontains=word) | Q(message__scope__icontains=word) | Q(message__type__in=_types(word)))
    return found


def _types(word: str) -> list[str]:
    """This function will name the types whose name on the settings page, in the reader's language or in English, holds a word."""
    found = _named(word.casefold())
    with override("en"):
        return sorted(found | _named(word.casefold()))


def _named(word: str) -> set[str]:
    return {known.name for known in registered() if word in f"{known.label} {known.covers}".casefold()}
