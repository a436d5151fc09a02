"""Machines of runs that this worker served, kept so that the next task costs only what is new.

A user *takes* a machine out of the cache and puts it back afterwards, so two threads never share
one. If there is none, it is rebuilt from the history, with the same result. Nothing here is needed
for correctness, and any machine may be dropped at any time.
"""

import asyncio
import contextlib
import functools
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, cast

from durable_workflow import serializer
from durable_workflow._kernel import Machine
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.errors import AvroNotInstalledError
from durable_workflow.worker._tasks import sequence_of

# How long a machine may be kept unmeasured. In that time a worker makes few.
_UNMEASURED_SECONDS: Final = 0.25
_MEASURED_A_TURN: Final = 8


@dataclass(frozen=True, slots=True)
class RunStart:
    """What a run was started with, to tell two runs with one run id apart.

    It never changes. Fake servers of tests may give one run id to several runs; the machine of one
    run must not be used for another.

    Attributes:
        workflow_type: The run's type.
        codec: The run's codec; None where a task does not say.
        arguments: Stands for the arguments as they are encoded, however a task spells them; None
            where a task does not say.
    """

    workflow_type: str
    codec: str | None
    arguments: int | None

    @classmethod
    def of(cls, workflow_type: str, codec: str | None, arguments: object) -> "RunStart":
        """Read it from what a workflow task or a query task says of its run."""
        blob = _blob_of(arguments)
        return cls(workflow_type, codec, 0 if blob in _no_arguments() else hash(blob))

    def is_same(self, other: "RunStart") -> bool:
        """Whether both may be of one run."""
        codecs = {self.codec, other.codec} - {None}
        arguments = {self.arguments, other.arguments} - {None}
        return self.workflow_type == other.workflow_type and max(len(codecs), len(arguments)) < 2


@dataclass(slots=True)
class Kept:
    """A machine.

    Attributes:
        machine: The machine.
        start: What its run was started with.
        size: Bytes that it was last estimated to hold.
        claim: Of the task that it was fed last, until that is known to be committed.
        decided_at: When it decided last, by the monotonic clock: an activity that came before that
            is not what it waits for.
        is_ahead: The claim is of no task: it was fed a result before the server had it.
    """

    machine: Machine
    start: RunStart
    size: int = 0
    claim: str | None = None
    is_ahead: bool = False
    # Asked for when it is made: a simulation has a clock of its own.
    decided_at: float = field(default_factory=lambda: time.monotonic())

    def measure(self) -> None:
        """Update the size by the machine's estimate.

        It walks the state: call it where no report waits for that.
        """
        self.size = max(1, self.machine.size_hint_bytes)

    @property
    def is_usable(self) -> bool:
        """Whether the machine can be fed further events."""
        machine = self.machine
        return not (machine.closed or machine.stale or (machine.spent and not machine.awaits))


class Use:
    """One use of a machine, which is let go of at the end of the block unless it stays.

    Attributes:
        stays: It will be used again.
    """

    __slots__ = ("_let_go", "_machine", "stays")

    def __init__(self, machine: Machine, let_go: Callable[[Machine], None]) -> None:
        self.stays = False
        self._machine = machine
        self._let_go = let_go

    def __enter__(self) -> "Use":
        return self

    def __exit__(self, *_: object) -> None:
        if not self.stays:
            self._let_go(self._machine)


