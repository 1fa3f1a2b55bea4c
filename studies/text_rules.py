"""What a text of a study must say and must not, on a phone that others may see. Pure. Read next: protocol_checks.py, texting.py.

The words are stems of conditions and of being a patient, in the languages of the product. They refuse too much rather than too little: a
text that is refused is written otherwise, one that tells a diagnosis cannot be taken back.
"""

from __future__ import annotations

import re

from channels_ace.segments import count_segments, write_plainly
from studies.text_variables import TextValues, longest_of

MOST_PARTS = 3
_STOP = re.compile(r"(?<![A-Za-z])STOP(?![A-Za-z])")
# A link of ours, with a path of some length, is what takes the place of {link}.
SAMPLE_LINK = "https://carillon.example/s/0123456789"

_STEMS = """
addict alcohol alzheim anorex antidepress anxiet arthrit asthma autis bipolar bulimi cancer cardi chemo chronic concuss dement depress
diabet diagnos dialys diseas disorder epilep fertilit fibromyal hepatit hypertens illness infect insulin leukem lupus manic medicat melanom
menopaus migrain neurolog obes oncolog opioid overdos parkinson patient placebo pregnan prescri psychia psychos ptsd relaps rehab schizo
sclerosis seizur sickness sobriet stroke suicid symptom syndrom therap transplant trauma treatment tremor tumor tumour

adicci alcoh ansiedad artrit autism cáncer depres diabét diagnós embaraz enferm epilep esquizo infecc medicam obesid paciente psiquia
recaíd síntom síndrome terapi trastorn tratamient
"""
_WHOLE = ("hiv", "aids", "adhd", "copd", "ibs", "als", "vih", "sida", "tdah", "epoc")
# In Arabic, where a word begins with what is joined to it.
_ANYWHERE = "سرطان سكري اكتئاب باركنسون مرض مريض خرف زهايمر إيدز صرع إدمان انتحار أعراض علاج حامل تشخيص"
_CONDITION = re.compile(
    rf"(?<!\w)(?:(?:{'|'.join(_STEMS.split())})\w*|(?:{'|'.join(_WHOLE)})(?!\w))|{'|'.join(_ANYWHERE.split())}",
    re.IGNORECASE,
)


def problems_of_text(text: str, study_name: str) -> list[tuple[str, dict[str, object]]]:
    """This function will list what is wrong with a text: codes of studies.protocol_problems.MESSAGES with their values."""
    found: list[tuple[str, dict[str, object]]] = []
    if "{study}" not in text:
        found.append(("text_without_study", {}))
    if not _STOP.search(text):
        found.append(("text_without_stop", {}))
    if re.search(r"[{}]", text.replace("{study}", "").replace("{link}", "")):
        found.append(("text_variable", {}))
    return found + problems_of_words(fill(text, study_name, SAMPLE_LINK))


def leave_out_stop(text: str) -> str:
    """This function will leave out of a text the sentence about the word STOP, which only a text message can be answered with.

    A link that stands in this sentence stays; so does a text that consists of nothing else.
    """
    sentences = re.split(r"(?<=[.!?…؟。])\s+", text)
    kept = [sentence if not _STOP.search(sentence) else " ".join(re.findall(r"https?://\S+", sentence)) for sentence in sentences]
    return " ".join(filter(None, kept)) or text


def problems_of_longest(text: str, longest: TextValues, language: str) -> list[tuple[str, dict[str, object]]]:
    """This function will list what is wrong with a text of a protocol at its longest."""
    words = max(longest_of(text, longest, language), key=count_parts)
    return problems_of_words(words)


def count_parts(words: str) -> int:
    """This function will count the parts of a text message that words take."""
    return count_segments(write_plainly(words)).parts


def problems_of_words(words: str) -> list[tuple[str, dict[str, object]]]:
    """This function will list what words that reach a phone must not be: telling, or too long."""
    found: list[tuple[str, dict[str, object]]] = []
    if told := condition_in(words):
        found.append(("tells_condition", {"value": told}))
    if (parts := count_parts(words)) > MOST_PARTS:
        found.append(("too_many_parts", {"value": parts, "expected": MOST_PARTS}))
    return found


def condition_in(words: str) -> str:
    """This function will give the first word that tells a condition, or that somebody is a patient; empty for none."""
    found = _CONDITION.search(words)
    return found[0] if found else ""


def fill(text: str, study_name: str, link: str) -> str:
    """This function will put the study's name and our address into a text."""
    return text.replace("{study}", study_name).replace("{link}", link)
