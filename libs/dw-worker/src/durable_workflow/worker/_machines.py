"""Machines of runs that this worker served, kept so that the next task costs only what is new.

A machine is *taken* by whoever uses it and put back afterwards, so two threads never share one;
who finds none rebuilds it from the history, with the same result. Nothing here is needed for
correctness, and anything may be dropped at any time.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from durable_workflow._kernel import Machine
from durable_workflow.worker._tasks import JsonObject, WorkflowTask, sequence_of


@dataclass(slots=True)
class Kept:
    """A machine.

    Attributes:
        machine: The machine.
        started_as: Stands for what it was started with: see `start_of`.
        size: Bytes that it was last estimated to hold.
    """

    machine: Machine
    started_as: int = 0
    size: int = 0

    def measure(self) -> None:
        """Ask the machine what it holds. It looks now and then: do it in a code thread."""
        self.size = max(1, self.machine.size_hint_bytes)

    @property
    def is_usable(self) -> bool:
        """Whether the machine can be fed further events."""
        machine = self.machine
        return not (machine.closed or machine.stale or (machine.spent and not machine.awaits))


class MachineCache:
    """Kept machines by run id: the least recently used go first. Usable from every thread."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        """Make a cache.

        Args:
            max_count: Most machines to keep; 0 keeps none.
            max_bytes: Most bytes that they may hold, by their own estimate; 0 keeps none.
        """
        self.enabled = max_count > 0 and max_bytes > 0
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size_bytes(self) -> int:
        """Estimated bytes of what is kept."""
        return self._bytes

    def take(self, run_id: str) -> Kept | None:
        """Remove and return the machine of a run."""
        if not self.enabled:
            return None
        with self._lock:
            return self._remove(run_id)

    def put(self, run_id: str, kept: Kept) -> None:
        """Keep a machine, in the place of any other of that run."""
        if not self.enabled or not run_id or not kept.is_usable:
            return
        kept.measure()
        evicted: list[Kept] = []
        with self._lock:
            if (replaced := self._remove(run_id)) is not None:
                evicted.append(replaced)
            self._kept[run_id] = kept
            self._bytes += kept.size
            while len(self._kept) > self._max_count or self._bytes > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.size
                evicted.append(oldest)
        # Dropped outside the lock: closing a generator may run user code.
        evicted.clear()

    def drop(self, run_id: str) -> None:
        """Forget the machine of a run."""
        with self._lock:
            dropped = self._remove(run_id)
        del dropped

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            dropped, self._kept = self._kept, OrderedDict()
            self._bytes = 0
        dropped.clear()

    def _remove(self, run_id: str) -> Kept | None:
        kept = self._kept.pop(run_id, None)
        if kept is not None:
            self._bytes -= kept.size
        return kept


def start_of(task: WorkflowTask) -> int:
    """Stands for type, codec and arguments of a task's run.

    A run keeps them for life. Where one run id is given to two runs, as by servers of tests that
    give it to all, the machine of one must not go on with the other.
    """
    return hash((task.workflow_type, task.payload_codec, repr(task.arguments)))


def unseen(
    events: list[JsonObject], seen: int, *, after: int | None, last: int | None
) -> list[JsonObject] | None:
    """The events that a machine has not been fed.

    Args:
        events: In order; a whole history, or its end.
        seen: Position of the last event that the machine was fed.
        after: Position that `events` follows on; None or 0 where it is a whole history.
        last: Position of the run's last event, where the server says so.

    Returns:
        Those after `seen`, or None when that cannot be said for sure.
    """
    positions = [sequence_of(event) for event in events]
    if any(position is None for position in positions):
        return None
    first_unseen = len(events)
    previous = after or 0
    for index, position in enumerate(positions):
        assert position is not None
        if position <= previous:
            return None
        if position > seen and index < first_unseen:
            first_unseen = index
        previous = position
    known_to_end_of = previous if events else (after or 0)
    if seen > known_to_end_of or (after or 0) > seen:
        return None
    if last is not None and known_to_end_of < last:
        return None
    # What was fed last must be in what was sent, or be what that follows on.
    joint = (after or 0) if first_unseen == 0 else positions[first_unseen - 1]
    return events[first_unseen:] if joint == seen else None
