import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from studies.fact_words import Meaning, tell
from studies.protocol import SCHEMA_PATH, MissedDaysNudge, PreBurstNudge, Problem, Protocol, ProtocolError, check, explain, parse
from studies.protocol_problems import MESSAGES

DOCUMENTS = SCHEMA_PATH.parents[1] / "protocols"
CASES = json.loads((Path(__file__).parents[1] / "data" / "nudge_cases.json").read_text(encoding="utf-8"))
PUBLISHED = {
    protocol["id"]: protocol
    for protocol in json.loads((Path(__file__).parents[1] / "data" / "published_protocols.json").read_text(encoding="utf-8"))["protocols"]
}
GSM_7 = set(
    "@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


def load(name: str) -> Any:
    return json.loads((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"))


def changed(change: Callable[[Any], object]) -> Any:
    document = load("mpower2")
    change(document)
    return document


def found_in(document: object) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in check(document)]


def put(path: str, value: object) -> Callable[[Any], None]:
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]

    def change(document: Any) -> None:
        for step in steps:
            document = document[step]
        document[last] = value

    return change


def drop(path: str) -> Callable[[Any], None]:
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]

    def change(document: Any) -> None:
        for step in steps:
            document = document[step]
        del document[last]

    return change


def texts_of(protocol: Protocol) -> Iterator[str]:
    for nudge in protocol.nudges:
        groups = [nudge.early, nudge.late, nudge.cumulative] if isinstance(nudge, MissedDaysNudge) else [nudge.default]
        for texts in groups:
            for variants in texts.values():
                yield from variants


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(DOCUMENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_shipped_protocol_is_valid_and_tells_its_sources(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))

    protocol = parse(document)

    assert protocol.id == path.stem
    assert protocol.source
    assert protocol.assumptions


def test_mpower2_has_the_published_numbers() -> None:
    facts = {fact.kind: fact.values for fact in explain(parse(load("mpower2")))}
    expected = PUBLISHED["mpower2"]["expected"]

    assert facts["bursts"]["start_offsets"] == expected["burst_start_day_offsets"]
    assert facts["bursts"]["last_day_offset"] == expected["last_scheduled_day_offset"]
    assert facts["bursts"]["keeps_weekday"] is expected["same_weekday_every_burst"]
    assert facts["sessions_total"]["total"] == expected["sessions_total"]
    assert facts["bursts"]["complete_after_days"] == PUBLISHED["mpower2"]["completion"]["min_days_to_complete_burst"]
    assert facts["bursts"]["extend_to_days"] == 19
    assert facts["bursts"]["interval_weeks"] == 13


def test_mpower2_nudges_as_the_simulated_system_did() -> None:
    protocol = parse(load("mpower2"))
    config = CASES["simulation_config"]
    missed, before = protocol.nudge("missed"), protocol.nudge("before")

    assert isinstance(missed, MissedDaysNudge)
    assert isinstance(before, PreBurstNudge)
    assert missed.consecutive == config["numMissedConsecutiveDaysToNotify"]
    assert missed.total == config["numMissedDaysToNotify"]
    assert missed.early_before_day == config["earlyLateCutoffDays"]
    assert missed.blackout_start_days == config["notificationBlackoutDaysFromStart"]
    assert missed.blackout_end_days == config["notificationBlackoutDaysFromEnd"]
    assert missed.counts == config["burstTaskId"]
    assert protocol.burst_series[0].length_days == config["burstDurationDays"]
    assert protocol.burst_series[0].complete_after_days == config["numActivitiesToCompleteBurst"]
    assert (before.lead_days, before.first_burst) == (1, 2)


def test_mpower2_texts_fit_in_one_part_and_tell_no_condition() -> None:
    protocol = parse(load("mpower2"))

    for text in texts_of(protocol):
        sent = text.format(study=protocol.participant_name, link="https://carillon.example/s/0123456789")
        assert set(sent) <= GSM_7, sent
        assert len(sent) <= 160, sent
        assert not any(word in sent.lower() for word in ("parkinson", "tremor", "disease", "patient", "enferm", "mpower")), sent


def test_engage_has_four_prompts_on_each_of_21_days() -> None:
    facts = {fact.kind: fact.values for fact in explain(parse(load("engage")))}

    assert facts["sessions_total"]["total"] == PUBLISHED["engage"]["expected"]["sessions_total"]
    assert facts["session"]["times"] == PUBLISHED["engage"]["session_times"]


