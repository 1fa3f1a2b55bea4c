"""What a text asks for is known before it is written."""

import pytest
from django.template import Engine

from channels_ace.text_names import names_asked


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Hello", set()),
        ("{{ a }} {{ b.c.0 }} {{ 'd' }} {{ 5 }} {{ True }} {{ _('e') }}", {"a", "b"}),
        ("{{ a|default:b }}{{ a|add:'c' }}", {"a", "b"}),
        ("{% if a and not b == 3 or c in d %}{{ e }}{% elif f %}{{ g }}{% else %}{{ h }}{% endif %}", set("abcdefgh")),
        ("{% for x, y in a.b %}{{ x }}{{ y.z }}{{ forloop.counter }}{{ c }}{% empty %}{{ d }}{% endfor %}", {"a", "c", "d"}),
        ("{% with x=a y=b %}{{ x }}{{ y }}{{ c }}{% endwith %}", {"a", "b", "c"}),
        ("{% load i18n %}{% blocktranslate with x=a|upper %}{{ x }} {{ b }}{% endblocktranslate %}", {"a", "b"}),
        ("{% load i18n %}{% blocktranslate count n=a %}{{ n }} {{ b }}{% plural %}{{ n }} {{ c }}{% endblocktranslate %}", {"a", "b", "c"}),
        ("{% load i18n %}{% translate 'a' as x %}{{ x }}{% translate b %}", {"b"}),
        ("{% firstof a 'x' b %}{% now 'Y' as year %}{{ year }}{% cycle c 'x' as d %}{{ d }}", {"a", "b", "c"}),
        (
            "{% filter upper %}{{ a }}{% endfilter %}{% spaceless %}{{ b }}{% endspaceless %}{% ifchanged c %}{% endifchanged %}",
            {"a", "b", "c"},
        ),
        ("{# {{ a }} #}{% comment %}{{ b }}{% endcomment %}{% verbatim %}{{ c }}{% endverbatim %}", set()),
    ],
)
def test_names_are_found_wherever_they_stand(text: str, asked: set[str]) -> None:
    assert names_asked(Engine.get_default().from_string(text)) == asked
