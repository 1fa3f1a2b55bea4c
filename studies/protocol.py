"""A study's protocol: read from a document (JSON), checked, and told as facts.

Pure: a document in, a `Protocol` or every problem with its path out. The published schema is
`studies/schema/protocol-1.schema.json`; what it cannot say is in `studies.protocol_checks`.
"""

from __future__ import annotations

from studies.protocol_checks import find_contradictions
from studies.protocol_design import (
    ENROLLMENT,
    Attribute,
    AttributeCondition,
    BurstSeries,
    CountingNudge,
    DaysAfter,
    EventDesign,
    FewActivitiesNudge,
    MissedDaysNudge,
    Period,
    PreBurstNudge,
    Protocol,
    RandomTimes,
    Rule,
    Schedule,
    SessionDesign,
    SessionReminder,
    Texts,
)
from studies.protocol_document import read_document
from studies.protocol_facts import Fact, explain
from studies.protocol_problems import SCHEMA_PATH, Problem, ProtocolError, find_schema_problems

__all__ = [
    "ENROLLMENT",
    "SCHEMA_PATH",
    "Attribute",
    "AttributeCondition",
    "BurstSeries",
    "CountingNudge",
    "DaysAfter",
    "EventDesign",
    "Fact",
    "FewActivitiesNudge",
    "MissedDaysNudge",
    "Period",
    "PreBurstNudge",
    "Problem",
    "Protocol",
    "ProtocolError",
    "RandomTimes",
    "Rule",
    "Schedule",
    "SessionDesign",
    "SessionReminder",
    "Texts",
    "check",
    "explain",
    "parse",
]


def parse(document: object) -> Protocol:
    """This function will give the protocol that a document describes; `ProtocolError` carries every problem."""
    problems = check(document)
    if problems:
        raise ProtocolError(problems)
    return read_document(document)


def check(document: object) -> list[Problem]:
    """This function will list what is wrong with a document.

    What contradicts itself shows only once the schema accepts every part.
    """
    return find_schema_problems(document) or find_contradictions(read_document(document))
