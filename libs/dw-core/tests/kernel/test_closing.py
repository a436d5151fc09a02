"""Machines that nobody will use again."""

from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start


@workflow.defn(name="cleans-up")
class CleansUp:
    """Notes that it was dropped."""

    def __init__(self) -> None:
        self.dropped = 0

    @workflow.signal("go")
    def go(self) -> None: ...

    def run(self, ctx: Any, steps: int, how: str = "") -> Generator[Any, Any, None]:
        try:
            for _ in range(steps):
                yield ctx.start_timer(1)
        finally:
            self.dropped += 1
            if how == "yields":
                yield ctx.start_timer(1)
            if how == "raises":
                raise LookupError("nothing to clean")


def _machine(recorded: Any, *arguments: Any) -> Machine:
    machine = Machine(CleansUp, Start("w", "r", arguments=arguments))
    machine.feed(recorded(clock="event"))
    return machine


@pytest.mark.parametrize("how", ["", "yields"])
def test_closed_machine_has_run_what_its_code_ends_with(recorded: Any, how: str) -> None:
    machine = _machine(recorded, 1, how)
    instance = machine.instance
    assert machine.holds_code
    assert instance.dropped == 0
    for _ in range(2):
        machine.close()
        assert not machine.holds_code
        assert instance.dropped == 1
    with pytest.raises(RuntimeError, match="stale"):
        machine.commands()


def test_closing_says_what_code_raised(recorded: Any) -> None:
    machine = _machine(recorded, 1, "raises")
    with pytest.raises(LookupError, match="nothing to clean"):
        machine.close()
    assert not machine.holds_code


def test_machine_whose_code_has_ended_or_not_begun_holds_none(recorded: Any) -> None:
    ended, unfed = _machine(recorded, 0), Machine(CleansUp, Start("w", "r", arguments=[1]))
    for machine in (ended, unfed):
        assert not machine.holds_code
        machine.close()
    with pytest.raises(RuntimeError, match="stale"):
        unfed.feed([])
