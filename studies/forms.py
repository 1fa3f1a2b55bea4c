"""What a researcher fills in. Read next: views.py."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_ace.api import ZONES
from studies.json_text import NotJson, read_json

MOST_BYTES = 1_048_576

_PROBLEMS: dict[str, str | Promise] = {
    "syntax": gettext_lazy("This is not JSON from line %(line)d, column %(column)d on."),
    "not_text": gettext_lazy("This is not text in UTF-8."),
    "too_deep": gettext_lazy("This is nested too deeply."),
    "twice": gettext_lazy("“%(name)s” is given twice in the same place."),
    "nul": gettext_lazy("This holds a NUL character."),
    "number": gettext_lazy("This holds a number that cannot be read."),
}


# As in a protocol document: what a name is written with can be seen.
_visible = RegexValidator(
    "^(?=.*[^\\s\\u200b-\\u200f\\u2060])[^\\u0000-\\u001f\\u007f-\\u009f\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]*$",
    gettext_lazy("This holds invisible characters."),
)


class StudyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        validators=[_visible],
        help_text=gettext_lazy("Only people who work on the study see it."),
    )
    participant_name = forms.CharField(
        label=gettext_lazy("Name for participants"),
        # As in a protocol document: it is part of every text, and a text is short.
        max_length=40,
        validators=[_visible],
        help_text=gettext_lazy("It appears in texts, on phones that others may see: it should not tell a condition."),
    )


class DocumentForm(forms.Form):
    document_file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        help_text=gettext_lazy("A JSON document, up to 1 MB."),
        widget=forms.FileInput(attrs={"accept": "application/json,.json"}),
    )
    document_text = forms.CharField(
        label=gettext_lazy("Or paste the document"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"spellcheck": "false", "rows": 12}),
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        file, text = given.get("document_file"), given.get("document_text")
        if self.errors:
            return given
        if bool(file) == bool(text):
            problem = _("Give either a file or a pasted document, not both.") if file else _("Choose a file, or paste a document below.")
            self.add_error("document_file", problem)
            return given
        field = "document_file" if file else "document_text"
        if (file.size if file else len(str(text).encode("utf-8", "surrogatepass"))) > MOST_BYTES:
            self.add_error(field, _("This is larger than 1 MB."))
            return given
        try:
            given["document"] = read_json(file.read() if file else text or "")
        except NotJson as error:
            self.add_error(field, _PROBLEMS[error.code] % {"line": error.line, "column": error.column, "name": error.name})
        return given


class ExampleForm(forms.Form):
    """For whom the picture of a protocol is drawn."""

    enrolled_on = forms.DateField(label=gettext_lazy("Enrolls on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=lambda: [(name, name.replace("_", " ")) for name in sorted(ZONES)])

    def clean_enrolled_on(self) -> date:
        day: date = self.cleaned_data["enrolled_on"]
        # Far enough for any study, and away from the ends of the calendar.
        if not 2000 <= day.year <= 2100:
            raise forms.ValidationError(_("Choose a year between 2000 and 2100."))
        return day


def example_of(query: Any) -> tuple[ExampleForm, date, str]:
    """This function will read for whom to draw: the form, a date and a zone; today and the reader's zone where nothing usable was said."""
    now = timezone.localtime()
    shown: dict[str, Any] = {"enrolled_on": now.date(), "zone": timezone.get_current_timezone_name()}
    if "enrolled_on" not in query:
        return ExampleForm(initial=shown), shown["enrolled_on"], shown["zone"]
    form = ExampleForm(query)
    if form.is_valid():
        shown = form.cleaned_data
    return form, shown["enrolled_on"], shown["zone"]


class PublishForm(forms.Form):
    # What was seen is what is published, even if somebody imported another document meanwhile.
    version = forms.IntegerField(widget=forms.HiddenInput)
    applies_to = forms.ChoiceField(
        label=gettext_lazy("Who follows this version"),
        choices=[
            ("new", gettext_lazy("Only people who enroll from now on")),
            ("all", gettext_lazy("Everybody in the study, from now on")),
        ],
        widget=forms.RadioSelect,
        initial="new",
    )

    def __init__(self, *args: Any, is_anybody_in: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_anybody_in:
            del self.fields["applies_to"]
