"""Keeps the translations: `extract` finds the texts in the source and writes them to the .po files, `compile` makes the .mo files."""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
# Each app carries its own texts, so that it speaks wherever it is installed; the pages of this site have a catalogue of their own.
PLACES = ("channels_ace", "notifications", "studies", "scheduling", "accounts", "demo", "templates")
# The rule for Arabic is Django's: texts whose rules differ would be looked up twice.
PLURALS = {
    "es": "nplurals=2; plural=(n != 1);",
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5);",
}
HEADER = (
    "Project-Id-Version: Carillon 1",
    "Report-Msgid-Bugs-To: ",
    "PO-Revision-Date: 2026-11-22 09:00+0000",
    "Last-Translator: The authors of Carillon",
    "Language-Team: The authors of Carillon",
    "Content-Type: text/plain; charset=utf-8",
)
_PLAIN = ("gettext", "gettext_lazy", "gettext_noop", "_")
_PLURAL = ("ngettext", "ngettext_lazy")
KEYWORDS = {
    **dict.fromkeys(_PLAIN, (1,)),
    **dict.fromkeys(_PLURAL, (1, 2)),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def _po_file(place: str, language: str) -> Path:
    return ROOT / place / "locale" / language / "LC_MESSAGES" / "django.po"


def po_files() -> Iterator[tuple[str, str, Path]]:
    """This function will give the catalogue of every place in every language, written already or not."""
    for place in PLACES:
        for language in PLURALS:
            yield place, language, _po_file(place, language)


def _as_python(path: Path) -> bytes:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return source.encode()
    # What Django makes of a template is read as Python, whose reader minds how lines are indented.
    return "\n".join(line.strip() for line in templatize(source).splitlines()).encode()


def texts_in_source(place: str) -> Catalog:
    """This function will find the texts of one place: its modules and its templates, without migrations."""
    found = Catalog()
    for path in sorted((ROOT / place).rglob("*")):
        if path.suffix not in {".py", ".html", ".txt"} or "migrations" in path.parts:
            continue
        for _line, text, comments, context in extract("python", BytesIO(_as_python(path)), KEYWORDS, ["Translators:"]):
            found.add(text, locations=[(path.relative_to(ROOT / place).as_posix(), 0)], auto_comments=comments, context=context)
    return found


def read_catalogue(path: Path, language: str) -> Catalog:
    """This function will read a .po file, or start an empty one."""
    if path.exists():
        with path.open("rb") as file:
            return read_po(file, locale=language, abort_invalid=True)
    head = [*HEADER, f"Language: {language}", f"Plural-Forms: {PLURALS[language]}"]
    lines = ['msgid ""', 'msgstr ""', *(f'"{line}\\n"' for line in head)]
    return read_po(BytesIO("\n".join(lines).encode()), locale=language)


def compiled(catalogue: Catalog) -> bytes:
    """This function will give what the .mo file must hold."""
    file = BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def _written(catalogue: Catalog) -> bytes:
    file = BytesIO()
    write_po(file, catalogue, width=120, omit_header=False, sort_output=False, ignore_obsolete=True, include_lineno=False)
    return file.getvalue()


def is_missing(message: Message) -> bool:
    """This function will tell whether a form of a text has not been translated, or only guessed."""
    forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return message.fuzzy or not all(forms)


def extract_texts() -> int:
    """This function will bring every .po file up to date, and count the translations that are missing."""
    missing = 0
    for place, language, path in po_files():
        catalogue = read_catalogue(path, language)
        dates = catalogue.creation_date, catalogue.revision_date
        catalogue.update(texts_in_source(place), no_fuzzy_matching=True)
        # A file in which no text changed stays as it is, byte for byte.
        catalogue.creation_date, catalogue.revision_date = dates
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_written(catalogue))
        for message in catalogue:
            if message.id and is_missing(message):
                missing += 1
                print(f"{path.relative_to(ROOT)}: {message.id!r} is not translated")
    return missing


def compile_texts() -> None:
    """This function will write the .mo file beside every .po file."""
    for _place, language, path in po_files():
        path.with_suffix(".mo").write_bytes(compiled(read_catalogue(path, language)))


if __name__ == "__main__":
    if sys.argv[1:] == ["extract"]:
        sys.exit(1 if extract_texts() else 0)
    if sys.argv[1:] != ["compile"]:
        sys.exit("Say extract or compile.")
    compile_texts()
