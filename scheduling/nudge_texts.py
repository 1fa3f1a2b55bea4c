"""Which text of a rule a person gets: by the kind of reminder, their data group, and by a turn. Read next: nudges.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import BigIntegerField, Case, ExpressionWrapper, F, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from channels_ace.api import By
from scheduling.nudge_rules import Outcome
from studies.api import OWN, DataGroup, Protocol, Rule, Study, TextValues, fill_in, variables_of
from studies.protocol import Texts

NudgeRule = Rule
# The first day of a person's burst, and how many of its days they have done.
Situation = tuple[date, int]


@dataclass(frozen=True)
class NudgeText:
    """One variant of a text of a rule: for a kind of nudge and for the people of a data group, or ("") for all others.

    `by_channel` holds what is said instead by a channel that has words of its own.
    """

    kind: str
    group: str
    variant: int
    name: str
    in_languages: Mapping[str, str]
    by_channel: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def texts_of(rule: NudgeRule) -> list[NudgeText]:
    """This function will list every variant of a rule's texts."""
    return [
        NudgeText(
            kind,
            group,
            variant,
            f"{rule.id}.{kind}{'.' + group if group else ''}.{variant + 1}",
            _variant(texts, variant),
            # What is an arm's own is said by every channel: between channels there must be no other difference.
            {} if group else {channel: _variant(kinds[kind], variant) for channel, kinds in rule.by_channel.items() if kind in kinds},
        )
        for kind, group, texts in rule.all_texts()
        for variant in range(len(next(iter(texts.values()))))
    ]


def _variant(texts: Texts, number: int) -> Mapping[str, str]:
    return {language: variants[number % len(variants)] for language, variants in texts.items()}


def with_text(rows: QuerySet[Any], today: date, texts: Sequence[NudgeText]) -> QuerySet[Any]:
    """This function will add what a row's text hangs on: the number of its group, and one that spreads the variants.

    They are spread by enrollment and date: as good as random, the same at every look, and kept with the nudge.
    """
    spread = F("enrollment_id") * 7919 + F("burst") * 104_729 + today.toordinal()
    rows = rows.annotate(spread=ExpressionWrapper(spread, output_field=BigIntegerField()))
    groups = _groups(texts)
    if not groups:
        return rows
    numbers = [When(name=group, then=Value(number)) for number, group in enumerate(groups, start=1)]
    mine = DataGroup.objects.filter(enrollment_id=OuterRef("enrollment_id"), name__in=groups).order_by("pk")
    first = mine.annotate(number=Case(*numbers, output_field=IntegerField())).values("number")[:1]
    grouped: QuerySet[Any] = rows.annotate(group=Coalesce(Subquery(first), Value(0)))
    return grouped


def _groups(texts: Sequence[NudgeText]) -> list[str]:
    return list(dict.fromkeys(text.group for text in texts if text.group))


def by_text(outcomes: Sequence[Outcome], texts: Sequence[NudgeText], value: Callable[[NudgeText], Any]) -> By:
    """This function will look something up by the text that a row gets: by outcome, own group, and turn."""
    groups = _groups(texts)

    def turns(kind: str, group: str) -> By:
        own = [text for text in texts if (text.kind, text.group) == (kind, group)]
        return By("spread", [value(text) for text in own or [text for text in texts if (text.kind, text.group) == (kind, "")]])

    def of_kind(kind: str) -> By:
        return By("group", [turns(kind, ""), *(turns(kind, group) for group in groups)]) if groups else turns(kind, "")

    return By("wanted", [None if outcome.decision == "none" else of_kind(outcome.decision) for outcome in outcomes])


def situations_of(rows: QuerySet[Any], texts: Sequence[NudgeText]) -> list[Situation]:
    """This function will list where the readers of texts stand, if any of the texts tells of it."""
    words = [said for text in texts for found in (text.in_languages, *text.by_channel.values()) for said in found.values()]
    used = {name for said in words for name in variables_of(said)}
    if not used & OWN:
        return []
    return sorted(rows.order_by().values_list("burst_start", "done_count").distinct())


def with_situation(rows: QuerySet[Any], situations: Sequence[Situation]) -> QuerySet[Any]:
    """This function will add the number of a row's situation; none where the person did something just now, after they were listed."""
    if not situations:
        return rows
    whens = [When(burst_start=start, done_count=done, then=Value(number)) for number, (start, done) in enumerate(situations)]
    numbered: QuerySet[Any] = rows.annotate(situation=Case(*whens, default=None, output_field=IntegerField()))
    return numbered


def write_texts(
    text: NudgeText, situations: Sequence[Situation], today: date, design: Protocol, rule: NudgeRule, study: Study
) -> list[dict[str, Any]]:
    """This function will write a text as it is said in a study, in each of its languages, once for each situation (or once for all).

    What it gives is what the templates of the message read: `said`, and `said_<channel>` where a channel says it in other words.
    """
    words = {"said": text.in_languages, **{f"said_{channel}": found for channel, found in text.by_channel.items()}}

    def write(values: TextValues) -> dict[str, Any]:
        return {
            name: {"in_languages": {language: fill_in(said, values, language) for language, said in found.items()}}
            for name, found in words.items()
        }

    return [write(_values(found, today, design, rule, study)) for found in situations or [(today, 0)]]


def _values(situation: Situation, today: date, design: Protocol, rule: NudgeRule, study: Study) -> TextValues:
    start, done = situation
    looked_at, passed = design.days_of(rule), max(0, (today - start).days)
    return TextValues(
        study=study.participant_name,
        link=design.link or settings.SITE_URL,
        first_day=start,
        days_until=max(0, (start - today).days),
        days_left=(looked_at.length_days if passed < looked_at.length_days else looked_at.extend_to_days) - passed,
        done=done,
        asked=looked_at.complete_after_days,
    )