def test_events_are_named_and_dated_from_enrollment() -> None:
    facts = {fact.kind: fact.values for fact in explain(parse(load("mpower2")))}
    events: Any = facts["events"]["events"]

    assert events[0] == {"event_id": "custom:activityBurst1Start", "offset_days": 0}
    assert events[8] == {"event_id": "custom:activityBurst9Start", "offset_days": 728}


@pytest.mark.parametrize("interval", ["P13W", "P91D", {"value": 91, "unit": "day"}, {"value": 13, "unit": "week"}])
def test_an_interval_may_be_written_in_several_ways(interval: object) -> None:
    protocol = parse(changed(put("burst_series/0/interval", interval)))

    assert protocol.burst_series[0].interval_days == 91


def test_times_may_differ_by_day() -> None:
    published = PUBLISHED["radar_mdd_esm28q"]
    document = load("engage") | {"nudges": []}
    document["burst_series"][0] |= {"count": 4, "interval": "P12W", "length_days": 6, "delay_days": published["burst_first_day_offset"]}
    document["schedules"][0]["sessions"][0] |= {"times": published["session_times"], "window_minutes": 15}

    facts = {fact.kind: fact.values for fact in explain(parse(document))}

    assert facts["bursts"]["start_offsets"] == published["expected"]["first_four_burst_first_prompt_day_offsets"]
    assert facts["sessions_total"]["per_burst"] == published["expected"]["prompts_per_burst"]
    assert facts["session"]["times_by_day"] == dict(enumerate(published["session_times"], start=1))


