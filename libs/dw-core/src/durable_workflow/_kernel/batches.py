"""Stops at blocking commands: a single one, or a list that is resolved as a whole."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.receivers import UNTIL_RESOLVED
from durable_workflow._kernel.replay_state import ReplayState, Resumption, Send, Stop, Throw
from durable_workflow._kernel.steps import Step
from durable_workflow._wire.json_values import is_list
from durable_workflow.workflow._commands import Command

Member: TypeAlias = tuple[Kind[Any], Any]


class Batch(Stop):
    """Blocking commands that were yielded together.

    Each member gets the resolution of its own step, in whichever order these were recorded.
    """

    def __init__(self, members: list[Member], shape: list[Any] | None) -> None:
        """Take the members in yielded order; `shape` is the list they were yielded in."""
        self.members = members
        self._shape = shape
        self._bound = 0
        self._ready = 0

    @classmethod
    def of_one(cls, kind: Kind[Any], command: Any) -> "Batch":
        """A single command."""
        return cls([(kind, command)], None)

    @classmethod
    def of_list(cls, commands: list[Any], member: Callable[[Any], Member]) -> "Batch":
        """A list, whose members may be lists: flattened depth first."""
        return cls([member(command) for command in _flat(commands)], commands)

    def commands(self) -> list[Command]:
        return [command for _, command in self.members]

    def settle(self, run: ReplayState) -> Resumption | None:
        self._bind(run)
        complete = self._ready == len(self.members)
        run.apply_due(self._completed_at(run) if complete else UNTIL_RESOLVED)
        if not complete:
            return None
        steps = run.index.take(len(self.members))
        run.bound = 0
        if not steps:
            run.passed()  # an empty list leaves no trace in history
        return self._answer(steps)

    def _bind(self, run: ReplayState) -> None:
        """Match members with the steps recorded since, and count the resolved ones from the front.

        Both cursors only move forward, so settling a batch many times costs no more than its
        length.
        """
        moved = run.index.moved
        if moved is not None and moved < self._bound:
            self._bound = run.bound = moved
            self._ready = min(self._ready, moved)
        while self._bound < len(self.members):
            step = run.next_step()
            if step is None:
                break
            kind, command = self.members[self._bound]
            run.check(kind, command, step)
            run.bind_next()
            self._bound += 1
        while self._ready < self._bound:
            step = run.index.peek(self._ready)
            if step is None or step.resolution is None:
                break
            self._ready += 1

    def _completed_at(self, run: ReplayState) -> float:
        """Position of the event that made the batch complete."""
        if self._bound == 1:  # as almost always
            only = run.index.peek()
            return UNTIL_RESOLVED if only is None else only.resolved_at or 0
        steps = (run.index.peek(offset) for offset in range(self._bound))
        return max((s.resolved_at or 0 for s in steps if s is not None), default=UNTIL_RESOLVED)

    def _answer(self, steps: list[Step]) -> Resumption:
        latest = steps[0] if len(steps) == 1 else _latest(steps)
        time = latest.time if latest is not None else None
        values: list[Any] = []
        for step in steps:
            if step.resolution is None:
                raise AssertionError("a batch is complete when every step has its resolution")
            if step.resolution.error is not None:
                return Throw(step.resolution.error, time)
            values.append(step.resolution.value)
        if self._shape is None:
            return Send(values[0], time)
        return Send(_shaped(self._shape, iter(values)), time)


def _latest(steps: list[Step]) -> Step | None:
    return max(steps, key=lambda step: step.resolved_at or 0, default=None)


def _flat(commands: list[Any]) -> Iterator[Any]:
    for command in commands:
        if is_list(command):
            yield from _flat(command)
        else:
            yield command


def _shaped(shape: list[Any], values: Iterator[Any]) -> list[Any]:
    """Results in the shape of the yielded list."""
    return [_shaped(member, values) if is_list(member) else next(values) for member in shape]
