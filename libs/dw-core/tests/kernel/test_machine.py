"""The machine's interface: feeding, keeping, ending, and what makes it unusable."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import gc
import sys
import weakref
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import NonDeterministicReplayError, QueryFailed


@workflow.defn(name="sequence")
class Sequence:
    @workflow.signal("s")
    def on_signal(self) -> None: ...

    @workflow.query("q")
    def ask(self, *arguments: Any) -> Any:
        return ["answer", *arguments]

    @workflow.update("u")
    def change(self) -> Any:
        return "changed"

    def run(self, ctx: Any, count: Any) -> Any:
        for number in range(count):
            yield ctx.schedule_activity("a", [number])
        return count


def machine_of(count: Any, workflow_cls: Any = Sequence) -> Any:
    return Machine(workflow_cls, Start("w", "r", [count]))


def sequence_history(recorded: Any, count: Any) -> Any:
    history = recorded(clock="event")
    for _ in range(count):
        history.activity(len(history) + 1, None)
    return history


def test_machine_that_was_fed_nothing_says_how_a_run_begins() -> None:
    assert machine_of(1).commands() == [workflow.ScheduleActivity("a", [0])]
    assert machine_of(1).query("q", [2]) == ["answer", 2]
    assert machine_of(0).closed is False


def test_feeding_step_by_step(recorded: Any) -> None:
    history = sequence_history(recorded, 3)
    machine = machine_of(3)
    assert machine.last_sequence == 0
    machine.feed(history[:1])
    for number in range(3):
        assert machine.commands() == [workflow.ScheduleActivity("a", [number])]
        assert not machine.closed
        machine.feed(history[1 + 2 * number : 2 + 2 * number])
        assert machine.commands() == [workflow.ScheduleActivity("a", [number])]  # said again
        machine.feed(history[2 + 2 * number : 3 + 2 * number])
        assert machine.last_sequence == 3 + 2 * number
    assert machine.commands() == [workflow.CompleteWorkflow(3)]
    assert machine.closed
    assert not machine.stale
    assert not machine.spent


def test_pages_are_fed_with_more(recorded: Any) -> None:
    @workflow.defn(name="two-signals")
    class TwoSignals:
        def __init__(self) -> None:
            self.count = 0

        @workflow.signal("s")
        def on_signal(self) -> None:
            self.count += 1

        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: self.count == 1, key="k")
            return self.count

    history = recorded(clock="event").wait(2, "k").signal("s").signal("s")
    machine = Machine(TwoSignals, Start())
    machine.feed(history[:3], more=True)
    machine.feed(history[3:], more=True)
    assert [type(c).__name__ for c in machine.commands()] == ["WaitCondition"]
    cut = Machine(TwoSignals, Start())
    cut.feed(history[:3])
    cut.feed(history[3:])
    assert cut.stale  # the first feed ended where no task was claimed


def test_histories_without_sequences_have_position_zero() -> None:
    machine = machine_of(1)
    machine.feed([{"event_type": "ActivityCompleted", "payload": {"result": "1"}}])
    assert machine.last_sequence == 0
    assert machine.commands() == [workflow.CompleteWorkflow(1)]


@pytest.mark.parametrize("record", [{}, {"payload": None}, {"event_type": 5}, {"type": "Unknown"}])
def test_records_that_say_nothing_are_passed_by(record: Any) -> None:
    machine = machine_of(1)
    machine.feed([record])
    assert machine.commands() == [workflow.ScheduleActivity("a", [0])]


def test_sequences_may_be_digits_and_have_another_name() -> None:
    machine = machine_of(1)
    machine.feed(
        [
            {"type": "ActivityScheduled", "payload": {"workflow_sequence": "7"}, "sequence": "1"},
            {"type": "ActivityCompleted", "payload": {"sequence": 7, "result": "1"}, "sequence": 2},
        ]
    )
    assert machine.commands() == [workflow.CompleteWorkflow(1)]
    assert machine.last_sequence == 2


# --- ends -----------------------------------------------------------------------------------


def test_plain_function_completes_at_once(recorded: Any) -> None:
    class Plain:
        def run(self, ctx: Any, value: Any) -> Any:
            return value

    class Continues:
        def run(self, ctx: Any) -> Any:
            return ctx.continue_as_new(5)

    class Onward(workflow.ContinueAsNew):
        """A command of the user's own."""

    class GoesOn:
        def run(self, ctx: Any) -> Any:
            return Onward(arguments=[6])

    assert workflow.replay(Plain, [], [7]).commands == [workflow.CompleteWorkflow(7)]
    assert workflow.replay(Continues, [], []).commands == [workflow.ContinueAsNew(arguments=[5])]
    assert workflow.replay(GoesOn, [], []).commands == [Onward(arguments=[6])]