SESSION = "schedules/0/sessions/0"
MISSED = "nudges/0"
GOOD_TEXT = "{study}: hello. Reply STOP to end texts."


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (put("schema", "carillon-protocol/2"), "$.schema", "choice"),
        (drop("participant_name"), "$.participant_name", "required"),
        (put("colour", "red"), "$.colour", "unknown"),
        (put("a\nb", "red"), '$["a\\nb"]', "unknown"),
        (put("id", "mpower:2"), "$.id", "id"),
        (put("id", "mpower2\n"), "$.id", "id"),
        (put("name", "a\x00b"), "$.name", "control_characters"),
        (put("languages/0", "English"), "$.languages[0]", "language"),
        (put("languages", ["en", "en"]), "$.languages", "repeated"),
        (put("languages", ["en"]), "$.schedules[0].sessions[0].label.es", "language_unknown"),
        (put("burst_series", []), "$.burst_series", "too_short"),
        (put("burst_series/0/count", 0), "$.burst_series[0].count", "too_small"),
        (put("burst_series/0/count", True), "$.burst_series[0].count", "type"),
        (put("burst_series/0/count", 10**400), "$.burst_series[0].count", "too_large"),
        (put("burst_series/0/interval", "P3M"), "$.burst_series[0].interval", "period"),
        (put("burst_series/0/interval", "P0W"), "$.burst_series[0].interval", "period"),
        (put("burst_series/0/interval", {"value": 3, "unit": "month"}), "$.burst_series[0].interval.unit", "choice"),
        (put("burst_series/0/interval", "P18D"), "$.burst_series[0].interval", "bursts_overlap"),
        (drop("burst_series/0/interval"), "$.burst_series[0].interval", "required"),
        (put("burst_series/0/extend_to_days", 13), "$.burst_series[0].extend_to_days", "shorter_than_burst"),
        (put("burst_series/0/complete_after_days", 15), "$.burst_series[0].complete_after_days", "longer_than_burst"),
        (put("schedules/0/from", "elsewhere"), "$.schedules[0].from", "unknown_reference"),
        (put(f"{SESSION}/days", "daily"), "$.schedules[0].sessions[0].days", "days"),
        (put(f"{SESSION}/days", [9, 1, 14]), "$.schedules[0].sessions[0].days", "not_ascending"),
        (put(f"{SESSION}/days", [1, 9, 14, 15]), "$.schedules[0].sessions[0].days", "longer_than_burst"),
        (put(f"{SESSION}/days", [1, 9]), "$.schedules[0].sessions[0].extra_tasks", "day_without_session"),
        (put(f"{SESSION}/times", ["09:00"]), "$.schedules[0].sessions[0].times", "choice"),
        (put(f"{SESSION}/window_minutes", 60), "$.schedules[0].sessions[0].window_minutes", "not_all_day"),
        (drop(f"{SESSION}/all_day"), "$.schedules[0].sessions[0].window_minutes", "required"),
        (put(f"{SESSION}/label", {"es": "Actividades"}), "$.schedules[0].sessions[0].label", "language_missing"),
        (put(f"{MISSED}/kind", "guess"), "$.nudges[0].kind", "choice"),
        (put(f"{MISSED}/counts", "nothing"), "$.nudges[0].counts", "unknown_reference"),
        (put(f"{MISSED}/series", "nothing"), "$.nudges[0].series", "unknown_reference"),
        (put(f"{MISSED}/total", 15), "$.nudges[0].total", "longer_than_burst"),
        (put(f"{MISSED}/blackout_start_days", 13), "$.nudges[0].blackout_start_days", "never_sent"),
        (put(f"{MISSED}/send_at", "24:00"), "$.nudges[0].send_at", "time"),
        (put(f"{MISSED}/send_at", "18:00"), "$.nudges[0].send_at", "outside_window"),
        (put(f"{MISSED}/window", ["18:00", "10:00"]), "$.nudges[0].window", "window_order"),
        (put(f"{MISSED}/window", ["08:59", "18:00"]), "$.nudges[0].window", "outside_text_hours"),
        (put(f"{MISSED}/window", ["10:00"]), "$.nudges[0].window", "too_short"),
        (put(f"{MISSED}/texts/early/fr", [GOOD_TEXT]), "$.nudges[0].texts.early.fr", "language_unknown"),
        (put(f"{MISSED}/texts/early", {"es": [GOOD_TEXT]}), "$.nudges[0].texts.early", "language_missing"),
        (put(f"{MISSED}/texts/early/en/1", "{study}: hello."), "$.nudges[0].texts.early.en[1]", "text_without_stop"),
        (put(f"{MISSED}/texts/early/en/1", "{study}: NONSTOP fun"), "$.nudges[0].texts.early.en[1]", "text_without_stop"),
        (put(f"{MISSED}/texts/early/en/1", "Reply STOP."), "$.nudges[0].texts.early.en[1]", "text_without_study"),
        (put(f"{MISSED}/texts/early/en/1", GOOD_TEXT + " {name}"), "$.nudges[0].texts.early.en[1]", "unknown_variable"),
        (put(f"{MISSED}/texts/early/en/1", GOOD_TEXT + " {study.__class__}"), "$.nudges[0].texts.early.en[1]", "unknown_variable"),
        (put(f"{MISSED}/texts/early/en/1", GOOD_TEXT + " {"), "$.nudges[0].texts.early.en[1]", "unknown_variable"),
        (drop(f"{MISSED}/texts/late"), "$.nudges[0].texts.late", "required"),
        (put("nudges/1/first_burst", 10), "$.nudges[1].first_burst", "beyond_series"),
        (put("nudges/1/id", "missed"), "$.nudges", "duplicate_id"),
        (put("nudges/1/consecutive", 3), "$.nudges[1].consecutive", "unknown"),
    ],
)
def test_a_fault_is_named_with_its_path(change: Callable[[Any], None], path: str, code: str) -> None:
    document = changed(change)

    assert (path, code) in found_in(document)
    with pytest.raises(ProtocolError, match=r"^\$"):
        parse(document)


@pytest.mark.parametrize(
    ("times", "path", "code"),
    [
        (["14:00", "11:00"], "$.schedules[0].sessions[0].times", "not_ascending"),
        (["11:00", "11:00"], "$.schedules[0].sessions[0].times", "not_ascending"),
        (["9:00"], "$.schedules[0].sessions[0].times[0]", "time"),
        ([["09:00"], ["10:00"]], "$.schedules[0].sessions[0].times", "lists_per_day"),
        (["09:00", ["10:00"]], "$.schedules[0].sessions[0].times[1]", "type"),
        ([["09:00"], "10:00"], "$.schedules[0].sessions[0].times[1]", "type"),
    ],
)
def test_times_in_disorder_are_named(times: object, path: str, code: str) -> None:
    document = load("engage") | {"nudges": []}
    document["schedules"][0]["sessions"][0]["times"] = times

    assert (path, code) in found_in(document)


