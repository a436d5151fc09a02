"""Where the code of a run stands or ended, for those who explain a replay."""

# pyright: reportPrivateUsage=false

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow._kernel import Machine, Start
from durable_workflow._kernel.places import Place
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.workflow import (
    CompleteWorkflow,
    FailWorkflow,
    ScheduleActivity,
    StartTimer,
    WaitCondition,
    WorkflowContext,
)

LINES = Path(__file__).read_text().splitlines()


class Plain:
    def run(self, ctx: WorkflowContext) -> str:
        return "done"


class Delegating:
    def run(self, ctx: WorkflowContext, end: str) -> Generator[Any, Any, Any]:
        paid = yield from self.pay(ctx)  # outer
        if end == "return":
            return paid  # returned
        if end == "raise":
            self.refuse()  # refusing
        yield [ctx.schedule_activity("a", []), ctx.start_timer(5), ctx.start_timer(6)]  # list

    def pay(self, ctx: WorkflowContext) -> Generator[Any, Any, Any]:
        return (yield ctx.schedule_activity("charge", []))  # inner

    def refuse(self) -> None:
        raise LookupError("no")  # raised


class Broken:
    def __init__(self) -> None:
        self.seen = False

    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, Any]:
        yield ctx.wait_condition(self.is_over)

    def is_over(self) -> bool:
        raise LookupError("no")  # predicate


def words(places: tuple[Place, ...]) -> list[str]:
    """The comments behind the lines of places."""
    assert {place.file for place in places} <= {__file__}
    assert {place.module for place in places} <= {__name__}
    return [LINES[place.line - 1].rpartition("# ")[2] for place in places]


def machine_of(cls: type, *arguments: Any, history: Any = ()) -> Machine:
    machine = Machine(cls, Start(arguments=arguments))
    machine.feed(history)
    return machine


def test_suspended_code_stands_at_its_yield_in_each_generator_of_its_chain() -> None:
    standing = machine_of(Delegating, "list").standing
    assert words(standing.places) == ["outer", "inner"]
    assert standing.places[1].function == "Delegating.pay"
    assert isinstance(standing.asked, ScheduleActivity)
    assert (standing.passed, standing.untaken) == (0, [])


def test_code_that_returned_stands_where_it_did(recorded: Callable[..., Any]) -> None:
    history = recorded().activity(1, "paid", "charge")
    standing = machine_of(Delegating, "return", history=history).standing
    assert standing.asked == CompleteWorkflow("paid")
    assert words(standing.places) == ["returned"]


def test_code_that_raised_stands_where_it_did(recorded: Callable[..., Any]) -> None:
    history = recorded().activity(1, "paid", "charge")
    standing = machine_of(Delegating, "raise", history=history).standing
    assert standing.asked == FailWorkflow("no", "LookupError")
    assert words(standing.places) == ["refusing", "raised"]


def test_a_predicate_that_raised_is_where_the_run_failed() -> None:
    assert words(machine_of(Broken).standing.places) == ["predicate"]


def test_a_plain_function_stands_at_its_definition() -> None:
    standing = machine_of(Plain).standing
    assert standing.asked == CompleteWorkflow("done")
    (place,) = standing.places
    assert LINES[place.line - 1].strip().startswith("def run")
    assert place.function == "Plain.run"


def test_a_mismatch_leaves_the_member_of_a_list_that_history_does_not_have(
    recorded: Callable[..., Any],
) -> None:
    history = (
        recorded()
        .activity(1, "paid", "charge")
        .scheduled(2, "a")
        .add("TimerScheduled", sequence=3)
        .scheduled(4, "late")
        .scheduled(5, "later")
    )
    machine = Machine(Delegating, Start(arguments=["list"]))
    with pytest.raises(NonDeterministicReplayError):
        machine.feed(history)
    standing = machine.standing
    assert words(standing.places) == ["list"]
    assert standing.asked == StartTimer(6)
    assert standing.passed == 3
    assert [step.detail for step in standing.untaken] == ["late", "later"]


def test_a_mismatch_at_the_end_leaves_where_the_code_returned(
    recorded: Callable[..., Any],
) -> None:
    history = recorded().activity(1, "paid", "charge").activity(2, "sent", "send")
    machine = Machine(Delegating, Start(arguments=["return"]))
    with pytest.raises(NonDeterministicReplayError):
        machine.feed(history)
    standing = machine.standing
    assert standing.asked is None
    assert words(standing.places) == ["returned"]
    assert [step.detail for step in standing.untaken] == ["send"]


class Waiting:
    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, Any]:
        yield ctx.wait_condition(lambda: False, key="accepted")  # waits


def test_a_wait_that_does_not_match_is_what_the_failed_run_asked_for(
    recorded: Callable[..., Any],
) -> None:
    machine = machine_of(Waiting, history=recorded(clock="event").wait(1, "approved"))
    assert machine.mismatched
    standing = machine.standing
    assert isinstance(standing.asked, WaitCondition)
    assert words(standing.places) == ["waits"]
