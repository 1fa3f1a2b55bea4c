"""What a coordinator may change for one participant. Read next: participant_views.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.burst_calendar import Burst
from scheduling.pictures import write_day
from scheduling.texts import say_series

FIRST_YEAR, LAST_YEAR = 2000, 2100


class DayForm(forms.Form):
    day = forms.DateField(
        label=gettext_lazy("Day, where they are"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), localize=False
    )

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise forms.ValidationError(_("Choose a year between 2000 and 2100."))
        return day


class MoveBurstForm(forms.Form):
    burst = forms.ChoiceField(label=gettext_lazy("Burst"))
    to = forms.DateField(label=gettext_lazy("Starts on, where they are"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    why = forms.CharField(label=gettext_lazy("Why"), max_length=300, help_text=gettext_lazy("It is kept in the study’s record."))

    def __init__(
        self,
        *args: Any,
        version_id: int,
        bursts: Sequence[Burst],
        movable: Sequence[Burst],
        days: Mapping[str, int],
        today: date,
        **kwargs: Any,
    ) -> None:
        """`bursts` are all of the person's, `movable` those that may be moved; one of a series takes up to `days` with its extension."""
        super().__init__(*args, **kwargs)
        self.bursts, self.days, self.today = bursts, days, today
        field = cast("forms.ChoiceField", self.fields["burst"])
        names = [say_series(_("Burst %(number)d, starts %(date)s") % _named(burst), version_id, burst.series_id) for burst in movable]
        field.choices = [(burst.event_id, name) for burst, name in zip(movable, names, strict=True)]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        to = given.get("to")
        if to is None or "burst" not in given:
            return given
        if to < self.today:
            self.add_error("to", _("This is in the past. Choose today or later."))
            return given
        # A mistyped year; near the calendar's end no page of this person could be drawn any more.
        if to.year > LAST_YEAR:
            self.add_error("to", _("Choose a year between 2000 and 2100."))
            return given
        moved = next(burst for burst in self.bursts if burst.event_id == given["burst"])
        series = [burst for burst in self.bursts if burst.series_id == moved.series_id]
        place = series.index(moved)
        before = series[place - 1] if place else None
        after = series[place + 1] if place + 1 < len(series) else None
        room = timedelta(days=self.days[moved.series_id])
        if before is not None and to < before.start_date + room:
            values = {"number": before.number, "day": write_day(before.start_date + room)}
            self.add_error("to", _("Burst %(number)d may last until then. Choose %(day)s or later.") % values)
        if after is not None and to > after.start_date - room:
            values = {"number": after.number, "day": write_day(after.start_date - room)}
            self.add_error("to", _("Burst %(number)d begins before this one could end. Choose %(day)s or earlier.") % values)
        return given


class RemoveBurstForm(forms.Form):
    burst = forms.ChoiceField(label=gettext_lazy("Burst"))
    why = forms.CharField(label=gettext_lazy("Why"), max_length=300, help_text=gettext_lazy("It is kept in the study’s record."))

    def __init__(
        self, *args: Any, version_id: int, movable: Sequence[Burst], removed: Mapping[str, tuple[str, int]], **kwargs: Any
    ) -> None:
        """`movable` are the bursts that may be removed, `removed` the series and numbers of those that were, by event."""
        super().__init__(*args, **kwargs)
        field = cast("forms.ChoiceField", self.fields["burst"])
        away = [(one.event_id, one.series_id, _("Remove burst %(number)d, starts %(date)s") % _named(one)) for one in movable]
        back = [(event_id, series, _("Bring back burst %(number)d") % {"number": number}) for event_id, (series, number) in removed.items()]
        field.choices = [(event_id, say_series(name, version_id, series)) for event_id, series, name in [*away, *back]]


def _named(burst: Burst) -> dict[str, Any]:
    return {"number": burst.number, "date": write_day(burst.start_date)}


class PauseForm(forms.Form):
    why = forms.CharField(
        label=gettext_lazy("Why"), max_length=300, help_text=gettext_lazy("It is kept in the study’s record. Write nothing about health.")
    )


class WithdrawForm(forms.Form):
    why = forms.CharField(
        label=gettext_lazy("Why"), max_length=300, help_text=gettext_lazy("It is kept in the study’s record. Write nothing about health.")
    )
    confirmed = forms.BooleanField(label=gettext_lazy("Take this participant out of the study for good"))
