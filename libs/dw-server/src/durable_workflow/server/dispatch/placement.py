"""Giving ready tasks to workers in the very unit that makes them ready.

Who gets a task is decided in memory (`choices`); the claim itself is made in the store, as part of
the unit. What was claimed leaves after the commit; where the unit or its batch fails, the credit
is given back.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from durable_workflow._wire.names import ATTEMPT_FIELDS
from durable_workflow.server.dispatch.backlog import Backlog
from durable_workflow.server.dispatch.choices import Choices
from durable_workflow.server.dispatch.streams import STORED_KINDS, Stream, Streams
from durable_workflow.server.dispatch.turns import Wanted, next_served
from durable_workflow.server.dispatch.waiters import Line, TaskKey, Waiter
from durable_workflow.server.notices import (
    Notice,
    PollWoken,
    ReadyTask,
    TaskDropped,
    TaskKind,
    TaskOffered,
    TaskReady,
    WorkerGone,
)
from durable_workflow.server.store.errors import StoreError
from durable_workflow.server.store.protocol import Tx

_log = logging.getLogger(__name__)

# Leases a task to a worker: the one that is named, or the one that the worker should get next.
# Then come what tells the workers that no task is kept for now, and whether the worker names
# claims. None where there is none.
Claim: TypeAlias = Callable[
    [Tx, Any, str | None, Callable[[], Collection[str]], bool], dict[str, Any] | None
]
# Leases what waits to workers that look for the same tasks, one to each, the next to the first.
# Fewer where there are no more, or where each has to be chosen by itself; none where none waits.
# None in the place of a task whose run its claim has ended.
ClaimWaiting: TypeAlias = Callable[[Tx, Sequence[Any]], Sequence[dict[str, Any] | None]]

# Claims that one unit makes for tasks that waited: more would hold up the loop.
_MOST_CLAIMS: Final = 20
_AGAIN_SECONDS: Final = 0.5
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0
# Close codes are 4000 and the status that HTTP would have.
_UNAVAILABLE: Final = 4503


class Placement:
    """Gives tasks to streams and to held polls.

    Args:
        streams: The streams there are.
        lines: The held polls there are.
        claims: How a task of each kind is claimed.
        claims_of_waiting: How several tasks of a kind are claimed that wait, where they can be.
        clock: In seconds, and never set back.
        run_empty_unit: Runs a unit that does nothing, so that what waits is given out at its end.

    Attributes:
        choices: Who gets which task.
    """

    def __init__(
        self,
        streams: Streams,
        lines: Mapping[TaskKey, Line],
        claims: Mapping[TaskKind, Claim],
        run_empty_unit: Callable[[], Awaitable[None]],
        claims_of_waiting: Mapping[TaskKind, ClaimWaiting],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._streams = streams
        # Asked for now, not when this module was read: a simulation has a clock of its own.
        self.choices = Choices(streams, lines, clock or time.monotonic)
        self._claims = claims
        self._claims_of_waiting = claims_of_waiting
        self._run_empty_unit = run_empty_unit
        self._backlogs: dict[TaskKey, Backlog] = {}
        # Streams that have credits, where something may be waiting for them.
        self._looking: dict[Stream, None] = {}
        self._turn = 0
        self._giving: asyncio.Task[None] | None = None
        self._closed = False

    # --- in a unit ---------------------------------------------------------------------------

    def wants(self, notices: Sequence[Notice]) -> bool:
        """Whether a unit that ends with these notices has anything to give out."""
        if not self._streams:
            return False
        return bool(self._looking) or TaskReady in map(type, notices)

    def place(self, tx: Tx, notices: Sequence[Notice]) -> list[Notice]:
        """Claim what became ready for those who may have it.

        Returns:
            The notices that are left to be published, with those of what was claimed.
        """
        left: list[Notice] = []
        # What a worker had that is found to be gone must not go to it again.
        gone = self._gone(notices)
        for stream in gone:
            stream.draining = True
        try:
            for notice in notices:
                if type(notice) is TaskReady and notice.kind in STORED_KINDS:
                    left.append(self._place(tx, notice))
                else:
                    left.append(notice)
            self._give_waiting(tx, left)
        except BaseException:
            self._give_back(left)
            raise
        finally:
            for stream in gone:  # they end, or look again, once this is committed
                stream.draining = False
        return left

    def _gone(self, notices: Sequence[Notice]) -> list[Stream]:
        found: list[Stream] = []
        if WorkerGone not in map(type, notices):
            return found
        for each in notices:
            if isinstance(each, WorkerGone):
                stream = self._streams.of_session(each.namespace, each.worker_id, each.session)
                if stream is not None and not stream.draining and stream not in found:
                    found.append(stream)
        return found

    def revoke(self, notices: Sequence[Notice]) -> None:
        """Units that ended with these notices were not committed, or what they claimed was not.

        A stream that was sent any of it ends: its worker comes back, and is told what it does not
        own. Streams look again a little later: at once the store would fail again.
        """
        self._give_back(notices)
        for notice in notices:
            if isinstance(notice, TaskOffered) and notice.has_left:
                assert isinstance(notice.stream, Stream)
                # Nothing may follow what was sent: it would be taken to rest on that.
                notice.stream.draining = True
                notice.stream.sink.close(_UNAVAILABLE, "a task was sent and could not be committed")
        for backlog in self._backlogs.values():
            # What was found, and what was not, is not true.
            backlog.doubt()
        self._looking.clear()
        asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._look_for_all)

    def _place(self, tx: Tx, notice: TaskReady) -> Notice:
        key = TaskKey(notice.kind, notice.namespace, notice.task_queue)
        streams = self._streams.of_queue(notice.namespace, notice.task_queue)
        if not streams:
            # Nobody to remember anything for: whoever comes looks for himself.
            self._backlogs.pop(key, None)
            return notice
        backlog = self._backlog(key)
        task = notice.task
        if task is None:
            backlog.doubt()
            for stream in streams:
                self.look_for(stream)
            return notice
        flagged = backlog.is_flagged((task.type, task.build_id))
        chosen = self.choices.next(key, task, streams)
        if chosen is None:
            backlog.flag((task.type, task.build_id))
            return notice
        self._turn += 1
        if isinstance(chosen, Waiter):
            self.choices.note_served(chosen, key, self._turn)
            chosen.wake()
            return PollWoken()
        if flagged:
            self._looking[chosen] = None  # there may be more than this one
        offered = self._claim(tx, key.kind, chosen, None if flagged else task)
        if offered is None:
            backlog.flag((task.type, task.build_id))  # a budget may hold it up
        return offered or notice

    def _claim(
        self, tx: Tx, kind: TaskKind, stream: Stream, task: ReadyTask | None
    ) -> TaskOffered | None:
        task_id = None if task is None else task.task_id
        busy = functools.partial(self._busy, kind, stream)
        claimed = self._claims[kind](tx, stream.worker, task_id, busy, stream.names_claims)
        return None if claimed is None else self._offered(kind, stream, claimed)

    def _offered(self, kind: TaskKind, stream: Stream, claimed: dict[str, Any]) -> TaskOffered:
        attempt = claimed[ATTEMPT_FIELDS[kind]]
        self._streams.take(stream, kind, claimed["task_id"], attempt, self._turn)
        return TaskOffered(kind, stream, claimed["task_id"], attempt, claimed)

    def _claim_several(self, tx: Tx, kind: TaskKind, streams: list[Stream]) -> list[TaskOffered]:
        """Claim what waits for streams that look for the same."""
        claim = self._claims_of_waiting.get(kind)
        if claim is None:
            self._turn += 1
            offered = self._claim(tx, kind, streams[0], None)
            return [] if offered is None else [offered]
        given: list[TaskOffered] = []
        for stream, task in zip(streams, claim(tx, [s.worker for s in streams]), strict=False):
            self._turn += 1
            if task is not None:
                given.append(self._offered(kind, stream, task))
        return given

    def _busy(self, kind: TaskKind, beside: Stream) -> Collection[str]:
        """Workers of a stream's queue that have no credit: nobody waits for them.

        Mostly the keeper gets the task, and nobody asks.
        """
        if kind != "workflow":
            return ()
        streams = self._streams.of_queue(beside.worker.namespace, beside.worker.task_queue)
        if len(streams) == 1:
            return ()  # it is the one that the task is for
        free = {each.worker.worker_id for each in streams if each.is_open(kind)}
        return {each.worker.worker_id for each in streams} - free

    def _give_waiting(self, tx: Tx, left: list[Notice]) -> None:
        """Give out what waits to those who have credits for it."""
        claims = 0
        while claims < _MOST_CLAIMS:
            wanted: list[Wanted] = [
                (stream, kind)
                for stream in self._looking
                for kind in STORED_KINDS
                if self._may_give(stream, kind)
            ]
            if not wanted:
                self._looking.clear()
                return
            kind, streams = next_served(wanted, _MOST_CLAIMS - claims, self._turn)
            offered = self._claim_several(tx, kind, streams)
            claims += max(len(offered), 1)
            if not offered:
                self._backlog(streams[0].keys[kind]).found_nothing(streams[0].profiles[kind])
            left += offered

    def _may_give(self, stream: Stream, kind: TaskKind) -> bool:
        # Mostly nothing waits, which is found out sooner than whether there is room.
        waits = self._backlog(stream.keys[kind]).may_hold(stream.profiles[kind])
        return waits and stream.credits(kind) > 0

    def _give_back(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            if isinstance(notice, TaskOffered) and isinstance(notice.stream, Stream):
                self._streams.give_back(notice.stream, notice.kind, notice.task_id, notice.attempt)

    def _backlog(self, key: TaskKey) -> Backlog:
        found = self._backlogs.get(key)
        if found is None:
            found = self._backlogs[key] = Backlog()
        return found

    # --- between units -----------------------------------------------------------------------

    @staticmethod
    def send_early(notice: Notice) -> bool:
        """Send a task before its commit, where that may be; whether it has left.

        Only a workflow task may: replay has no effects. Its worker names the claim in its report,
        so that none is taken of a task that was never committed. And its document has to be whole:
        what it asks for might not be there yet.
        """
        if type(notice) is not TaskOffered or notice.kind != "workflow":
            return False
        if "claim" not in notice.task or notice.task.get("next_history_page_token") is not None:
            return False
        assert isinstance(notice.stream, Stream)
        notice.stream.sink.push(notice.kind, notice.task)
        notice.has_left = True
        return True

    def publish(self, notices: Sequence[Notice]) -> None:
        """Send what was committed."""
        for notice in notices:
            if type(notice) is TaskOffered:
                assert isinstance(notice.stream, Stream)
                if not notice.has_left:
                    notice.stream.sink.push(notice.kind, notice.task)
            elif type(notice) is TaskDropped:
                stream = self._streams.holder("activity", notice.task_id, notice.attempt)
                if stream is not None:
                    stream.sink.cancel("activity", notice.task_id, notice.reason)

    def look_for(self, stream: Stream) -> None:
        """Look for waiting tasks: a stream has more credits, or there may be more tasks."""
        if any(self._may_give(stream, kind) for kind in STORED_KINDS):
            self._looking[stream] = None
            self._schedule()

    def workers_changed(self, namespace: str, task_queue: str) -> None:
        """Workers of a queue drain, or take tasks again: those that wait may be theirs now."""
        for kind in STORED_KINDS:
            self.look_in(TaskKey(kind, namespace, task_queue))

    def look_in(self, key: TaskKey) -> None:
        """A wake-up in a line of polls was lost: a stream may have the task that it was for."""
        streams = self._streams.of_queue(key.namespace, key.task_queue)
        if streams and key.kind in STORED_KINDS:
            self._backlog(key).doubt()
            for stream in streams:
                self.look_for(stream)

    def shown(self, namespace: str, task_queue: str) -> dict[str, Any]:
        """What an operator is told of a queue: its streams, and which tasks found nobody."""
        keys = {kind: TaskKey(kind, namespace, task_queue) for kind in STORED_KINDS}
        waiting = {kind: self._backlogs[key] for kind, key in keys.items() if key in self._backlogs}
        return {
            "streams": [each.shown() for each in self._streams.of_queue(namespace, task_queue)],
            "waiting": {kind: backlog.shown() for kind, backlog in waiting.items()},
        }

    def forget(self, stream: Stream) -> None:
        """A stream has ended. Of a queue that has no other nothing is remembered."""
        self._looking.pop(stream, None)
        self.choices.forget(stream)
        if not self._streams.of_queue(stream.worker.namespace, stream.worker.task_queue):
            for kind in STORED_KINDS:
                self._backlogs.pop(stream.keys[kind], None)
        if not self._streams:
            self._backlogs.clear()

    def close(self) -> None:
        """Give out nothing any more."""
        self._closed = True
        if self._giving is not None:
            self._giving.cancel()

    def _look_for_all(self) -> None:
        for stream in self._streams:
            self.look_for(stream)

    def _schedule(self) -> None:
        if self._giving is None and not self._closed:
            self._giving = asyncio.create_task(self._keep_giving(), name="dw-placement")

    async def _keep_giving(self) -> None:
        """Have units end while a stream looks for tasks: each gives out what waits."""
        pause = _FIRST_PAUSE
        try:
            while self._looking and not self._closed:
                try:
                    await self._run_empty_unit()
                    pause = _FIRST_PAUSE
                except StoreError as error:
                    _log.warning("tasks that wait could not be given out: %s", error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            self._giving = None
