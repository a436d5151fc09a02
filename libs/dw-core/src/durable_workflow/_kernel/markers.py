"""Stops at markers: commands that are recorded in history but never make the code wait."""

from abc import abstractmethod
from typing import Any, TypeVar, cast

from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.replay_state import ReplayState, Resumption, Send, Stop, Throw
from durable_workflow._kernel.steps import Step
from durable_workflow.workflow._commands import Command

C = TypeVar("C")


class MarkerKind(Kind[C]):
    """A command kind whose value is known at once and recorded with the next completion."""

    @abstractmethod
    def compute(self, command: C) -> Any:
        """The value where history has none. What it raises is raised in the workflow's code."""

    def result(self, command: C, value: Any) -> Any:
        """What the yield returns for a computed or recorded value."""
        return value

    def same(self, computed: Any, recorded: Any) -> bool:
        """Whether the recorded value is the one that this machine continued with."""
        return bool(computed == recorded)

    def stop(self, command: C) -> "Marker":
        return Marker(self, command)


class Marker(Stop):
    """A yielded marker."""

    def __init__(self, kind: MarkerKind[Any], command: Any) -> None:
        self._kind = kind
        self._command = command

    def commands(self) -> list[Command]:
        return [cast("Command", self._command)]

    def settle(self, run: ReplayState) -> Resumption:
        step = run.next_step()
        if step is None:
            return self._go_ahead(run)
        run.check(self._kind, self._command, step)
        run.bind_next()
        run.apply_due(step.resolved_at or 0)
        run.index.take(1)
        run.bound = 0
        recorded = step.resolution.value if step.resolution is not None else None
        return Send(self._kind.result(self._command, recorded))

    def _go_ahead(self, run: ReplayState) -> Resumption:
        run.apply_due()
        try:
            value = self._kind.compute(self._command)
        except Exception as error:  # noqa: BLE001 (raised where the author called it)
            return Throw(error)
        run.passed(self._command, lambda step: self._confirms(step, value))
        return Send(self._kind.result(self._command, value))

    def _confirms(self, step: Step, value: Any) -> bool:
        asked = self._kind.asked_detail(self._command)
        if step.kind is not self._kind or step.resolution is None:
            return False
        same_detail = step.detail is None or asked is None or step.detail == asked
        return same_detail and self._kind.same(value, step.resolution.value)