RANDOM = "schedules/0/sessions/0/random_times"


@pytest.mark.parametrize(
    ("name", "change", "path", "code"),
    [
        ("das_friebel", put(f"{RANDOM}/windows/1/weekdays", [5, 6]), "$.schedules[0].sessions[0].random_times.windows", "weekday_twice"),
        (
            "das_friebel",
            put(f"{RANDOM}/windows/1/weekdays", [8]),
            "$.schedules[0].sessions[0].random_times.windows[1].weekdays[0]",
            "too_large",
        ),
        ("das_friebel", put(f"{RANDOM}/windows/0/to", "13:00"), "$.schedules[0].sessions[0].random_times.windows", "no_room"),
        ("das_friebel", put(f"{RANDOM}/windows/0/to", "07:00"), "$.schedules[0].sessions[0].random_times.windows", "no_room"),
        ("das_friebel", put(f"{RANDOM}/windows/0/to", "24:30"), "$.schedules[0].sessions[0].random_times.windows[0].to", "time"),
        ("das_friebel", put(f"{SESSION}/times", ["09:00"]), "$.schedules[0].sessions[0].times", "not_random"),
        ("das_friebel", put(f"{SESSION}/all_day", True), "$.schedules[0].sessions[0].random_times", "not_all_day"),
        ("das_friebel", drop(RANDOM), "$.schedules[0].sessions[0].times", "required"),
        ("heartsteps_u01", put("burst_series/0/min_gap_days", 110), "$.burst_series[0].min_gap_days", "no_room"),
        ("heartsteps_u01", put("burst_series/0/min_gap_days", 6), "$.burst_series[0].min_gap_days", "bursts_overlap"),
        ("heartsteps_u01", put("burst_series/0/within_days", 330), "$.burst_series[0].min_gap_days", "no_room"),
        ("heartsteps_u01", put("burst_series/0/delay_days", 29), "$.burst_series[0].delay_days", "before_origin"),
        ("heartsteps_u01", drop("burst_series/0/jitter_days"), "$.burst_series[0].within_days", "only_with_jitter"),
        ("heartsteps_u01", put("schedules/1/except", ["year"]), "$.schedules[1].except", "own_series"),
        ("heartsteps_u01", put("schedules/1/except", ["month"]), "$.schedules[1].except", "unknown_reference"),
        ("heartsteps_u01", put("schedules/1/sessions/0/probability", 0), "$.schedules[1].sessions[0].probability", "not_above"),
        ("escape", put("events/0/period", "P"), "$.events[0].period", "iso_period"),
        ("escape", put("events/0/period", "PT9H"), "$.events[0].period", "iso_period"),
        ("escape", put("events/0/id", "wave2"), "$.events[0].id", "custom_event_id"),
        ("escape", put("events/0/origin", "signed"), "$.events[0].origin", "event_id"),
        ("escape", put("events/0/origin", "custom:nothing"), "$.events[0].origin", "unknown_reference"),
        ("escape", put("events/0/origin", "custom:wave2"), "$.events[0].origin", "circular"),
        ("escape", put("events/0/update", "always"), "$.events[0].update", "choice"),
        ("escape", drop("events/0/period"), "$.events[0].period", "required"),
        ("escape", put("events/1/id", "custom:wave2"), "$.events", "duplicate_id"),
        ("escape", put("burst_series/0/origins/1", "custom:wave9"), "$.burst_series[0].origins[1]", "unknown_reference"),
        ("escape", put("burst_series/0/count", 4), "$.burst_series[0].count", "not_with_origins"),
        ("mpower2", put("burst_series/0/origin", "custom:activityBurst2Start"), "$.burst_series[0].origin", "circular"),
        ("mpower2", put("burst_series/0/origin", "custom:baseline"), "$.burst_series[0].origin", "unknown_reference"),
        ("mpower2", put("randomised_groups/1/groups", {"gr_SC_DB": 1, "other": 1}), "$.randomised_groups", "group_twice"),
        ("mpower2", put("randomised_groups/1/groups", {"gr_BR_AD": 1}), "$.randomised_groups[1].groups", "too_short"),
    ],
)
def test_a_fault_of_chance_events_or_arms_is_named_with_its_path(name: str, change: Callable[[Any], None], path: str, code: str) -> None:
    document = load(name)
    change(document)

    assert (path, code) in found_in(document)