@pytest.mark.parametrize("yields", [True, False])
def test_continue_as_new_is_the_same_yielded_or_returned(recorded: Any, yields: Any) -> None:
    class Continue:
        def run(self, ctx: Any) -> Any:
            yield ctx.upsert_search_attributes({"a": 1})
            if yields:
                yield ctx.continue_as_new(1)
                raise AssertionError("a yielded end never resumes")
            return ctx.continue_as_new(1)

    assert workflow.replay(Continue, recorded(), []).commands == [
        workflow.UpsertSearchAttributes({"a": 1}),
        workflow.ContinueAsNew(arguments=[1]),
    ]
    with pytest.raises(NonDeterministicReplayError) as caught:
        workflow.replay(
            Continue,
            recorded().add("SearchAttributesUpserted", sequence=2).scheduled(3),
            [],
        )
    assert caught.value.expected_shape == "continue as new"


def test_failure_drops_what_was_to_be_recorded() -> None:
    class Fails:
        def run(self, ctx: Any) -> Any:
            yield ctx.side_effect(lambda: 1)
            raise ValueError("no")

    assert workflow.replay(Fails, [], []).commands == [workflow.FailWorkflow("no", "ValueError")]


def test_failure_says_nothing_about_retries() -> None:
    from durable_workflow.errors import NonRetryableError

    class Fails:
        def run(self, ctx: Any) -> Any:
            raise NonRetryableError("no")
            yield

    assert workflow.replay(Fails, [], []).commands == [
        workflow.FailWorkflow("no", "NonRetryableError")
    ]


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@workflow.defn(name="mute")
class MuteEverywhere:
    @workflow.signal("s")
    def on_signal(self) -> None:
        raise Mute

    @workflow.query("q")
    def ask(self) -> Any:
        raise Mute

    @workflow.update("u")
    def change(self) -> Any:
        raise Mute

    def predicate(self) -> bool:
        raise Mute

    def run(self, ctx: Any, where: Any) -> Any:
        if where == "predicate":
            yield ctx.wait_condition(self.predicate)
        if where == "run":
            raise Mute
        yield ctx.schedule_activity("a", [])


@pytest.mark.parametrize("where", ["run", "signal", "predicate"])
def test_an_exception_that_cannot_say_what_it_is_still_fails_the_workflow(
    recorded: Any, where: Any
) -> None:
    history = recorded().signal("s") if where == "signal" else recorded()
    (command,) = workflow.replay(MuteEverywhere, history, [where]).commands
    assert isinstance(command, workflow.FailWorkflow)
    assert command.exception_type == "Mute"
    assert command.message.endswith("<exception str() failed>")


@workflow.defn(name="silent")
class Silent:
    @workflow.signal("s")
    def on_signal(self) -> None:
        raise ValueError

    def run(self, ctx: Any, where: Any) -> Any:
        if where == "run":
            raise ValueError("  ")
        yield ctx.schedule_activity("a", [])


@pytest.mark.parametrize("where", ["run", "signal"])
def test_an_exception_without_words_fails_the_workflow_by_its_class(
    recorded: Any, where: Any
) -> None:
    history = recorded().signal("s") if where == "signal" else recorded()
    (command,) = workflow.replay(Silent, history, [where]).commands
    assert command == workflow.FailWorkflow("ValueError", "ValueError")


