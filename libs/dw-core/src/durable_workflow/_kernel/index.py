"""History as steps: each event is assigned to its step once, when it is fed.

Steps stand in the order in which the code yielded their commands, which is the order of their
workflow sequences. Sequences are ordered but not dense, and old histories have none; a step
without one, and a second resolution of the same step, stand in recorded order. The n-th
command that the code yields is the n-th step, so matching is one look-up.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Final

from durable_workflow._kernel.kind import Decode, Kind, Reader
from durable_workflow._kernel.steps import Resolution, Step, WaitStep
from durable_workflow._wire.events import Event, text

# Positions of taken steps are given back in runs of this length, not one by one.
_COMPACT_AFTER: Final = 1024
# Late events about a passed wait come right after it, so only the newest waits are remembered.
_REMEMBERED_WAITS: Final = 64


class Diverged(Exception):
    """A kept machine did something that a replay of the longer history would not do."""


class Index:
    """The steps of one run, and a cursor over those that the code has been given.

    Attributes:
        decode: Decodes a payload field; set once, by the machine.
        position: Position in history of the event that was fed last, from 1.
        taken: How many steps the code has been given.
        moved: The first offset at which untaken steps no longer stand as they did, or None.
    """

    def __init__(self, kinds: Mapping[str, tuple[Kind[Any], ...]], decode: Decode) -> None:
        self.decode = decode
        self.position = 0
        self.taken = 0
        self.moved: int | None = None
        self._kinds = kinds
        self._steps: list[Step] = []
        self._head = 0
        self._open: dict[int, Step] = {}  # untaken steps by workflow sequence
        self._highest_taken = 0
        self._unordered = False  # some untaken step has no sequence to order it by
        self._resolved = 0
        self._waits: dict[str, WaitStep] = {}
        self._wait_count = 0
        self._forgot_waits = False

    @property
    def created(self) -> int:
        """How many steps history has had so far, taken or not."""
        return self.taken + len(self._steps) - self._head

    @property
    def untaken(self) -> list[Step]:
        """Steps whose resolution the code has not been given."""
        return self._steps[self._head :]

    def peek(self, offset: int = 0) -> Step | None:
        """The untaken step at an offset from the cursor, or None where history ends."""
        place = self._head + offset
        return self._steps[place] if place < len(self._steps) else None

    def bring_forward(self, offset: int) -> None:
        """Move an untaken step to the front, before the steps that preceded it."""
        if offset:
            self._steps.insert(self._head, self._steps.pop(self._head + offset))

    def take(self, count: int) -> list[Step]:
        """Move the cursor over steps whose resolution is given to the code."""
        end = self._head + count
        steps = self._steps[self._head : end]
        for step in steps:
            step.taken = True
            if step.sequence is not None:
                self._open.pop(step.sequence, None)
                self._highest_taken = max(self._highest_taken, step.sequence)
        self._head = end
        self.taken += count
        if self._head == len(self._steps):
            # New objects, because an emptied list or dict keeps its memory.
            self._steps, self._open = [], {}
            self._head, self._unordered = 0, False
        elif self._head >= _COMPACT_AFTER and self._head * 2 >= len(self._steps):
            del self._steps[: self._head]
            self._head = 0
        return steps

    def add(self, event: Event) -> None:
        """Assign one event to its step. An event that is about no step is only counted."""
        self.position += 1
        for kind in self._kinds.get(event.event_type, ()):
            if kind.claims(event):
                kind.record(event, self)
        if event.workflow_sequence is not None:
            step = self._open.get(event.workflow_sequence)
            if step is not None:
                step.saw(event.event_type)

    def opened(self, kind: Kind[Any], event: Event) -> None:
        """A command was recorded. One without a sequence is only known by its resolution."""
        sequence = event.workflow_sequence
        if sequence is None:
            return
        step = self._open.get(sequence)
        if step is None and not self._is_over(sequence):
            step = Step(kind, sequence, sequence)
            self._insert(step, event)
        if step is not None and step.detail is None:
            step.detail = kind.recorded_detail(event)

    def resolved(self, kind: Kind[Any], event: Event, reader: Reader) -> None:
        """A command ended."""
        sequence = event.workflow_sequence
        resolution = reader(event, self.decode)
        step = None if sequence is None else self._open.get(sequence)
        if step is None or step.resolution is not None or isinstance(step, WaitStep):
            doubled = step is not None or (sequence is not None and self._is_over(sequence))
            number = self._resolved + 1 if sequence is None else sequence
            step = Step(kind, None if doubled else sequence, number)
            self._insert(step, event)
        step.kind = kind
        step.detail = kind.recorded_detail(event) or step.detail
        step.resolve(resolution, self.position, event.time)
        self._resolved += 1

    def wait_opened(self, kind: Kind[Any], event: Event, wait_id: str) -> None:
        """A condition wait was opened."""
        sequence = event.workflow_sequence
        number = self._resolved + self._wait_count + 1 if sequence is None else sequence
        self._wait_count += 1
        key = event.payload.get("condition_key")
        wait = WaitStep(
            kind,
            sequence,
            number,
            wait_id=wait_id,
            key=key if isinstance(key, str) else None,
            fingerprint=text(event.payload, "condition_definition_fingerprint"),
        )
        self._forget_waits()
        self._waits[wait_id] = wait
        self._insert(wait, event)

    def wait_resolved(self, event: Event, wait_id: str, resolution: Resolution) -> None:
        """A condition wait was satisfied or timed out."""
        wait = self._waits.get(wait_id)
        if wait is None:
            if self._forgot_waits:
                raise Diverged
            return
        if wait.taken and not wait.may_be_resolved(resolution):
            raise Diverged
        wait.resolve(resolution, self.position, event.time)

    def wait(self, wait_id: str | None) -> WaitStep | None:
        """The wait of an id, unless it was passed long ago."""
        return None if wait_id is None else self._waits.get(wait_id)

    def _is_over(self, sequence: int) -> bool:
        """Whether the step of this sequence was given to the code, or was passed."""
        return sequence <= self._highest_taken

    def _insert(self, step: Step, event: Event) -> None:
        sequence = step.sequence
        if sequence is None:
            step.saw(event.event_type)
            self._unordered = True
            self._steps.append(step)
            return
        if sequence <= self._highest_taken:
            raise Diverged
        self._open[sequence] = step
        last = self._steps[-1].sequence if self._head < len(self._steps) else None
        if self._unordered or last is None or last <= sequence:
            self._steps.append(step)
            return
        place = bisect_left(
            self._steps, sequence, lo=self._head, key=lambda other: other.sequence or 0
        )
        self._steps.insert(place, step)
        offset = place - self._head
        self.moved = offset if self.moved is None else min(self.moved, offset)

    def _forget_waits(self) -> None:
        while len(self._waits) >= _REMEMBERED_WAITS:
            oldest = next(iter(self._waits))
            if not self._waits[oldest].taken:
                return
            del self._waits[oldest]
            self._forgot_waits = True
