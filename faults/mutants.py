"""The suite against engines that are wrong in one way each (FI-41): a mutant that it does not catch breaks the suite's own promise."""

from faults import answers, clocks_and_beats, libraries, mutations, planners, races, receipts
from faults.crew import Job
from faults.scene import Fault, Row, Scene
from tests.channels_ace.saying import let_leases_end, say


def kill_some(point: str) -> Fault:
    """This function will make a small fault of kills at a point."""

    def fault(scene: Scene) -> Row:
        scene.begin()
        say(scene.people[:60])
        for _ in range(5):
            scene.crew.run(Job(point=point, after=3, limit=5))
            let_leases_end()
        scene.finish_work()
        return scene.row("", "5 kills")

    return fault


# Which fault is bound to notice.
_CAUGHT_BY: dict[str, Fault] = {
    "attempt_after_sending": kill_some("K10"),
    "no_fence": lambda scene: clocks_and_beats.stop_past_the_lease(scene, times=2),
    "no_unique_index": lambda scene: clocks_and_beats.several_beats(scene, days=3),
    "sdk_retries": lambda scene: libraries.one_request_a_call(scene),
    "record_before_sending": kill_some("K7"),
    "unknown_is_refused": lambda scene: answers.unclear_answers(scene, "hang_after_accept", texts=20, tells=False),
    "no_second_decision": lambda scene: races.stop_while_sending(scene, people=40),
    "receipts_move_down": lambda scene: receipts.every_order(scene, events_each=4),
    "run_in_pieces": planners.kill_planners("P1", kills=3),
}

# And by what: an engine that does not run at all is noticed, too, and proves nothing.
_WORDS = {
    "attempt_after_sending": "I3 ",
    "no_fence": "I1 ",
    "no_unique_index": "I8 ",
    "sdk_retries": "2 requests of eum",
    "record_before_sending": "I2 ",
    "unknown_is_refused": "I1 ",
    "no_second_decision": "I6 ",
    "receipts_move_down": "orders end",
    "run_in_pieces": "nudges, not",
}


def try_mutant(name: str) -> Fault:
    def fault(scene: Scene) -> Row:
        scene.begin()
        if name == "no_unique_index":
            mutations.drop_unique_indexes()
        scene.crew.mutant = name
        try:
            row = _CAUGHT_BY[name](scene)
        finally:
            scene.crew.mutant = ""
            scene.begin()
            if name == "no_unique_index":
                mutations.add_unique_indexes()
        words = f"FI-41 mutant: {mutations.MUTANTS[name]}"
        # What it lost and doubled is the mutant's doing, and the reason why it was caught.
        how = sorted({line.split(":")[0][:60] for line in row.broken})
        return Row(
            fault=words,
            dose=f"caught: {', '.join(how)}" if how else "not caught",
            messages=row.messages,
            drained=row.drained,
            broken=[] if any(_WORDS[name] in line for line in row.broken) else [f"the suite does not notice {name} by {_WORDS[name]!r}"],
        )

    return fault


FAULTS: dict[str, Fault] = {f"FI-41-{name}": try_mutant(name) for name in mutations.MUTANTS}