def test_an_exception_that_cannot_say_what_it_is_still_answers(recorded: Any) -> None:
    with pytest.raises(QueryFailed, match="str\\(\\) failed"):
        workflow.query_state(MuteEverywhere, recorded(), ["q"], "q")
    answer = workflow.apply_update(MuteEverywhere, recorded().accepted("u"), ["u"], "u")
    assert answer == workflow.FailUpdate(
        "u", "update handler failed: <exception str() failed>", "Mute", f"{__name__}.Mute"
    )


@pytest.mark.parametrize("where", ["constructor", "call", "body"])
def test_errors_before_the_first_yield_can_be_reached_fail_the_task(where: Any) -> None:
    class Broken:
        def __init__(self) -> None:
            if where == "constructor":
                raise LookupError("constructor")

        def run(self, ctx: Any, *arguments: Any) -> Any:
            if where == "call":
                raise LookupError("call")
            return ctx.missing

    with pytest.raises((LookupError, AttributeError)):
        workflow.replay(Broken, [], [])


def test_non_determinism_is_not_an_error_that_code_may_turn_into_a_failure(recorded: Any) -> None:
    class Nested:
        def run(self, ctx: Any) -> Any:
            raise NonDeterministicReplayError(1, "timer", [])
            yield

    with pytest.raises(NonDeterministicReplayError):
        workflow.replay(Nested, [], [])


# --- unusable machines -----------------------------------------------------------------------


def test_base_exception_flows_out_of_feed(recorded: Any) -> None:
    class Interrupt(BaseException): ...

    class Looping:
        def run(self, ctx: Any) -> Any:
            yield ctx.schedule_activity("a", [])
            raise Interrupt

    machine = Machine(Looping, Start())
    history = sequence_history(recorded, 1)
    machine.feed(history[:1])
    with pytest.raises(Interrupt):
        machine.feed(history[1:])
    assert machine.stale


def test_stale_machine_answers_nothing(recorded: Any) -> None:
    machine = machine_of(1)
    machine.feed(recorded(clock="event"))
    machine.feed(recorded(clock="event").add("TimerScheduled", sequence=2)[1:])
    assert machine.stale
    for use in (machine.commands, lambda: machine.query("q"), lambda: machine.feed([])):
        with pytest.raises(RuntimeError, match="stale"):
            use()


def test_error_of_replay_leaves_a_stale_machine(recorded: Any) -> None:
    machine = machine_of(1)
    with pytest.raises(NonDeterministicReplayError):
        machine.feed(recorded().add("TimerScheduled", sequence=2))
    assert machine.stale


def test_signal_after_the_code_ended_makes_it_stale(recorded: Any) -> None:
    history = sequence_history(recorded, 1)
    machine = machine_of(1)
    machine.feed(history)
    assert machine.closed
    machine.feed(history.signal("s")[-1:])
    assert machine.stale


def test_end_on_record_keeps_the_machine(recorded: Any) -> None:
    history = sequence_history(recorded, 1)
    machine = machine_of(1)
    machine.feed(history)
    machine.feed(history.add("WorkflowCompleted")[-1:])
    assert not machine.stale
    assert machine.query("q") == ["answer"]


@pytest.mark.parametrize(
    "event_type",
    [
        "WorkflowCompleted",
        "WorkflowFailed",
        "WorkflowTimedOut",
        "WorkflowCancelled",
        "WorkflowTerminated",
        "WorkflowContinuedAsNew",
    ],
)
def test_run_is_closed_by_history(recorded: Any, event_type: Any) -> None:
    machine = machine_of(1)
    machine.feed(recorded().scheduled(2).add(event_type))
    assert machine.closed
    assert machine.commands() == [workflow.ScheduleActivity("a", [0])]