def test_two_events_may_not_count_from_each_other() -> None:
    document = load("escape")
    document["events"][0]["origin"], document["events"][1]["origin"] = "custom:wave3", "custom:wave2"

    assert found_in(document) == [("$.events[0].origin", "circular"), ("$.events[1].origin", "circular")]


def test_every_shipped_protocol_can_be_told() -> None:
    told = {path.stem: tell(parse(load(path.stem))) for path in DOCUMENTS.glob("*.json")}

    assert "6 random times (Mon–Fri from 08:00 to 22:00; Sat, Sun from 10:00 to 22:00; 60 minutes apart)" in words(told["das_friebel"])
    assert "Each is moved by chance by up to 30 days, and at least 60 days lie between two starts." in words(told["heartsteps_u01"])
    assert "Each takes place with a chance of 20 in 100. Not on days of survey." in words(told["heartsteps_u01"])
    assert "9 months from enrollment. It may be moved and removed." in words(told["escape"])
    assert "They start at these events: enrollment, custom:wave2, custom:wave3, custom:wave4." in words(told["escape"])
    assert "One data group of: fixed_2 1 in 4" in words(told["ema_factors"])
    assert "Only for the data group fixed_4." in words(told["ema_factors"])


def words(meaning: Meaning) -> str:
    return " ".join(row.value for row in meaning.rows)


def test_two_series_may_not_make_the_same_event() -> None:
    document = load("mpower2")
    document["burst_series"] += [
        {"id": "activity", "origin": "enrollment", "count": 1, "length_days": 1},
        {"id": "activityBurst1", "origin": "enrollment", "count": 1, "length_days": 1},
    ]
    document["burst_series"][0] |= {"count": 11}

    assert ("$.burst_series", "duplicate_id") in found_in(document)


def test_with_two_series_a_nudge_must_name_its_own() -> None:
    document = load("mpower2")
    document["burst_series"].append({"id": "other", "origin": "enrollment", "count": 1, "length_days": 1})
    del document["nudges"][0]["series"]

    assert found_in(document) == [("$.nudges[0].series", "series_needed")]


def test_all_faults_are_told_at_once() -> None:
    document = load("mpower2")
    del document["name"]
    document["burst_series"][0]["count"] = "nine"
    document["nudges"][0]["texts"]["late"]["es"][2] = "hola"

    assert found_in(document) == [
        ("$.burst_series[0].count", "type"),
        ("$.name", "required"),
        ("$.nudges[0].texts.late.es[2]", "text_without_stop"),
        ("$.nudges[0].texts.late.es[2]", "text_without_study"),
    ]


def test_every_message_can_be_written() -> None:
    for code in MESSAGES:
        assert Problem("$", code, {"expected": "x", "value": "y"}).message


def test_texts_fall_back_to_the_parent_language_and_then_to_the_first() -> None:
    protocol = parse(load("mpower2"))
    texts = {"en": ("hello",), "es": ("hola",)}

    assert protocol.variants(texts, "es") == ("hola",)
    assert protocol.variants(texts, "es-MX") == ("hola",)
    assert protocol.variants(texts, "fi") == ("hello",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inner:
        yield from places(item, (*at, step))


PLACES = sorted(places(load("mpower2")), key=str)


@settings(deadline=None, max_examples=300)
@given(at=st.sampled_from(PLACES), value=json_values)
def test_any_value_anywhere_is_accepted_or_named_but_never_breaks_the_parser(at: tuple[Any, ...], value: object) -> None:
    document: Any = copy.deepcopy(load("mpower2"))
    target = document
    if at:
        for step in at[:-1]:
            target = target[step]
        target[at[-1]] = value
    else:
        document = value

    for problem in check(document):
        assert problem.path.startswith("$")
        assert problem.message


@settings(deadline=None, max_examples=60)
@given(at=st.sampled_from([place for place in PLACES if place]))
def test_leaving_anything_out_is_accepted_or_named(at: tuple[Any, ...]) -> None:
    document: Any = load("mpower2")
    target = document
    for step in at[:-1]:
        target = target[step]
    del target[at[-1]]

    for problem in check(document):
        assert problem.message
