"""The long polls of one server: hold a request, look again when a commit says so, answer once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any, Final, TypeAlias, TypeVar

from durable_workflow.server.dispatch.admission import Admission
from durable_workflow.server.dispatch.heartbeats import HeldHeartbeat, HeldHeartbeats
from durable_workflow.server.dispatch.placement import Claim, ClaimWaiting, Placement
from durable_workflow.server.dispatch.runs import RunWaiter, RunWatch
from durable_workflow.server.dispatch.streams import NoWatcher, Streams, Watcher
from durable_workflow.server.dispatch.takers import Taker
from durable_workflow.server.dispatch.throttled import Throttled
from durable_workflow.server.dispatch.waiters import Line, TaskKey, Waiter
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.notices import (
    DispatchThrottled,
    LeaseEnded,
    NamespaceGone,
    Notice,
    PollWoken,
    RunAwaited,
    RunEnd,
    RunProgressed,
    RunRemoved,
    TaskKind,
    TaskOffered,
    TaskReady,
    WorkerChallenged,
    WorkerGone,
    WorkersChanged,
)

T = TypeVar("T")

# If several servers share a store, the notice of another one may be late, or lost.
_LOOK_AGAIN_SECONDS: Final = 5.0

# What may be given out before its commit, and what says that it was.
_EARLY: Final = frozenset({PollWoken, TaskOffered, TaskReady})

# Starts watching for the caller to go away; the future is done when it has.
Gone: TypeAlias = Callable[[], asyncio.Future[None]]


async def _run_nothing() -> None:
    pass


class Dispatcher:
    """Holds requests until there is something to answer.

    Args:
        max_waiting: How many requests may be held at once.
        claims: How a task of each kind is claimed for a stream, in a unit.
        claims_of_waiting: How several tasks of a kind are claimed that wait, where they can be.
        run_empty_unit: Runs a unit that does nothing.
        fair_queues: What claims remember of queues that are given out fairly.
    """

    def __init__(
        self,
        max_waiting: int,
        *,
        claims: Mapping[TaskKind, Claim] | None = None,
        claims_of_waiting: Mapping[TaskKind, ClaimWaiting] | None = None,
        run_empty_unit: Callable[[], Awaitable[None]] = _run_nothing,
        fair_queues: FairQueues | None = None,
    ) -> None:
        self.fair_queues = fair_queues or FairQueues()
        self.admission = Admission(max_waiting)
        self._lines: dict[TaskKey, Line] = {}
        self.streams = Streams()
        self.watcher: Watcher = NoWatcher()
        self.placement = Placement(
            self.streams, self._lines, claims or {}, run_empty_unit, claims_of_waiting or {}
        )
        self.throttled = Throttled(self._lines, self.placement.look_in)
        self._runs = RunWatch()
        self._heartbeats = HeldHeartbeats()
        # What follows from a notice of each kind. By the very class: each unit has several, and to
        # ask whether one is of a structure's class costs as much as what most of them need.
        self._takes: dict[type[Notice], Callable[[Any], object]] = {
            RunProgressed: self._run_progressed,
            RunRemoved: self._run_removed,
            RunAwaited: self._run_awaited,
            WorkerChallenged: self._worker_challenged,
            WorkerGone: self._worker_gone,
            WorkersChanged: self._workers_changed,
            DispatchThrottled: self._dispatch_throttled,
            LeaseEnded: self._lease_ended,
            NamespaceGone: self._namespace_gone,
            TaskReady: self._task_ready,
        }
        self._closed = False

    def publish(self, notices: Sequence[Notice]) -> None:
        """Wake those whom these notices concern."""
        for notice in notices:
            take = self._takes.get(type(notice))
            if take is not None:
                take(notice)
        self.placement.publish(notices)

    def dispatch_before_commit(self, notices: Sequence[Notice]) -> list[Notice]:
        """Give out tasks that are about to be committed, where that may be; the notices left over.

        For a store that runs one unit after the other and commits several together. Waiting polls
        are woken: they claim, in units that run behind those that made the tasks and are committed
        no earlier. Workflow tasks are sent to streams whose workers take them (`send_early`). A
        watcher reads, and would not see what is not committed. Nothing rests on this: a store that
        tells nobody before a commit publishes all notices after it.
        """
        return [
            notice
            for notice in notices
            if type(notice) not in _EARLY or not self._give_out_early(notice)
        ]

    def _give_out_early(self, notice: Notice) -> bool:
        return (
            type(notice) is PollWoken
            or self._wake_a_poll(notice)
            or self.placement.send_early(notice)
        )

    def _wake_a_poll(self, notice: Notice) -> bool:
        if type(notice) is not TaskReady:
            return False
        line = self._lines.get(TaskKey(notice.kind, notice.namespace, notice.task_queue))
        return line is not None and line.wake()

    def _run_progressed(self, notice: RunProgressed) -> None:
        self._runs.wake(notice.run_id, closed=notice.closed, end=notice.end)

    def _run_removed(self, notice: RunRemoved) -> None:
        self._runs.wake(notice.run_id, closed=True, end=None)

    def _run_awaited(self, notice: RunAwaited) -> None:
        assert isinstance(notice.waiter, RunWaiter)
        self._runs.enter(notice.run_id, notice.waiter, end_only=True)

    def _worker_challenged(self, notice: WorkerChallenged) -> None:
        self._heartbeats.wake(notice.namespace, notice.worker_id)
        for stream in self.streams.of_id(notice.namespace, notice.worker_id):
            stream.sink.probe()

    def _worker_gone(self, notice: WorkerGone) -> None:
        stream = self.streams.of_session(notice.namespace, notice.worker_id, notice.session)
        if stream is not None:
            self.watcher.worker_changed(stream)

    def _workers_changed(self, notice: WorkersChanged) -> None:
        for stream in self.streams.of_queue(notice.namespace, notice.task_queue):
            self.watcher.worker_changed(stream)
        self.placement.workers_changed(notice.namespace, notice.task_queue)
        for key, line in self._lines.items():
            if (key.namespace, key.task_queue) == (notice.namespace, notice.task_queue):
                line.wake_all()

    def _dispatch_throttled(self, notice: DispatchThrottled) -> None:
        key = TaskKey(notice.kind, notice.namespace, notice.task_queue)
        self.throttled.note(key, notice.seconds)

    def _lease_ended(self, notice: LeaseEnded) -> None:
        self.throttled.lease_ended(notice.kind, notice.namespace)

    def _namespace_gone(self, notice: NamespaceGone) -> None:
        self.watcher.namespace_gone(notice.namespace)

    def _task_ready(self, notice: TaskReady) -> None:
        self._wake_a_poll(notice)
        if notice.kind == "query":
            self.watcher.query_ready(notice.namespace, notice.task_queue)

    @property
    def closed(self) -> bool:
        """Whether the server stops."""
        return self._closed

    def held_polls(self) -> dict[TaskKey, int]:
        """How many polls are held, by what they wait for."""
        return {key: len(line) for key, line in self._lines.items()}

    def waiting(self, key: TaskKey) -> int:
        """How many polls stand in the line of `key`."""
        line = self._lines.get(key)
        return len(line) if line is not None else 0

    def awaited_runs(self) -> list[str]:
        """The runs whose end a held request waits for."""
        return self._runs.awaited()

    def close(self) -> None:
        """Have every held request answered now with what there is, and hold none any more."""
        self._closed = True
        for line in self._lines.values():
            line.rouse_all()
        self._runs.rouse_all()
        self._heartbeats.close()
        self.placement.close()
        self.throttled.close()

    async def poll(
        self,
        key: TaskKey,
        claim: Callable[[], Awaitable[T | None]],
        timeout: float,
        gone: Gone,
        *,
        every: float = inf,
        stay: Callable[[], Awaitable[T | None]] | None = None,
        worker: Taker | None = None,
    ) -> T | None:
        """Claim a task, waiting for one where there is none.

        Args:
            claim: Takes a task, or says that there is none for this caller. It is called again each
                time that a task became ready, and never after the caller is known to be gone.
            timeout: Seconds to wait; with 0 `claim` is called once.
            every: Seconds after which `stay` is called although no task became ready: it notes that
                a caller that is held is alive.
            stay: Called instead of `claim` where no task became ready; None to call `claim`.
            worker: Who polls, where that is known: what it may not take does not wake it.
        Returns:
            The task, or None when the time is up, the caller is gone or the server stops.
        Raises:
            TooManyWaiting: No further request can be held.
        """
        until = asyncio.get_running_loop().time() + timeout
        with self.admission.hold(), self._place(key, worker) as (line, waiter):
            left: asyncio.Future[None] | None = None
            look = claim
            while True:
                used = waiter.take()
                try:
                    task = await (claim() if used else look())
                except BaseException:
                    waiter.woken |= used
                    raise
                if task is not None:
                    return task
                if used and not line.pass_on(waiter):
                    self.placement.look_in(key)
                if self._over(until):
                    return None
                look = stay or claim
                left = left or gone()
                await waiter.wait(min(until, asyncio.get_running_loop().time() + every), left)
                if left.done() or (not waiter.woken and self._over(until)):
                    return None

    async def watch(
        self,
        run_id: str,
        look: Callable[[], Awaitable[T]],
        enough: Callable[[T], bool],
        timeout: float,
        gone: Gone,
        *,
        end_only: bool = False,
        every: float = _LOOK_AGAIN_SECONDS,
    ) -> T:
        """Look at a run until `enough` is true of what is seen, or until time is up.

        Args:
            look: Called at once, and again whenever the run has progressed.
            end_only: Look again only when the run has closed.
            every: Seconds after which to look again in any case: a notice may be lost.
        Returns:
            What was seen last.
        Raises:
            TooManyWaiting: No further request can be held.
        """
        until = asyncio.get_running_loop().time() + timeout
        with self.run_waiter() as waiter:
            self._runs.enter(run_id, waiter, end_only=end_only)
            with self.admission.hold():
                left: asyncio.Future[None] | None = None
                while True:
                    waiter.take()
                    seen = await look()
                    if enough(seen) or self._over(until):
                        return seen
                    left = left or gone()
                    await waiter.wait(min(until, asyncio.get_running_loop().time() + every), left)
                    if left.done() or (not waiter.woken and self._over(until)):
                        return seen

    async def watch_end(
        self,
        run_id: str,
        waiter: RunWaiter,
        look: Callable[[], Awaitable[bool]],
        timeout: float,
        gone: Gone,
        *,
        every: float = _LOOK_AGAIN_SECONDS,
    ) -> RunEnd | None:
        """Wait until a run ends, and pass on what its last unit tells of that.

        Args:
            waiter: From `run_waiter`. Where it watches the run already, by `RunAwaited`, the run is
                not looked at first.
            look: Whether the run has ended; asked where no notice has told.
            every: Seconds after which to look again in any case: a notice may be lost.
        Returns:
            How it ended; None where only `look` knows, or where time is up.
        Raises:
            TooManyWaiting: No further request can be held.
        """
        until = asyncio.get_running_loop().time() + timeout
        with self.admission.hold():
            looked = waiter.run_id is not None
            if not looked:
                self._runs.enter(run_id, waiter, end_only=True)
            left: asyncio.Future[None] | None = None
            while waiter.end is None:
                if (not looked and await look()) or self._over(until):
                    break
                looked = False
                left = left or gone()
                await waiter.wait(min(until, asyncio.get_running_loop().time() + every), left)
                if left.done():
                    break
                waiter.take()
            return waiter.end

    def run_waiter(self) -> RunWaiter:
        """A request that will watch one run, until the end of the block."""
        return RunWaiter(self._runs)

    @contextmanager
    def heartbeat(self, namespace: str, worker_id: str) -> Generator[HeldHeartbeat, None, None]:
        """A heartbeat of a worker that may be held, and is answered early when it is challenged."""
        with self._heartbeats.enter(namespace, worker_id, self.admission) as held:
            yield held

    @contextmanager
    def _place(
        self, key: TaskKey, worker: Taker | None
    ) -> Generator[tuple[Line, Waiter], None, None]:
        line = self._lines.setdefault(key, Line())
        waiter = line.enter(worker)
        try:
            yield line, waiter
        finally:
            lost = line.leave(waiter)
            if not line:
                # A queue that is not polled any more uses no memory.
                del self._lines[key]
            if lost:
                self.placement.look_in(key)

    def _over(self, until: float) -> bool:
        return self._closed or asyncio.get_running_loop().time() >= until