class MachineCache:
    """Kept machines by run id: the least recently used go first. Usable from every thread.

    Attributes:
        enabled: Whether anything is kept at all.
        let_go: Closes a machine that nobody will use again.
    """

    def __init__(
        self, max_count: int, max_bytes: int, let_go: Callable[[Machine], None] = Machine.close
    ) -> None:
        """Make a cache.

        Args:
            max_count: Most machines to keep; 0 keeps none.
            max_bytes: Most bytes that they may hold, by their own estimate; 0 keeps none.
            let_go: Closes a machine that is kept no longer. That runs code of the workflow.
        """
        self.let_go = let_go
        self.enabled = max_count > 0 and max_bytes > 0
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        # Claims of tasks at work that may never have been committed.
        self._doubted: set[str] = set()
        self._lock = threading.Lock()
        # Runs whose machines wait to be measured, and the event loop that will do so.
        self._unmeasured: dict[str, None] = {}
        self._measuring_on: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size_bytes(self) -> int:
        """Estimated bytes of what is kept."""
        return self._bytes

    def take(self, run_id: str, start: RunStart, *, certain: bool = False) -> Kept | None:
        """Remove the machine of a run, and return it unless it is of another run of that id.

        Args:
            certain: Leave it where what it was fed last is not known to be committed.
        """
        if not self.enabled:
            return None
        with self._lock:
            found = self._kept.get(run_id)
            if certain and found is not None and found.claim is not None:
                return None
            kept = self._remove(run_id)
        if kept is None or kept.start.is_same(start):
            return kept
        self.let_go(kept.machine)
        return None

    def type_of(self, run_id: str) -> str | None:
        """The type of a run whose machine is kept, else None."""
        kept = self._kept.get(run_id)
        return None if kept is None else kept.start.workflow_type

    def take_for_result(self, run_id: str) -> Kept | None:
        """Remove the machine of a run, whatever it was started with, and return it."""
        with self._lock:
            return self._remove(run_id)

    def put(
        self,
        run_id: str,
        kept: Kept,
        claim: str | None = None,
        *,
        is_ahead: bool = False,
        measured_soon: bool = False,
    ) -> None:
        """Keep a machine, in the place of any other of that run.

        Args:
            claim: Of the task that it was fed, where that may not be committed yet.
            is_ahead: It is of no task, but of a result that the server does not have yet.
            measured_soon: The event loop that runs here measures it, but not now. That takes as
                long as many a replay. No report should wait for it, and most runs are short: they
                are over before.
        """
        if not self.enabled or not run_id or not kept.is_usable:
            self.let_go(kept.machine)
            return
        if measured_soon:
            self._measure_soon(run_id)
        else:
            kept.measure()
        kept.claim = claim
        kept.is_ahead = is_ahead
        evicted: list[Kept] = []
        with self._lock:
            if (replaced := self._remove(run_id)) is not None:
                evicted.append(replaced)
            # One that is too large would drive out all others, and itself.
            if claim in self._doubted or kept.size > self._max_bytes:
                evicted.append(kept)
            else:
                self._kept[run_id] = kept
                self._bytes += kept.size
            evicted += self._evicted()
        self._let_all_go(evicted)

    def _measure_soon(self, run_id: str) -> None:
        self._unmeasured[run_id] = None
        loop = asyncio.get_running_loop()
        if self._measuring_on is not loop:
            self._measuring_on = loop
            loop.call_later(_UNMEASURED_SECONDS, self._measure_some, loop)

    def _measure_some(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure machines that were put here unmeasured, a few in each turn of the loop."""
        try:
            for run_id in list(islice(self._unmeasured, _MEASURED_A_TURN)):
                del self._unmeasured[run_id]
                self._measure(run_id)
        finally:
            if self._unmeasured:
                loop.call_soon(self._measure_some, loop)
            else:
                self._measuring_on = None

    def _measure(self, run_id: str) -> None:
        evicted: list[Kept] = []
        with self._lock:  # so that nobody takes it meanwhile; one that is in use comes again
            if (kept := self._kept.get(run_id)) is None:
                return
            before = kept.size
            kept.measure()
            self._bytes += kept.size - before
            if kept.size > self._max_bytes:
                self._remove(run_id)
                evicted.append(kept)
            evicted += self._evicted()
        self._let_all_go(evicted)

    def using(self, machine: Machine) -> Use:
        """Let go of a machine at the end of the block, unless that says that it stays."""
        return Use(machine, self.let_go)

    def drop(self, run_id: str) -> None:
        """Forget the machine of a run."""
        with self._lock:
            dropped = self._remove(run_id)
        self._let_all_go([] if dropped is None else [dropped])

    def doubt(self, claims: Collection[str]) -> None:
        """Forget the machines that were fed what these claims brought: it may never have been."""
        with self._lock:
            self._doubted.update(claims)
            runs = [run_id for run_id, kept in self._kept.items() if kept.claim in self._doubted]
            dropped = [self._kept[run_id] for run_id in runs]
            for run_id in runs:
                self._remove(run_id)
        self._let_all_go(dropped)

    def confirm(self, run_id: str, claim: str, recorded_at: str | None = None) -> None:
        """A report that named this claim was acknowledged: what the task brought is committed.

        Args:
            recorded_at: When the server recorded the result that the machine was fed before.
        """
        with self._lock:
            kept = self._kept.get(run_id)
            if kept is not None and kept.claim == claim:
                if recorded_at is not None:
                    kept.machine.settle_time(recorded_at)
                kept.claim, kept.is_ahead = None, False

    def refute(self, run_id: str, claim: str) -> None:
        """What the machine was fed with this claim is not so: forget the machine."""
        with self._lock:
            kept = self._kept.get(run_id)
            refuted = kept is not None and kept.claim == claim
            dropped = self._remove(run_id) if refuted else None
        self._let_all_go([] if dropped is None else [dropped])

    def settle(self, claim: str) -> None:
        """Nobody works on the task of this claim any more."""
        with self._lock:
            self._doubted.discard(claim)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            dropped, self._kept = self._kept, OrderedDict()
            self._bytes = 0
        self._let_all_go(dropped.values())

    def _evicted(self) -> list[Kept]:
        """Remove the least recently used ones, until what is left is within the bounds."""
        evicted: list[Kept] = []
        while len(self._kept) > self._max_count or self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.size
            evicted.append(oldest)
        return evicted

    def _let_all_go(self, dropped: Iterable[Kept]) -> None:
        """Outside the lock: it runs code of users."""
        for kept in dropped:
            self.let_go(kept.machine)

    def _remove(self, run_id: str) -> Kept | None:
        kept = self._kept.pop(run_id, None)
        if kept is not None:
            self._bytes -= kept.size
        return kept


def _blob_of(arguments: object) -> object:
    """The text that arguments travel in, or where they are kept."""
    blob = arguments
    if isinstance(arguments, dict):
        envelope = cast("JsonObject", arguments)
        blob = envelope.get("external_storage", envelope.get("blob"))
    if blob is None or isinstance(blob, str):
        return blob
    return json.dumps(blob, sort_keys=True, default=str)


@functools.cache
def _no_arguments() -> frozenset[object]:
    """All spellings of no arguments: absent, null, and an empty list, encoded or not."""
    spellings: set[object] = {None, ""}
    nothing: tuple[object, object] = (None, [])
    for codec in serializer.SUPPORTED_CODECS:
        with contextlib.suppress(AvroNotInstalledError):
            spellings |= {serializer.encode(value, codec) for value in nothing}
    return frozenset(spellings)


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
        Those after `seen`, or None if they cannot be told with certainty.
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
    # The event that was fed last must be in the events sent, or directly before them.
    joint = (after or 0) if first_unseen == 0 else positions[first_unseen - 1]
    return events[first_unseen:] if joint == seen else None
