"""PURE: what somebody means who answers one of our texts. Read next: keyword_phrases.py, and inbound.py, which acts on it.

Two mistakes are not alike: going on after a no is against the law, a pause that nobody asked for costs a look by a person. In doubt
it is UNSURE; START is never guessed.
"""

import re
import unicodedata
from collections.abc import Collection
from enum import StrEnum

from channels_ace import keyword_phrases as phrases

LONGEST_READ = 1600


class Intent(StrEnum):
    """What a text asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    UNSURE = "unsure"  # may be a no: pause, and let a person read it
    OTHER = "other"


def classify(text: str, languages: Collection[str] = ()) -> Intent:
    """This function will tell what a text asks for; `languages` are those its writer is known to read (codes as in settings)."""
    shown = unicodedata.normalize("NFKC", text[:LONGEST_READ]).casefold().replace("’", "'").strip()
    if phrases.TAPPED.match(shown):
        return Intent.OTHER
    words = _words(shown)
    if not words:
        return Intent.UNSURE if phrases.SIGNS & set(shown) else Intent.OTHER
    said = _said(words, languages)
    if said is not Intent.OTHER:
        return said
    return Intent.UNSURE if _may_be_a_no(shown, words) else Intent.OTHER


def _said(words: list[str], languages: Collection[str]) -> Intent:
    """What is said without any doubt."""
    sentence = " ".join(words)
    core = [word for word in words if word not in phrases.COURTESIES]
    # As it stands, without courtesies ("no" is one, but not in "no more"), and once where it is repeated: "stop stop stop".
    with_no = [word for word in words if word == "no" or word not in phrases.COURTESIES]
    said = {sentence, " ".join(core), " ".join(with_no), " ".join(dict.fromkeys(core))}
    starts = phrases.START.union(*(phrases.START_IN.get(language.split("-")[0], frozenset()) for language in languages))
    if not starts.intersection(words) and (said & phrases.STOP or _is_a_no(sentence)):
        return Intent.STOP
    if said & starts and "no" not in words:
        return Intent.START
    return Intent.HELP if said & phrases.HELP else Intent.OTHER


def _is_a_no(sentence: str) -> bool:
    asks = phrases.ASKS_TO_STOP.search(sentence) and not phrases.TURNED_ROUND.search(sentence)
    return bool(asks or phrases.FORBIDS.search(sentence))


def _may_be_a_no(shown: str, words: list[str]) -> bool:
    sentence = " ".join(words)
    if phrases.NEEDS_A_LOOK.search(sentence) or _is_a_slip(words):
        return True
    # By the text as it was written: "Don't. Stop." is two sentences.
    if phrases.GO_ON.match(" ".join(shown.split())):
        return False
    rest = phrases.OTHER_SENSES.sub(" ", sentence).split()
    core = [word for word in rest if word not in phrases.COURTESIES]
    # Two words with an end among them are too short to be a story.
    return bool(phrases.TELLING.intersection(rest)) or (len(core) <= 2 and bool(phrases.ENDS.intersection(core)))


def _is_a_slip(words: list[str]) -> bool:
    core = [word for word in words if word not in phrases.COURTESIES]
    return len(core) == 1 and core[0] not in phrases.NO_SLIPS and _is_one_slip_from("stop", core[0])


def _is_one_slip_from(word: str, typed: str) -> bool:
    """Whether one letter is too many, missing, wrong or swapped with its neighbour."""
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
    dropped = {word[:at] + word[at + 1 :] for at in range(len(word))}
    added = {typed[:at] + typed[at + 1 :] for at in range(len(typed))}
    wrong = len(typed) == len(word) and sum(one != other for one, other in zip(word, typed, strict=True)) == 1
    return typed in swapped or typed in dropped or word in added or wrong


def _words(shown: str) -> list[str]:
    """The words without case, accents, marks and emoji, slips of the thumb mended."""
    bare = "".join(letter for letter in unicodedata.normalize("NFD", shown) if not unicodedata.category(letter).startswith("M"))
    # "don't" is one word, "opt-out" two.
    words = re.findall(r"[^\W_]+", re.sub(r"(?<=\w)'(?=\w)", "", bare).replace("st0p", "stop"))
    if len(words) > 2 and all(len(word) == 1 for word in words):
        words = ["".join(words)]
    return [_mended(word) for word in words]


def _mended(word: str) -> str:
    if word in phrases.MISSPELLED:
        return phrases.MISSPELLED[word]
    # Nobody writes three equal letters by the rules: "stooooop".
    short = re.sub(r"(.)\1{2,}", r"\1", word)
    return phrases.MISSPELLED.get(short, short) if short != word else word