def test_failed_workflow_is_asked_once_history_knows_of_it(recorded: Any) -> None:
    @workflow.defn(name="failing")
    class Failing(Sequence):
        def run(self, ctx: Any, count: Any) -> Any:
            yield from super().run(ctx, count)
            raise ValueError("in the end")

    history = sequence_history(recorded, 1)
    machine = machine_of(1, Failing)
    machine.feed(history)
    with pytest.raises(QueryFailed, match="workflow replay failed before query: in the end"):
        machine.query("q")
    history.add("WorkflowFailed", message="in the end")
    machine.feed(history[-1:])
    assert machine.query("q") == ["answer"]


# --- costs ----------------------------------------------------------------------------------


def calls_during(action: Any) -> Any:
    """How many Python functions are called: what an action costs, on any machine."""
    count = 0

    def profile(frame: Any, event: Any, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def test_replay_costs_the_length_of_history(recorded: Any) -> Any:
    def cost(count: Any) -> Any:
        history = list(sequence_history(recorded, count))
        machine = machine_of(count)
        calls = calls_during(lambda: machine.feed(history))
        assert machine.closed
        return calls / count

    assert cost(2_000) < 1.2 * cost(200)


def test_next_step_of_a_kept_machine_costs_the_same_early_and_late(recorded: Any) -> None:
    history = list(sequence_history(recorded, 3_000))
    machine = machine_of(3_000)
    machine.feed(history[:1])
    costs = []
    for start in range(1, len(history), 2):

        def step(start: Any = start) -> None:
            machine.feed(history[start : start + 2])
            machine.commands()

        costs.append(calls_during(step))
    assert sum(costs[-101:-1]) <= 1.2 * sum(costs[:100])


def test_wide_list_costs_its_width_however_it_arrives(recorded: Any) -> Any:
    class Wide:
        def run(self, ctx: Any, count: Any) -> Any:
            yield [ctx.schedule_activity("a", []) for _ in range(count)]

    def cost(count: Any) -> Any:
        history = recorded(clock="event")
        for n in range(count):
            history.scheduled(2 + n)
        for n in range(count):
            history.completed(2 + n, None)
        machine = machine_of(count, Wide)
        machine.feed(history[:1])

        def feed_each() -> None:
            for event in history[1:]:
                machine.feed([event])

        calls = calls_during(feed_each)
        assert machine.closed
        return calls / count

    assert cost(1_000) < 1.3 * cost(100)


def test_ten_thousand_steps_in_one_replay(recorded: Any) -> None:
    history = list(sequence_history(recorded, 10_000))
    assert workflow.replay(Sequence, history, [10_000]).commands == [
        workflow.CompleteWorkflow(10_000)
    ]


def test_size_follows_what_is_kept(recorded: Any) -> Any:
    class Keeps:
        def run(self, ctx: Any, count: Any) -> Any:
            kept = []
            for _ in range(count):
                kept.append((yield ctx.schedule_activity("a", [])))

    class KeepsOnContext:
        def run(self, ctx: Any, count: Any) -> Any:
            ctx.kept = []
            for _ in range(count):
                ctx.kept.append((yield ctx.schedule_activity("a", [])))

    def size(text: Any, keeps: Any = Keeps) -> Any:
        history = recorded()
        for _ in range(50):
            history.activity(len(history) + 1, text)
        machine = machine_of(60, keeps)
        machine.feed(history)
        return machine.size_hint_bytes

    assert size("x" * 10_000) > 50 * 10_000 > size("x")
    assert size("x" * 10_000, KeepsOnContext) > 50 * 10_000
    assert machine_of(1).size_hint_bytes > 0


def test_steps_that_are_over_are_forgotten(recorded: Any) -> None:
    history = sequence_history(recorded, 2_000)
    machine = machine_of(3_000)
    machine.feed(history)
    assert machine.size_hint_bytes < 50_000


def test_dropped_machine_is_freed_at_once(recorded: Any) -> None:
    machine = machine_of(2)
    machine.feed(sequence_history(recorded, 1))
    reference = weakref.ref(machine)
    gc.disable()
    try:
        del machine
        assert reference() is None
    finally:
        gc.enable()
