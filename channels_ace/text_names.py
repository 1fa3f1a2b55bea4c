"""Which names a text asks for, found without writing it: a misspelt one is refused, and not sent as a gap. Read next: rendering.py."""

from collections.abc import Iterator
from typing import Any

from django.template import Template
from django.template.base import FilterExpression, Node, Token, TokenType, Variable
from django.template.defaulttags import FilterNode
from django.template.smartif import TokenBase

# What every template knows.
BUILT_IN = frozenset({"True", "False", "None", "forloop", "block"})
# Attributes under which Django's tags keep the names that they give: for, with, blocktranslate, and "as" of any tag.
GIVING = ("loopvars", "target_var", "asvar", "countervar", "var_name", "variable_name")


def names_asked(template: Template) -> set[str]:
    """This function will give the names that a template asks for and does not give itself."""
    asked, given = set[str](), set(BUILT_IN)
    for thing in _things(template.nodelist):
        if isinstance(thing, Variable):
            if thing.lookups:
                asked.add(thing.lookups[0])
        else:
            given |= _given(thing)
    return asked - given


def _things(thing: Any) -> Iterator[Variable | Node]:
    """This function will walk through everything that a template is made of."""
    if isinstance(thing, Variable):
        yield thing
    elif isinstance(thing, FilterExpression):
        yield from _things(thing.var)
        yield from _things([value for _, arguments in thing.filters for is_name, value in arguments if is_name])
    elif isinstance(thing, Token):
        # blocktranslate keeps what it was written with.
        if thing.token_type is TokenType.VAR:
            yield Variable(thing.contents)
    elif isinstance(thing, (list, tuple, set)):
        for part in thing:
            yield from _things(part)
    elif isinstance(thing, dict):
        yield from _things(list(thing.values()))
    elif isinstance(thing, (Node, TokenBase)):
        if isinstance(thing, Node):
            yield thing
        yield from _things([value for name, value in vars(thing).items() if name not in ("origin", "token", "parent")])


def _given(node: Node) -> set[str]:
    held = vars(node)
    if isinstance(node, FilterNode):
        # {% filter upper %} is {{ var|upper }} inside.
        return {"var"}
    given = {name for attribute in GIVING for name in _listed(held.get(attribute))}
    return given | set(held.get("extra_context") or ())


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else []
