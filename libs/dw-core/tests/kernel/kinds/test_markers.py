"""Side effects, versions, search attributes: computed once, then read from history."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import NonDeterministicReplayError


def commands(workflow_cls: Any, history: Any, arguments: Any = ()) -> Any:
    return workflow.replay(workflow_cls, history, list(arguments)).commands


class Effect:
    calls = 0

    def run(self, ctx: Any) -> Any:
        def compute() -> Any:
            type(self).calls += 1
            return self.value

        value = yield ctx.side_effect(compute)
        return (yield ctx.schedule_activity("a", [value]))

    value: Any = 99


def test_side_effect_is_called_once_where_history_has_none(recorded: Any) -> None:
    class Fresh(Effect): ...

    effect, activity = commands(Fresh, recorded())
    assert (effect.result, activity.arguments, Fresh.calls) == (99, [99], 1)


def test_side_effect_is_not_called_where_history_has_its_value(recorded: Any) -> None:
    class Old(Effect): ...

    (activity,) = commands(Old, recorded().add("SideEffectRecorded", sequence=2, result="7"))
    assert (activity.arguments, Old.calls) == ([7], 0)


def test_code_gets_what_the_next_replay_will_read() -> None:
    class Tuple(Effect):
        value = ({"a": (1, 2)}, (3,))

    effect, activity = commands(Tuple, [])
    assert activity.arguments == [[{"a": [1, 2]}, [3]]]
    assert effect.result == [{"a": [1, 2]}, [3]]
    assert effect.result is not activity.arguments[0]


def test_code_cannot_change_what_is_recorded_afterwards() -> None:
    class Mutate:
        def run(self, ctx: Any) -> Any:
            state = [1]
            value = yield ctx.side_effect(lambda: state)
            value.append(2)
            state.append(3)
            yield ctx.start_timer(1)

    effect, _ = commands(Mutate, [])
    assert effect.result == [1]


def test_error_of_a_side_effect_is_raised_at_its_yield() -> None:
    class Failing:
        def run(self, ctx: Any) -> Any:
            try:
                yield ctx.side_effect(lambda: 1 // 0)
            except ZeroDivisionError:
                return "caught"

    assert commands(Failing, []) == [workflow.CompleteWorkflow("caught")]


def test_value_that_does_not_encode_fails_with_the_completion() -> None:
    class Unencodable(Effect):
        value = object()

    effect, _ = commands(Unencodable, [])
    with pytest.raises(TypeError):
        effect.to_server_command("q")


def test_base_exception_of_a_side_effect_passes_through() -> None:
    class Stopped(Effect):
        def run(self, ctx: Any) -> Any:
            def stop() -> None:
                raise KeyboardInterrupt

            yield ctx.side_effect(stop)

    machine = Machine(Stopped, Start())
    with pytest.raises(KeyboardInterrupt):
        machine.feed([])
    assert machine.stale


def test_markers_stand_before_what_the_code_waits_for() -> None:
    class Many:
        def run(self, ctx: Any) -> Any:
            yield ctx.side_effect(lambda: 1)
            yield ctx.get_version("v", 1, 2)
            yield ctx.upsert_search_attributes({"a": 1})
            yield ctx.schedule_activity("a", [])

    kinds = [type(command).__name__ for command in commands(Many, [])]
    assert kinds == [
        "RecordSideEffect",
        "RecordVersionMarker",
        "UpsertSearchAttributes",
        "ScheduleActivity",
    ]


class Versions:
    def run(self, ctx: Any) -> Any:
        version = yield ctx.get_version("v", 1, 3)
        patched = yield ctx.patched("p")
        nothing = yield ctx.deprecate_patch("d")
        yield ctx.schedule_activity("a", [])
        return [version, patched, nothing]


def test_new_run_gets_the_newest(recorded: Any) -> None:
    history = recorded()
    markers = commands(Versions, history)[:-1]
    assert [marker.version for marker in markers] == [3, 1, 1]
    for sequence, marker in enumerate(markers, 2):
        history.add(
            "VersionMarkerRecorded",
            sequence=sequence,
            change_id=marker.change_id,
            version=marker.version,
        )
    history.activity(5, None)
    assert commands(Versions, history) == [workflow.CompleteWorkflow([3, True, None])]


def test_recorded_version_is_returned_whatever_the_range(recorded: Any) -> None:
    history = recorded()
    for sequence, (change_id, version) in enumerate({"v": 77, "p": -1, "d": 0}.items(), 2):
        history.add(
            "VersionMarkerRecorded", sequence=sequence, change_id=change_id, version=version
        )
    history.activity(5, None)
    assert commands(Versions, history) == [workflow.CompleteWorkflow([77, False, None])]


def test_old_run_gets_the_oldest(recorded: Any) -> None:
    history = recorded().scheduled(2).completed(2, None)
    assert commands(Versions, history) == [workflow.CompleteWorkflow([1, False, None])]


def test_old_run_records_no_version_while_its_activity_is_open(recorded: Any) -> None:
    history = recorded().scheduled(2)
    assert [type(c).__name__ for c in commands(Versions, history)] == ["ScheduleActivity"]


def test_old_run_at_an_open_wait_gets_the_oldest(recorded: Any) -> None:
    class Waiting:
        def run(self, ctx: Any) -> Any:
            version = yield ctx.get_version("v", 1, 2)
            yield ctx.wait_condition(lambda: version == 2, key="k")

    (wait,) = commands(Waiting, recorded().wait(2, "k"))
    assert wait.condition_key == "k"


def test_old_version_does_not_hide_other_changes(recorded: Any) -> None:
    class Changed:
        def run(self, ctx: Any) -> Any:
            yield ctx.get_version("v", 1, 2)
            yield ctx.start_timer(1)

    with pytest.raises(NonDeterministicReplayError) as caught:
        commands(Changed, recorded().scheduled(2))
    assert caught.value.expected_shape == "timer"


@pytest.mark.parametrize("payload", [{}, {"version": None}])
def test_version_defaults_to_zero(recorded: Any, payload: Any) -> None:
    class Zero:
        def run(self, ctx: Any) -> Any:
            return (yield ctx.get_version("v", 0, 1))

    history = recorded().add("VersionMarkerRecorded", sequence=2, **payload)
    assert commands(Zero, history) == [workflow.CompleteWorkflow(0)]


def test_each_call_of_one_change_has_its_own_marker(recorded: Any) -> None:
    class Twice:
        def run(self, ctx: Any) -> Any:
            first = yield ctx.get_version("v", 1, 2)
            second = yield ctx.get_version("v", 1, 2)
            return [first, second]

    assert len(commands(Twice, recorded())) == 3
    history = recorded()
    for sequence, version in ((2, 1), (3, 2)):
        history.add("VersionMarkerRecorded", sequence=sequence, change_id="v", version=version)
    assert commands(Twice, history) == [workflow.CompleteWorkflow([1, 2])]


@pytest.mark.parametrize(
    "event", [("SideEffectRecorded", {"result": "8"}), ("VersionMarkerRecorded", {"version": 1})]
)
def test_kept_machine_notices_another_workers_marker(recorded: Any, event: Any) -> None:
    """The completion was lost, and the worker that came next recorded something else."""

    class Both:
        def run(self, ctx: Any) -> Any:
            yield ctx.side_effect(lambda: 7)
            yield ctx.start_timer(1)

    history = recorded(clock="event")
    machine = Machine(Both, Start())
    machine.feed(history)
    event_type, payload = event
    history.add(event_type, sequence=2, **payload).add("TimerScheduled", sequence=3)
    machine.feed(history[1:])
    assert machine.stale


def test_kept_machine_goes_on_after_its_own_marker(recorded: Any) -> None:
    class Both:
        def run(self, ctx: Any) -> Any:
            value = yield ctx.side_effect(lambda: (1, {"a": 2.0}))
            yield ctx.start_timer(1)
            return value

    history = recorded(clock="event")
    machine = Machine(Both, Start())
    machine.feed(history)
    history.add("SideEffectRecorded", sequence=2, result='[1,{"a":2.0}]')
    history.add("TimerScheduled", sequence=3).add("TimerFired", sequence=3)
    machine.feed(history[1:])
    assert machine.commands() == [workflow.CompleteWorkflow([1, {"a": 2.0}])]
