"""What a protocol means, in words: the facts of protocol_facts.py as rows of a page. Read next: protocol_facts.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from notifications.api import CHANNEL_LABELS
from studies.protocol import Fact, Protocol, explain
from studies.session_reminders import TEXTS_CLOSE, TEXTS_OPEN


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
    for fact in facts:
        if fact.kind in _WORDS:
            row = _WORDS[fact.kind](fact.values)
            # Which series a row is about matters only where there are several.
            rows.append(replace(row, label=f"{row.label} ({fact.values['series']})") if _needs_series(fact, protocol) else row)
    return Meaning(rows, [str(fact.values["text"]) for fact in facts if fact.kind == "assumption"])


def _needs_series(fact: Fact, protocol: Protocol) -> bool:
    told = fact.kind in ("bursts", "sessions_total", "missed_days", "few_activities", "pre_burst") and bool(fact.values["series"])
    return told and len(protocol.burst_series) > 1


def count_days(days: int) -> str:
    """This function will write a number of days, in weeks where they come out even."""
    if days % 7 == 0 and days:
        return ngettext("%(count)d week", "%(count)d weeks", days // 7) % {"count": days // 7}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def count_minutes(minutes: int) -> str:
    """This function will write a number of minutes."""
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def _bursts(values: Mapping[str, Any]) -> Row:
    count = values["count"]
    numbers = {"count": count, "length": count_days(values["length_days"]), "day": values["last_day_offset"] + 1}
    said = [ngettext("%(count)d burst of %(length)s.", "%(count)d bursts of %(length)s.", count) % numbers]
    if values["origins"]:
        return Row(_("Bursts"), " ".join([*said, _("They start at these events: %(events)s.") % {"events": ", ".join(values["origins"])}]))
    if values["interval_days"] and count > 1:
        every = _("One every %(interval)s, on the same weekday.") if values["keeps_weekday"] else _("One every %(interval)s.")
        said.append(every % {"interval": count_days(values["interval_days"])})
    if values["jitter_days"]:
        moved = _("Each is moved by chance by up to %(jitter)s, and at least %(gap)s lie between two starts.")
        said.append(moved % {"jitter": count_days(values["jitter_days"]), "gap": count_days(values["min_gap_days"])})
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
        minutes = count_minutes(values["window_minutes"])
        said = _("%(days)s at %(times)s, open for %(minutes)s each.") % {"days": days, "times": _times(values), "minutes": minutes}
    if values["probability"] < 1:
        said += " " + _("Each takes place with a chance of %(percent)d in 100.") % {"percent": round(values["probability"] * 100)}
    if values["grace_minutes"] is not None:
        said += " " + _("Finished up to %(minutes)s after it closed, it still counts.") % {
            "minutes": count_minutes(values["grace_minutes"])
        }
    if values["reminders"]:
        after = ", ".join(count_minutes(minutes) for minutes in values["reminders"])
        said += " " + _("Whoever has not done it is reminded %(after)s after its time.") % {"after": after}
        if values["random_times"]:
            hours = {"opens": f"{TEXTS_OPEN:%H:%M}", "closes": f"{TEXTS_CLOSE:%H:%M}"}
            said += " " + _("Where that is not between %(opens)s and %(closes)s of the same day, they are not.") % hours
    if values["except"]:
        said += " " + _("Not on days of %(series)s.") % {"series": ", ".join(values["except"])}
    said += _left_out(values)
    for day, tasks in values["extra_tasks"].items():
        said += " " + _("Day %(day)d adds %(tasks)s.") % {"day": day, "tasks": ", ".join(tasks)}
    return Row(_("Session: %(name)s") % {"name": name}, said)


def _times(values: Mapping[str, Any]) -> str:
    random = values["random_times"]
    if random is None:
        return ", ".join(values["times"]) if values["times"] else _("times that differ by day")
    count = ngettext("%(count)d random time", "%(count)d random times", random["count"]) % {"count": random["count"]}
    windows = [
        _("%(weekdays)s from %(opens)s to %(closes)s")
        % {"weekdays": _weekdays(window["weekdays"]), "opens": window["hours"][0], "closes": window["hours"][1]}
        for window in random["windows"]
    ]
    gap = _("%(minutes)s apart") % {"minutes": count_minutes(random["min_gap_minutes"])}
    return f"{count} ({'; '.join([*windows, gap] if random['min_gap_minutes'] else windows)})"


def _weekdays(numbers: list[int]) -> str:
    if len(numbers) == 7:
        return _("every weekday")
    names = [str(WEEKDAYS_ABBR[number - 1]) for number in numbers]
    return f"{names[0]}–{names[-1]}" if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1 else ", ".join(names)


def _event(values: Mapping[str, Any]) -> Row:
    changes = {
        "mutable": _("It may be moved and removed."),
        "immutable": _("Once set, it stays."),
        "future_only": _("It may only be moved to a later date."),
    }
    said = _("Set by the study or the app.")
    if values["origin"]:
        said = _("%(period)s from %(origin)s.") % {"period": _period(values["period"]), "origin": values["origin"]}
    return Row(_("Event: %(name)s") % {"name": values["event_id"]}, f"{said} {changes[values['update']]}")


def _period(amounts: Mapping[str, int]) -> str:
    said = [
        ngettext("%(count)d year", "%(count)d years", amounts["years"]) % {"count": amounts["years"]} if amounts["years"] else "",
        ngettext("%(count)d month", "%(count)d months", amounts["months"]) % {"count": amounts["months"]} if amounts["months"] else "",
        ngettext("%(count)d week", "%(count)d weeks", amounts["weeks"]) % {"count": amounts["weeks"]} if amounts["weeks"] else "",
        ngettext("%(count)d day", "%(count)d days", amounts["days"]) % {"count": amounts["days"]} if amounts["days"] else "",
    ]
    return ", ".join(part for part in said if part) or ngettext("%(count)d day", "%(count)d days", 0) % {"count": 0}


def _time_zone(values: Mapping[str, Any]) -> Row:
    words = {
        "follow": _("Their own: it follows their phone and their settings."),
        "pin": _("The first one known; it stays, wherever they travel."),
        "pin_for_burst": _("Their own: it follows their phone and their settings, but not in the middle of a burst."),
    }
    return Row(_("Time zone"), words[values["policy"]])


def _arms(values: Mapping[str, Any]) -> Row:
    total = sum(values["shares"].values())
    shares = [
        _("%(group)s %(share)d in %(total)d") % {"group": group, "share": share, "total": total}
        for group, share in values["shares"].items()
    ]
    return Row(_("By chance: %(name)s") % {"name": values["id"]}, _("One data group of: %(shares)s.") % {"shares": ", ".join(shares)})


def _total(values: Mapping[str, Any]) -> Row:
    said = ngettext("%(count)d in a burst", "%(count)d in a burst", values["per_burst"]) % {"count": values["per_burst"]}
    words = _("At most %(per_burst)s, %(total)d in all.") if values["is_at_most"] else _("%(per_burst)s, %(total)d in all.")
    return Row(_("Sessions"), words % {"per_burst": said, "total": values["total"]})


def _missed_days(values: Mapping[str, Any]) -> Row:
    words = _("A text to those who miss %(consecutive)d days in a row, or %(total)d in all: once in a burst, at %(at)s where they are.")
    if values["event"]:
        words = _("A text to those who miss %(consecutive)d days in a row, or %(total)d in all: once, at %(at)s where they are.")
    said = words % {"consecutive": values["consecutive"], "total": values["total"], "at": values["send_at"]}
    said += _looks_at(values) + _ways(values) + _blackouts(values)
    said += " " + _("Its words are others before %(days)d days have passed than after.") % {"days": values["early_before_day"]}
    return Row(_("Reminder"), said + _left_out(values))


def _few_activities(values: Mapping[str, Any]) -> Row:
    fewer, days = values["fewer_than"], values["in_days"]
    asked = ngettext("no activity", "fewer than %(count)d activities", fewer) % {"count": fewer}
    over = ngettext("that day", "the last %(count)d days", days) % {"count": days}
    words = _("A text to those who finished %(asked)s on %(over)s, today included: once in a burst, at %(at)s where they are.")
    if values["event"]:
        words = _("A text to those who finished %(asked)s on %(over)s, today included: once, at %(at)s where they are.")
    said = words % {"asked": asked, "over": over, "at": values["send_at"]}
    return Row(_("Reminder"), said + _looks_at(values) + _ways(values) + _blackouts(values) + _left_out(values))


def _blackouts(values: Mapping[str, Any]) -> str:
    first, last, said = values["blackout_start_days"], values["blackout_end_days"], ""
    if first:
        said += " " + ngettext("Nobody gets it on the first day.", "Nobody gets it on the first %(count)d days.", first) % {"count": first}
    if last:
        said += " " + ngettext("Nobody gets it on the last day.", "Nobody gets it on the last %(count)d days.", last) % {"count": last}
    return said


def _pre_burst(values: Mapping[str, Any]) -> Row:
    words = _("A text %(days)s before each burst from number %(first)d on, at %(at)s where they are.")
    if values["event"]:
        words = _("A text %(days)s before the event %(event)s, at %(at)s where they are.")
    said = words % {
        "days": count_days(values["lead_days"]),
        "first": values["first_burst"],
        "event": values["event"],
        "at": values["send_at"],
    }
    said += _ways(values)
    if values["event"]:
        return Row(_("Text before an event"), said + _left_out(values))
    return Row(_("Text before a burst"), said + _left_out(values))


def _looks_at(values: Mapping[str, Any]) -> str:
    """This function will tell on which days a rule looks and what counts there, as far as the burst series does not say it."""
    said = ""
    if values["event"]:
        words = {"days": count_days(values["length_days"]), "event": values["event"], "delay": count_days(values["delay_days"])}
        after = _("It looks at %(days)s from %(delay)s after the event %(event)s on.")
        said += " " + (after if values["delay_days"] else _("It looks at %(days)s from the event %(event)s on.")) % words
    if values["counts"]:
        return said + " " + _("What counts is %(name)s.") % {"name": values["counts"]}
    return said + " " + _("Whatever they do counts.")


def _ways(values: Mapping[str, Any]) -> str:
    """This function will tell in which order channels are tried, where there are several."""
    names = [str(CHANNEL_LABELS.get(channel, channel)) for channel in values["channels"]]
    return " " + _("By the first of these that reaches them: %(channels)s.") % {"channels": ", ".join(names)} if len(names) > 1 else ""


def _left_out(values: Mapping[str, Any]) -> str:
    excluded, wanted, told = (values.get(name) or [] for name in ("excluded_data_groups", "only_data_groups", "groups_with_texts"))
    said = " " + _("Only for the data group %(groups)s.") % {"groups": ", ".join(wanted)} if wanted else ""
    said += " " + _("Not to the data group %(groups)s.") % {"groups": ", ".join(excluded)} if excluded else ""
    for condition in values.get("only_attributes") or []:
        said += " " + _("Only to those whose %(condition)s.") % {"condition": _condition(condition)}
    for condition in values.get("excluded_attributes") or []:
        said += " " + _("Not to those whose %(condition)s.") % {"condition": _condition(condition)}
    if "nudge" in values and values["probability"] < 1:
        said += " " + _("Whoever is due gets it with a chance of %(percent)d in 100.") % {"percent": round(values["probability"] * 100)}
    return said + (" " + _("Other words for the data group %(groups)s.") % {"groups": ", ".join(told)} if told else "")


def _condition(values: Mapping[str, Any]) -> str:
    name, low, high = values["id"], values["at_least"], values["at_most"]
    if values["values"]:
        return _("%(name)s is %(values)s") % {"name": name, "values": _(" or ").join(_value(value) for value in values["values"])}
    if low is not None and high is not None:
        return _("%(name)s is from %(low)d to %(high)d") % {"name": name, "low": low, "high": high}
    if low is not None:
        return _("%(name)s is at least %(low)d") % {"name": name, "low": low}
    if high is not None:
        return _("%(name)s is at most %(high)d") % {"name": name, "high": high}
    return _("%(name)s is known") % {"name": name}


def _value(value: object) -> str:
    return {True: _("yes"), False: _("no")}[value] if isinstance(value, bool) else str(value)


def _attribute(values: Mapping[str, Any]) -> Row:
    if values["bounds"]:
        low, high = values["bounds"]
        said = _("A whole number from %(low)d to %(high)d.") % {"low": low, "high": high}
    else:
        said = _("One of: %(values)s.") % {"values": ", ".join(values["values"])} if values["values"] else _("Yes or no.")
    return Row(_("Attribute: %(name)s") % {"name": values["id"]}, said + " " + _("The app or a service sets it."))


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], Row]] = {
    "time_zone": _time_zone,
    "arms": _arms,
    "attribute": _attribute,
    "event": _event,
    "bursts": _bursts,
    "session": _session,
    "sessions_total": _total,
    "missed_days": _missed_days,
    "few_activities": _few_activities,
    "pre_burst": _pre_burst,
}
