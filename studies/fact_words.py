"""What a protocol means, in words: the facts of protocol_facts.py as rows of a page. Read next: protocol_facts.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from studies.protocol import Protocol, explain


@dataclass(frozen=True)
class Row:
    """One line of a page: what it is about, and the sentence."""

    label: str
    value: str
    is_assumed: bool = False


@dataclass(frozen=True)
class Meaning:
    """A protocol told: rows in order, and what was assumed."""

    rows: list[Row]
    assumptions: list[str]


def tell(protocol: Protocol) -> Meaning:
    """This function will put a protocol into words, in the reader's language."""
    facts = explain(protocol)
    rows = [Row(_("Name"), protocol.name), Row(_("Name for participants"), protocol.participant_name)]
    rows += [_WORDS[fact.kind](fact.values) for fact in facts if fact.kind in _WORDS]
    return Meaning(rows, [str(fact.values["text"]) for fact in facts if fact.kind == "assumption"])


def count_days(days: int) -> str:
    """This function will write a number of days, in weeks where they come out even."""
    if days % 7 == 0 and days:
        return ngettext("%(count)d week", "%(count)d weeks", days // 7) % {"count": days // 7}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def _bursts(values: Mapping[str, Any]) -> Row:
    count = values["count"]
    numbers = {"count": count, "length": count_days(values["length_days"]), "day": values["last_day_offset"] + 1}
    said = [ngettext("%(count)d burst of %(length)s.", "%(count)d bursts of %(length)s.", count) % numbers]
    if values["interval_days"] and count > 1:
        every = _("One every %(interval)s, on the same weekday.") if values["keeps_weekday"] else _("One every %(interval)s.")
        said.append(every % {"interval": count_days(values["interval_days"])})
    numbers["delay"] = count_days(values["delay_days"])
    if count == 1:
        start = _("It starts %(delay)s after enrollment.") if values["delay_days"] else _("It starts on the day of enrollment.")
        said += [start % numbers, _("It ends on study day %(day)d.") % numbers]
    else:
        start = (
            _("The first starts %(delay)s after enrollment.") if values["delay_days"] else _("The first starts on the day of enrollment.")
        )
        said += [start % numbers, _("The last ends on study day %(day)d.") % numbers]
    if values["complete_after_days"] < values["length_days"]:
        said.append(_("A burst is complete with %(days)d days done.") % {"days": values["complete_after_days"]})
    if values["extend_to_days"] > values["length_days"]:
        said.append(_("Until it is complete, it goes on to day %(day)d.") % {"day": values["extend_to_days"]})
    return Row(_("Bursts"), " ".join(said))


def _session(values: Mapping[str, Any]) -> Row:
    label = values["label"]
    name = label.get((get_language() or "").split("-")[0]) or next(iter(label.values()), values["session"])
    days = _("Every day") if values["is_every_day"] else _("On days %(days)s") % {"days": ", ".join(str(day) for day in values["days"])}
    if values["is_all_day"]:
        said = _("%(days)s, at any time of the day.") % {"days": days}
    else:
        times = ", ".join(values["times"]) if values["times"] else _("times that differ by day")
        minutes = ngettext("%(count)d minute", "%(count)d minutes", values["window_minutes"]) % {"count": values["window_minutes"]}
        said = _("%(days)s at %(times)s, open for %(minutes)s each.") % {"days": days, "times": times, "minutes": minutes}
    for day, tasks in values["extra_tasks"].items():
        said += " " + _("Day %(day)d adds %(tasks)s.") % {"day": day, "tasks": ", ".join(tasks)}
    return Row(_("Session: %(name)s") % {"name": name}, said)


def _total(values: Mapping[str, Any]) -> Row:
    said = ngettext("%(count)d in a burst", "%(count)d in a burst", values["per_burst"]) % {"count": values["per_burst"]}
    return Row(_("Sessions"), _("%(per_burst)s, %(total)d in all.") % {"per_burst": said, "total": values["total"]})


def _missed_days(values: Mapping[str, Any]) -> Row:
    said = _("A text to those who miss %(consecutive)d days in a row, or %(total)d in all: once in a burst, at %(at)s where they are.") % {
        "consecutive": values["consecutive"],
        "total": values["total"],
        "at": values["send_at"],
    }
    first, last = values["blackout_start_days"], values["blackout_end_days"]
    if first:
        said += " " + ngettext("Nobody gets it on the first day.", "Nobody gets it on the first %(count)d days.", first) % {"count": first}
    if last:
        said += " " + ngettext("Nobody gets it on the last day.", "Nobody gets it on the last %(count)d days.", last) % {"count": last}
    said += " " + _("Its words are others before %(days)d days have passed than after.") % {"days": values["early_before_day"]}
    return Row(_("Reminder"), said + _left_out(values))


def _pre_burst(values: Mapping[str, Any]) -> Row:
    said = _("A text %(days)s before each burst from number %(first)d on, at %(at)s where they are.") % {
        "days": count_days(values["lead_days"]),
        "first": values["first_burst"],
        "at": values["send_at"],
    }
    return Row(_("Text before a burst"), said + _left_out(values))


def _left_out(values: Mapping[str, Any]) -> str:
    groups = values["excluded_data_groups"]
    return " " + _("Not to the data group %(groups)s.") % {"groups": ", ".join(groups)} if groups else ""


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], Row]] = {
    "bursts": _bursts,
    "session": _session,
    "sessions_total": _total,
    "missed_days": _missed_days,
    "pre_burst": _pre_burst,
}
