"""What a run waits for: steps that are answered together, and a condition."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durable_workflow.testing._simulation.agenda import Due


@dataclass(slots=True, eq=False)
class Step:
    """A command that keeps the code waiting.

    Attributes:
        sequence: Its number among the commands of the run.
        event: Type and payload of the event that answers it; None while it is open.
    """

    sequence: int
    event: tuple[str, dict[str, Any]] | None = None


class Batch:
    """The steps of one task. Code gets the results of a list together, so they are held until the
    last one is there, and recorded in the order of the list."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def __len__(self) -> int:
        return len(self._steps)

    def open(self, sequence: int) -> Step:
        """Begin one more step."""
        step = Step(sequence)
        self._steps.append(step)
        return step

    def answer(
        self, step: Step, event: tuple[str, dict[str, Any]]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Take the answer of a step; the events of all once this was the last, else none."""
        step.event = event
        events = [each.event for each in self._steps if each.event is not None]
        if len(events) < len(self._steps):
            return []
        self._steps.clear()
        return events


@dataclass(slots=True, eq=False)
class OpenWait:
    """A condition that the code waits for.

    Attributes:
        fields: What every event about it says.
        timer: Its timeout, with the fields of the timer's events; None for none.
    """

    fields: dict[str, Any]
    timer: tuple[Due, dict[str, Any]] | None = None

    @property
    def wait_id(self) -> str:
        """Its id."""
        return str(self.fields["condition_wait_id"])

    def cancel_timer(self, record: Callable[[dict[str, Any]], None]) -> None:
        """Take the timeout off the agenda; `record` writes that down."""
        if self.timer is not None:
            due, fields = self.timer
            due.cancel()
            record(fields)
            self.timer = None
