"""What was told to a run and is not recorded yet, applied for those who ask."""

from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import QueryFailed


@workflow.defn(name="foreseen")
class Foreseen:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.open = True

    @workflow.signal("note")
    def note(self, what: str) -> None:
        self.seen.append(what)

    @workflow.update("add")
    def add(self, what: str) -> None:
        self.seen.append(what)
        if what == "raises":
            raise LookupError(what)
        self.open = self.open and what != "closes"

    @workflow.update_validator("add")
    def check(self, what: str) -> None:
        if what in self.seen:
            raise ValueError(f"{what} is there")

    @workflow.query("seen")
    def tell(self) -> list[str]:
        return self.seen

    def run(self, ctx: Any, end: str = "waits") -> Any:
        yield ctx.wait_condition(lambda: self.seen, key="first")
        self.seen.append("went on")
        if end == "returns":
            return self.seen
        if end == "raises":
            raise RuntimeError("the end")
        yield ctx.side_effect(lambda: 1)
        yield ctx.wait_condition(lambda: not self.open, key="second")
        self.seen.append("closed")
        yield ctx.start_timer(60)


def _event(position: int, event_type: str, **payload: Any) -> dict[str, Any]:
    return {"sequence": position, "event_type": event_type, "payload": payload}


def _signal(sequence: int, what: str) -> dict[str, Any]:
    return _event(sequence, "SignalReceived", signal_name="note", arguments=f'["{what}"]')


def _accepted(sequence: int, what: str) -> dict[str, Any]:
    fields = {"update_id": f"{sequence}", "update_name": "add", "arguments": f'["{what}"]'}
    return _event(sequence, "UpdateAccepted", **fields)


def _machine(*behind: dict[str, Any], end: str = "waits") -> Machine:
    """A machine of a run whose task a signal made, and what came while that was leased."""
    machine = Machine(Foreseen, Start("w", "r", [end], payload_codec="json"))
    history = [
        _event(1, "WorkflowStarted", clock="event"),
        _event(2, "ConditionWaitOpened", sequence=2, condition_wait_id="1", condition_key="first"),
        _signal(3, "first"),
    ]
    machine.feed(history)
    machine.feed(behind, decided=True)
    return machine


def test_signals_come_behind_what_the_code_decided() -> None:
    machine = _machine(_signal(4, "second"), _signal(5, "third"))
    assert machine.query("seen") == ["first", "went on", "second", "third"]


def test_signals_that_were_recorded_in_time_come_before_it() -> None:
    machine = Machine(Foreseen, Start("w", "r", payload_codec="json"))
    wait = {"sequence": 2, "condition_wait_id": "1", "condition_key": "first"}
    started = _event(1, "WorkflowStarted", clock="event")
    opened = _event(2, "ConditionWaitOpened", **wait)
    machine.feed([started, opened, _signal(3, "first"), _signal(4, "second")])
    assert machine.query("seen") == ["first", "second", "went on"]


def test_a_run_that_is_about_to_end_shows_them_too() -> None:
    machine = _machine(_signal(4, "second"), end="returns")
    assert machine.query("seen") == ["first", "went on", "second"]


def test_a_run_that_is_about_to_fail_has_no_state() -> None:
    machine = _machine(_signal(4, "second"), end="raises")
    with pytest.raises(QueryFailed, match="replay failed before query: the end"):
        machine.query("seen")
    with pytest.raises(QueryFailed, match="replay failed before query: the end"):
        machine.validate("add", ["x"])


def test_pending_updates_are_applied_in_order_and_the_code_goes_on() -> None:
    machine = _machine(_accepted(4, "a"), _signal(5, "b"), _accepted(6, "closes"))
    assert machine.pending_updates == ["4", "6"]
    assert [machine.foresee_update(each) for each in machine.pending_updates] == [True, True]
    assert machine.query("seen") == ["first", "went on", "b", "a", "closes", "closed"]


@pytest.mark.parametrize("what", ["first", "raises"])
def test_a_pending_update_that_will_fail_says_so(what: str) -> None:
    machine = _machine(_accepted(4, what))
    assert not machine.foresee_update("4")


def test_updates_with_an_outcome_are_not_pending() -> None:
    outcome = [
        _event(5, "UpdateApplied", update_id="4", update_name="add", arguments='["a"]'),
        _event(6, "UpdateCompleted", update_id="4"),
    ]
    assert _machine(_accepted(4, "a"), *outcome, _accepted(7, "b")).pending_updates == ["7"]
