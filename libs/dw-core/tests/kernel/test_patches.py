"""Patches deployed over running histories: a marker belongs to its change id."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import os
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import NonDeterministicReplayError

# Found by `-m hypothesis`, which the long run of CI goes by: `given` is inside of the test.
pytestmark = pytest.mark.hypothesis

deployments = settings(
    max_examples=max(150, int(os.environ.get("SOAK_EXAMPLES", "0"))), deadline=None
)


def commands(workflow_cls: Any, history: Any) -> Any:
    return workflow.replay(workflow_cls, history, []).commands


def marked(history: Any, sequence: Any, change_id: Any, version: Any = 1) -> Any:
    return history.add(
        "VersionMarkerRecorded", sequence=sequence, change_id=change_id, version=version
    )


def names_of(found: Any) -> Any:
    return [getattr(c, "activity_type", None) or getattr(c, "change_id", None) for c in found]


class Stacked:
    """The newest change stands first, as people stack them."""

    def run(self, ctx: Any) -> Any:
        if (yield ctx.patched("third")):
            name = "third"
        elif (yield ctx.patched("second")):
            name = "second"
        else:
            name = "first"
        yield ctx.schedule_activity(name, [])


def test_new_run_takes_the_newest_change(recorded: Any) -> None:
    assert names_of(commands(Stacked, recorded())) == ["third", "third"]


def test_change_before_a_recorded_one_is_the_old_version(recorded: Any) -> None:
    history = marked(recorded(), 2, "second").scheduled(3, "second")
    assert names_of(commands(Stacked, history)) == ["second"]


def test_run_from_before_all_changes_follows_none_of_them(recorded: Any) -> None:
    assert names_of(commands(Stacked, recorded().scheduled(2, "first"))) == ["first"]


def test_markers_are_found_in_another_order_than_recorded(recorded: Any) -> None:
    class Turned:
        def run(self, ctx: Any) -> Any:
            found = []
            for change in ("new", "c", "b", "new", "a"):
                found.append((yield ctx.get_version(change, 0, 9)))
            yield ctx.start_timer(1)
            return found

    history = marked(marked(marked(recorded(), 2, "a", 1), 3, "b", 2), 4, "c", 3)
    history.add("TimerFired", sequence=5)
    assert commands(Turned, history) == [workflow.CompleteWorkflow([0, 3, 2, 0, 1])]


def test_markers_are_found_around_other_markers(recorded: Any) -> None:
    class Mixed:
        def run(self, ctx: Any) -> Any:
            new = yield ctx.patched("new")
            effect = yield ctx.side_effect(lambda: 1)
            newer = yield ctx.patched("newer")
            old = yield ctx.patched("old")
            yield ctx.upsert_search_attributes({"a": 1})
            yield ctx.deprecate_patch("newest")
            yield ctx.start_timer(1)
            return [new, effect, newer, old]

    history = recorded().add("SideEffectRecorded", sequence=2, result="7")
    marked(history, 3, "old").add("SearchAttributesUpserted", sequence=4)
    history.add("TimerFired", sequence=5)
    assert commands(Mixed, history) == [workflow.CompleteWorkflow([False, 7, False, True])]


def test_deprecated_patch_takes_its_marker_behind_a_newer_change(recorded: Any) -> None:
    class Deprecated:
        def run(self, ctx: Any) -> Any:
            new = yield ctx.patched("new")
            yield ctx.deprecate_patch("old")
            yield ctx.start_timer(1)
            return new

    history = marked(recorded(), 2, "old").add("TimerFired", sequence=3)
    assert commands(Deprecated, history) == [workflow.CompleteWorkflow(False)]
    unmarked = recorded().add("TimerFired", sequence=2)
    assert commands(Deprecated, unmarked) == [workflow.CompleteWorkflow(False)]


class Loop:
    def run(self, ctx: Any) -> Any:
        seen = []
        for _ in range(4):
            new = yield ctx.patched("new")
            seen.append([new, (yield ctx.get_version("old", 0, 2))])
            yield ctx.start_timer(1)
        return seen


def test_later_rounds_of_a_loop_have_a_change_that_earlier_ones_have_not(recorded: Any) -> None:
    history = marked(recorded(), 2, "old", 1).add("TimerFired", sequence=3)
    marked(history, 4, "old", 2).add("TimerFired", sequence=5)
    assert names_of(commands(Loop, history)) == ["new", "old", None]
    marked(marked(history, 6, "new"), 7, "old", 2).add("TimerFired", sequence=8)
    marked(marked(history, 9, "new"), 10, "old", 2).add("TimerFired", sequence=11)
    seen = [[False, 1], [False, 2], [True, 2], [True, 2]]
    assert commands(Loop, history) == [workflow.CompleteWorkflow(seen)]


def test_marker_that_the_code_asks_for_no_more_is_named(recorded: Any) -> None:
    history = marked(recorded(), 2, "second").scheduled(3, "second")

    class Renamed:
        def run(self, ctx: Any) -> Any:
            name = "second" if (yield ctx.patched("zweite")) else "first"
            yield ctx.schedule_activity(name, [])

    with pytest.raises(
        NonDeterministicReplayError, match=r"'second'.*requested 'zweite'"
    ) as caught:
        commands(Renamed, history)
    assert caught.value.expected_shape == "version marker:zweite"

    class Removed:
        def run(self, ctx: Any) -> Any:
            yield ctx.schedule_activity("second", [])

    with pytest.raises(NonDeterministicReplayError) as caught:
        commands(Removed, history)
    assert caught.value.expected_shape == "activity"


# --- random deployments ----------------------------------------------------------------

changes = st.fixed_dictionaries(
    {
        "site": st.integers(0, 2),
        "place": st.integers(0, 5),
        "call": st.sampled_from(["patched", "get_version"]),
        "adds": st.sampled_from(["nothing", "timer", "effect", "attributes"]),
    }
)


def built(deployed: Any, style: Any, rounds: Any) -> Any:
    """The code with these changes deployed, in order: a class as a worker would have it."""
    sites: Any = [[], [], []]
    for number, change in enumerate(deployed):
        site = sites[change["site"]]
        place = 0 if style == "newest first" else min(change["place"], len(site))
        site.insert(place, (f"c{number}", change))

    def asked(ctx: Any, name: Any, change: Any) -> Any:
        if change["call"] == "patched":
            return (yield ctx.patched(name))
        return (yield ctx.get_version(name, 0, 1)) == 1

    def added(ctx: Any, what: Any) -> Any:
        if what == "timer":
            yield ctx.start_timer(1)
        elif what == "effect":
            yield ctx.side_effect(lambda: 1)
        elif what == "attributes":
            yield ctx.upsert_search_attributes({"n": 1})

    class Code:
        def run(self, ctx: Any) -> Any:
            for _ in range(rounds):
                for number, site in enumerate(sites):
                    followed = f"site{number}"
                    for name, change in site:
                        if (yield from asked(ctx, name, change)):
                            followed += name
                            yield from added(ctx, change["adds"])
                            if style == "newest first":
                                break
                    if number != 1:  # the stretch from one blocking step to the next has two sites
                        yield ctx.schedule_activity(followed, [])
                    else:
                        yield ctx.side_effect(lambda: 1)

    return Code


MARKERS: Any = {
    "RecordVersionMarker": "VersionMarkerRecorded",
    "RecordSideEffect": "SideEffectRecorded",
    "UpsertSearchAttributes": "SearchAttributesUpserted",
}


def write(history: Any, command: Any) -> Any:
    """What a server records of one command; the outcome of a blocking one is still to come."""
    sequence = len(history) + 1
    kind = type(command).__name__
    if kind in MARKERS:
        wire = command.to_server_command("q", payload_codec="json")
        detail = {key: wire[key] for key in ("change_id", "version", "result") if key in wire}
        history.add(MARKERS[kind], sequence=sequence, **detail)
    elif kind == "StartTimer":
        history.add("TimerScheduled", sequence=sequence)
        return lambda: history.add("TimerFired", sequence=sequence)
    elif kind == "ScheduleActivity":
        history.scheduled(sequence, command.activity_type)
        return lambda: history.completed(sequence, None, command.activity_type)
    else:
        assert command == workflow.CompleteWorkflow(None)
    return None


@pytest.mark.parametrize("clock", [None, "event"])
@pytest.mark.parametrize("style", ["newest first", "anywhere"])
def test_guarded_changes_never_break_a_running_history(
    style: Any, clock: Any, recorded: Any, outcome_of: Any, rebuilt_outcome: Any
) -> None:
    @deployments
    @given(
        found=st.lists(changes, max_size=6), rounds=st.integers(1, 4), seed=st.integers(0, 2**32)
    )
    def check(found: Any, rounds: Any, seed: Any) -> None:
        random = Random(seed)
        history = recorded(clock=clock)
        version = random.randint(0, len(found))
        code = built(found[:version], style, rounds)
        machine = Machine(code, Start(run_id="run-1"))
        fed = 0

        def look() -> Any:
            """Deploy the next changes, or not; what the kept machine and a rebuilt one say."""
            nonlocal machine, fed, version, code
            if random.random() < 0.3 and version < len(found):
                version = random.randint(version + 1, len(found))
                code = built(found[:version], style, rounds)
                machine, fed = Machine(code, Start(run_id="run-1")), 0
            machine.feed(history[fed:])
            fed = len(history)
            assert not machine.stale
            said = outcome_of(machine)
            assert said == rebuilt_outcome(code, history, [], codec="json")
            return machine.commands()

        while True:
            *before, last = look()
            for command in before:
                write(history, command)
            resolve = write(history, last)
            if resolve is None:
                return
            assert [type(c).__name__ in MARKERS for c in look()] == [False]
            resolve()

    check()
