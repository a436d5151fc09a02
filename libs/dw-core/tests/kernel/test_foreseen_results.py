"""Results that a machine is fed before the server has recorded them."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow._wire.events import read_event

ENVELOPE = {"codec": "json", "blob": "7"}


@workflow.defn(name="steps")
class Steps:
    """Does what its words say, and remembers what came of it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @workflow.signal("s")
    def on_signal(self) -> None:
        self.seen.append("signal")

    @workflow.query("seen")
    def tell(self) -> Any:
        return [*self.seen, self.ctx.now().isoformat()]

    def run(self, ctx: Any, words: Any) -> Any:
        self.ctx = ctx
        for word in words:
            if word == "draw":
                self.seen.append([str(ctx.uuid4()), ctx.random().random()])
            elif word == "now":
                self.seen.append(ctx.now().isoformat())
            elif word == "uuid7":
                self.seen.append(str(ctx.uuid7()))
            elif word == "effect":
                self.seen.append((yield ctx.side_effect(lambda: 1)))
            elif word == "two":
                yield [ctx.schedule_activity("a", []), ctx.schedule_activity("b", [])]
            elif word == "wait":
                yield ctx.wait_condition(lambda: "signal" in self.seen)
            elif word == "clocked":
                yield ctx.wait_condition(lambda: ctx.now().year > 2100)
            else:
                self.seen.append((yield ctx.schedule_activity(word, [len(self.seen)])))
        return self.seen


def machine_of(*words: str) -> Machine:
    return Machine(Steps, Start("w", "r", [list(words)]))


def fed(machine: Machine, history: Any) -> Machine:
    machine.feed(list(history))
    return machine


def returned(history: Any, activity_type: str = "a", result: Any = 7) -> Any:
    """What the server records of an activity that returns at once."""
    number = len(history) + 1
    history.scheduled(number, activity_type)
    history.add("ActivityStarted", sequence=number, activity_type=activity_type)
    return history.completed(number, result, activity_type)


def test_the_events_of_a_result_are_those_that_are_recorded_but_for_what_the_server_adds(
    recorded: Any,
) -> None:
    history = recorded(clock="event")
    machine = fed(machine_of("a"), history)
    foreseen = machine.foresee("a", ENVELOPE)
    returned(history)
    assert foreseen is not None
    for event, real in zip(foreseen, history[1:], strict=True):
        read = read_event(real)
        assert event.event_type == read.event_type
        assert event.sequence == read.sequence
        assert event.workflow_sequence == read.workflow_sequence
        assert event.payload["sequence"] == read.payload["sequence"]
        assert event.payload["activity_type"] == read.payload["activity_type"]
    assert foreseen[-1].payload["result"] == ENVELOPE


@given(
    words=st.lists(st.sampled_from(["a", "b", "draw", "effect", "wait"]), max_size=8),
    ahead=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_a_machine_that_was_fed_results_before_is_one_that_read_them(
    words: list[str], ahead: list[bool], recorded: Any
) -> None:
    history = recorded(clock="event").signal("s")
    machine = fed(machine_of(*words), history)
    while not machine.closed:
        commands = machine.commands()
        last = commands[-1]
        if not isinstance(last, workflow.ScheduleActivity):
            break
        for marker in commands[:-1]:
            assert isinstance(marker, workflow.RecordSideEffect)
            history.add("SideEffectRecorded", sequence=len(history) + 1, result="1")
        known = len(history) - (len(commands) - 1)
        returned(history, last.activity_type)
        may = bool(ahead) and ahead.pop()
        foreseen = machine.foresee(last.activity_type, ENVELOPE) if may else None
        if len(commands) > 1:
            assert foreseen is None, "what was passed is not in history yet"
        if foreseen is None:
            machine.feed(history[known:])
        else:
            assert machine.feed_foreseen(foreseen)
            machine.settle_time(history[-1]["recorded_at"])
        rebuilt = fed(machine_of(*words), history)
        assert machine.commands() == rebuilt.commands()
        assert machine.last_sequence == rebuilt.last_sequence
        assert machine.event_count == rebuilt.event_count
        assert machine.query("seen") == rebuilt.query("seen")


@pytest.mark.parametrize("word", ["now", "uuid7", "clocked"])
def test_code_that_asks_for_the_time_of_the_result_is_found_out(recorded: Any, word: str) -> None:
    machine = fed(machine_of("a", word), recorded(clock="event"))
    foreseen = machine.foresee("a", ENVELOPE)
    assert foreseen is not None
    assert not machine.feed_foreseen(foreseen)


def test_code_that_asked_for_the_time_before_may_go_on(recorded: Any) -> None:
    machine = fed(machine_of("now", "a", "a"), recorded(clock="event"))
    foreseen = machine.foresee("a", ENVELOPE)
    assert foreseen is not None
    assert machine.feed_foreseen(foreseen)


@pytest.mark.parametrize(
    "words",
    [("two",), ("wait",), ("effect", "a"), ()],
    ids=["two activities", "a condition", "a passed marker", "an end"],
)
def test_nothing_is_foreseen_where_something_else_may_come_first(
    recorded: Any, words: tuple[str, ...]
) -> None:
    machine = fed(machine_of(*words), recorded(clock="event"))
    assert machine.foresee("a", ENVELOPE) is None


def test_nothing_is_foreseen_of_another_activity_than_the_code_waits_for(recorded: Any) -> None:
    assert fed(machine_of("b"), recorded(clock="event")).foresee("a", ENVELOPE) is None


def test_nothing_is_foreseen_of_a_server_that_records_in_another_order(recorded: Any) -> None:
    assert fed(machine_of("a"), recorded()).foresee("a", ENVELOPE) is None


def test_nothing_is_foreseen_while_the_activity_is_recorded_already(recorded: Any) -> None:
    history = recorded(clock="event").scheduled(2)
    assert fed(machine_of("a"), history).foresee("a", ENVELOPE) is None


def test_nothing_is_foreseen_by_a_machine_that_cannot_be_used(recorded: Any) -> None:
    assert machine_of("a").foresee("a", ENVELOPE) is None, "it has not begun"
    machine = fed(machine_of("a"), recorded(clock="event"))
    machine.close()
    assert machine.foresee("a", ENVELOPE) is None


def test_a_result_that_does_not_decode_makes_the_machine_stale(recorded: Any) -> None:
    machine = fed(machine_of("a"), recorded(clock="event"))
    foreseen = machine.foresee("a", {"codec": "json", "blob": "{"})
    assert foreseen is not None
    with pytest.raises(ValueError, match="JSON"):
        machine.feed_foreseen(foreseen)
    assert machine.stale
