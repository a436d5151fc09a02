"""Streams of workers, whichever carrier brings them: opened, served by the operations, ended."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from durable_workflow.metrics import SERVER_STREAMS, MetricsRecorder
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.held_lists import attempts_of, stored_tasks
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.signs_of_life import SignsOfLife
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.dispatch.streams import Sink, Stream
from durable_workflow.server.notices import TaskKind
from durable_workflow.server.querying import PendingQueries, offering
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    HeldTask,
    OpenStream,
    PollTask,
    QueryTaskOwner,
    StreamSlots,
    WorkerHeartbeat,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import streams as services
from durable_workflow.server.services import workers as worker_services
from durable_workflow.server.store import Store, StoreError
from durable_workflow.server.views import namespaces
from durable_workflow.server.views.history import PAGE_BYTES
from durable_workflow.server.views.task_queues import SHARED_ID

if TYPE_CHECKING:
    from durable_workflow.server.records.workers import Worker

T = TypeVar("T")

_log = logging.getLogger(__name__)

# How the report of a task of each kind names the task and the attempt.
_TASK: Final[dict[TaskKind, str]] = {
    "workflow": "task_id",
    "activity": "task_id",
    "query": "query_task_id",
}
_ATTEMPT: Final[dict[TaskKind, str]] = {
    "workflow": "workflow_task_attempt",
    "activity": "activity_attempt_id",
    "query": "query_task_attempt",
}
# Why a report may be refused that was taken before.
_OVER: Final = frozenset(
    {
        "task_not_found",
        "task_not_leased",
        "run_closed",
        "run_cancelled",
        "run_terminated",
        "stale_attempt",
        "workflow_task_attempt_mismatch",
        "lease_owner_mismatch",
    }
)
# Close codes are 4000 and the status that HTTP would have.
REPLACED: Final = 4409
GONE: Final = 4412
NOT_FOUND: Final = 4404
SILENT: Final = 4408


class Door(Protocol):
    """What streams need of the api."""

    @property
    def operations(self) -> Mapping[str, Operation[Any]]:
        """All operations, by name."""
        ...

    def read(self, asks: type[T], call: Call) -> T:
        """Read what a call asks for."""
        ...

    async def ask(self, operation: Operation[Any], call: Call) -> Reply:
        """Read what a call asks for, and have it done."""
        ...


class WorkerStreams:
    """Opens streams, and keeps them in step with the store.

    Args:
        door: Reads what calls ask for, and has it done.
    """

    def __init__(
        self,
        door: Door,
        *,
        store: Store,
        dispatcher: Dispatcher,
        queries: PendingQueries,
        settings: ServiceSettings,
        metrics: MetricsRecorder,
    ) -> None:
        self.door = door
        self.metrics = metrics
        self.store = store
        self.dispatcher = dispatcher
        self.queries = queries
        self.settings = settings
        self._open: dict[Stream, WorkerStream] = {}
        self._asking: set[Stream] = set()
        self.signs_of_life = SignsOfLife(store, settings, self._spawn)
        self._tasks: set[asyncio.Task[None]] = set()
        dispatcher.watcher = self

    async def open(self, call: Call, sink: Sink) -> WorkerStream:
        """Begin a stream with its first message, which is the call's document.

        Raises:
            Refused: The worker is not registered, or what it says does not fit.
        """
        asked = self.door.read(OpenStream, call)
        before = self._replace(call.namespace, asked)
        work = functools.partial(
            services.open_stream, namespace=call.namespace, request=asked, settings=self.settings
        )
        try:
            opened = await self.store.run(work)
        except BaseException:
            if before is not None:
                self._spawn(before.end())
            raise
        self._replace(call.namespace, asked)  # by another one of the session, meanwhile
        dropped = [*opened.dropped, *self._dropped_queries(call.namespace, asked)]
        stream = Stream(opened.worker, _slots(asked.slots), sink)
        for task in asked.held:
            if task.task_id not in dropped:
                kind = _kind(task.kind)
                self.dispatcher.streams.take(stream, kind, task.task_id, task.attempt, 0)
        self.dispatcher.streams.add(stream)
        welcome: dict[str, Any] = {
            "grace_ms": round(self.settings.stream_grace_seconds * 1000),
            "heartbeat_seconds": opened.worker.heartbeat_interval,
            "dropped": dropped,
        }
        if opened.shares_id:
            welcome["warnings"] = [SHARED_ID]
        held = {(task.kind, task.task_id, task.attempt) for task in asked.held}
        found = WorkerStream(self, stream, call, opened.worker, welcome, held)
        self._open[stream] = found
        self.count("opened")
        return found

    def count(self, event: str) -> None:
        """Count what becomes of streams."""
        self.metrics.increment(SERVER_STREAMS, tags={"event": event})

    def look_for(self, stream: Stream) -> None:
        """Look for tasks for a stream that can take more."""
        self.dispatcher.placement.look_for(stream)
        self._look_for_queries(stream)

    def detach(self, stream: Stream) -> bool:
        """Give a stream no more tasks: it has ended. Whether it had not ended before."""
        self._open.pop(stream, None)
        known = self.dispatcher.streams.remove(stream)
        self.dispatcher.placement.forget(stream)
        return known

    def worker_changed(self, stream: Stream) -> None:
        """Take over what the store knows of a worker now."""
        if stream in self._open:
            self._spawn(self._take_over(stream))

    def query_ready(self, namespace: str, task_queue: str) -> None:
        """Give a query task to one of the workers of a queue."""
        streams = self.dispatcher.streams.of_queue(namespace, task_queue)
        for stream in sorted(streams, key=lambda each: each.rank("query")):
            self._look_for_queries(stream)

    def namespace_gone(self, namespace: str) -> None:
        """End the streams of a namespace that is being deleted: there is nothing to report to."""
        for stream in list(self._open):
            if stream.worker.namespace == namespace:
                self._expel(stream)

    def check_namespace(self, stream: Stream) -> None:
        """End a stream that has begun while its namespace was being deleted."""
        self._spawn(self._check_namespace(stream))

    async def _check_namespace(self, stream: Stream) -> None:
        name = stream.worker.namespace
        if not await self.store.read(lambda read: namespaces.exists(read, name)):
            self._expel(stream)

    def _expel(self, stream: Stream) -> None:
        # What it held goes with the namespace, so its end is not noted.
        if self.detach(stream):
            self.count("closed")
            stream.sink.close(NOT_FOUND, "the namespace does not exist any more")

    async def _take_over(self, stream: Stream) -> None:
        of = stream.worker
        worker = await self.store.read(
            lambda read: services.find(read, of.namespace, of.worker_id, of.session)
        )
        opened = self._open.get(stream)
        if opened is None:
            return
        if worker is None:
            stream.draining = True
            opened.leave_when_idle = True
            opened.close_if_idle()
        elif worker.due_at is None:
            stream.sink.close(SILENT, "no sign of life was heard for too long")
        else:
            stream.learn(worker)
            opened.worker = worker
            self.look_for(stream)

    def _replace(self, namespace: str, asked: OpenStream) -> WorkerStream | None:
        """A session has one stream: the newest."""
        streams = self.dispatcher.streams
        stream = streams.of_session(namespace, asked.worker_id, asked.session)
        before = None if stream is None else self._open.get(stream)
        if stream is not None:
            self.detach(stream)
            self.count("replaced")
            stream.sink.close(REPLACED, "another stream of this session has begun")
        return before

    def _dropped_queries(self, namespace: str, asked: OpenStream) -> list[str]:
        dropped: list[str] = []
        for task in asked.held:
            if task.kind == "query":
                attempt = task.attempt if isinstance(task.attempt, int) else 0
                owner = QueryTaskOwner(
                    query_task_id=task.task_id, lease_owner=asked.worker_id, attempt=attempt
                )
                if not self.queries.holds(namespace, owner):
                    dropped.append(task.task_id)
        return dropped

    def _look_for_queries(self, stream: Stream) -> None:
        if stream not in self._asking and stream.credits("query") > 0 and stream in self._open:
            self._asking.add(stream)
            self._spawn(self._ask(stream))

    async def _ask(self, stream: Stream) -> None:
        """Give a stream query tasks while there are any for it."""
        try:
            while stream.credits("query") > 0 and (opened := self._open.get(stream)) is not None:
                worker = opened.worker
                asked = PollTask(worker_id=worker.worker_id, task_queue=worker.task_queue)
                task = await offering.claim(self.store, self.queries, asked, worker)
                if task is None:
                    return
                if stream not in self._open:
                    self.queries.give_back(task)
                    return
                task_id, attempt = task["query_task_id"], task["query_task_attempt"]
                self.dispatcher.streams.take(stream, "query", task_id, attempt, 0)
                stream.sink.push("query", task)
        finally:
            self._asking.discard(stream)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a stream could not be kept in step", exc_info=error)


class WorkerStream:
    """One stream that is open.

    Attributes:
        welcome: The members of the first answer.
        leave_when_idle: Close once the worker has reported everything.
    """

    def __init__(
        self,
        streams: WorkerStreams,
        stream: Stream,
        call: Call,
        worker: Worker,
        welcome: dict[str, Any],
        unacknowledged: set[tuple[str, str, int | str]],
    ) -> None:
        self.worker = worker
        self.welcome = welcome
        self.leave_when_idle = False
        self._streams = streams
        self._stream = stream
        self._call = call
        self._unacknowledged = unacknowledged

    def begin(self) -> None:
        """The welcome was sent: tasks may follow."""
        self._streams.check_namespace(self._stream)
        self._streams.look_for(self._stream)

    def operation(self, verb: str, kind: TaskKind) -> str:
        """The operation that a report asks for."""
        return f"{verb}_{kind}_task"

    async def report(
        self, verb: str, kind: TaskKind, task_id: str, message: Mapping[str, Any]
    ) -> Reply:
        """Complete, fail or heartbeat a task, as over HTTP.

        What is reported takes no slot any more, whether the report is accepted or not.
        """
        attempt = message.get("attempt")
        ends = verb != "heartbeat"
        if ends and isinstance(attempt, int | str):
            self._give_back(kind, task_id, attempt)
        members = {"lease_owner": self.worker.worker_id, _ATTEMPT[kind]: attempt}
        try:
            reply = await self._ask(
                self.operation(verb, kind), message, members, {_TASK[kind]: task_id}
            )
        except Refused as refused:
            if ends and refused.reason in _OVER and await self._was_taken(kind, task_id, attempt):
                return Reply({"recorded": True})
            raise
        if ends and reply.reason in _OVER and await self._was_taken(kind, task_id, attempt):
            return Reply({"recorded": True})
        if ends and reply.reason is None and isinstance(attempt, int | str):
            self._unacknowledged.discard((kind, task_id, attempt))
        return reply

    async def history(self, task_id: str, message: Mapping[str, Any]) -> Reply:
        """A page of the history of a workflow task."""
        members = {
            "lease_owner": self.worker.worker_id,
            "workflow_task_attempt": message.get("attempt"),
            "next_history_page_token": message.get("token"),
            "history_page_bytes": PAGE_BYTES,
        }
        return await self._ask("read_workflow_task_history", {}, members, {"task_id": task_id})

    async def alive(self, message: Mapping[str, Any]) -> Reply:
        """A sign of life; what was sent stays leased, whether the worker names it or not."""
        named = message.get("held")
        held = stored_tasks(named)
        attempts = attempts_of(held)
        kinds: tuple[TaskKind, ...] = ("workflow", "activity")
        held += [
            {"kind": kind, "task_id": task_id, "attempt": attempt}
            for kind in kinds
            for task_id, attempt in self._stream.tasks(kind)
            if (task_id, attempt) not in attempts
        ]
        says_more = "heartbeat_interval_seconds" in message or not isinstance(named, list | None)
        if not held and not says_more and self._is_alone():
            return self._note_alive(message)
        members = {
            "worker_id": self.worker.worker_id,
            "session": self.worker.session,
            "held_tasks": held if named is None or isinstance(named, list) else named,
            "wait_seconds": None,
        }
        reply = await self._ask("heartbeat_worker", message, members, {})
        known = {task_id for task_id, _ in attempts}
        reply.body["dropped"] = [each for each in reply.body["dropped"] if each in known]
        return reply

    def _is_alone(self) -> bool:
        """Whether no other session is known under the id, so that there is nothing to warn of."""
        streams = self._streams.dispatcher.streams
        alone = len(streams.of_id(self.worker.namespace, self.worker.worker_id)) == 1
        return alone and "warnings" not in self.welcome

    def _note_alive(self, message: Mapping[str, Any]) -> Reply:
        """A sign of life of a worker that has nothing: it is written with those of others."""
        worker, settings = self.worker, self._streams.settings
        named = {"worker_id": worker.worker_id, "session": worker.session}
        part = self._part({**message, **named, "held_tasks": None, "wait_seconds": None}, {})
        heartbeat = self._streams.door.read(WorkerHeartbeat, part)
        self._streams.signs_of_life.note(worker, heartbeat)
        interval = worker.heartbeat_interval
        return Reply(
            {
                "worker_id": worker.worker_id,
                "acknowledged": True,
                "heartbeat_interval_seconds": interval,
                "stale_after_seconds": interval * settings.missed_heartbeats,
                "dropped": [],
            }
        )

    async def seen(self) -> None:
        """Note a sign of life that was asked for."""
        worker, settings = self.worker, self._streams.settings

        def note(tx: Any) -> None:
            worker_services.seen_by_lease(
                tx, worker.namespace, worker.worker_id, worker.session, settings
            )

        await self._streams.store.run(note)

    def resize(self, message: Mapping[str, Any]) -> None:
        """Take new numbers of slots; zeros let the worker drain."""
        slots = self._streams.door.read(StreamSlots, self._part(message, {}))
        self._stream.slots = _slots(slots)
        self._streams.look_for(self._stream)

    async def say_goodbye(self) -> None:
        """Nothing more will be reported: free what the worker holds."""
        if self._streams.detach(self._stream):
            self._streams.count("closed")
            settings = self._streams.settings
            await self._streams.store.run(
                lambda tx: services.say_goodbye(tx, self.worker, settings)
            )

    async def lost(self) -> None:
        """The connection ended. Of one that has been replaced nothing follows."""
        if self._streams.detach(self._stream):
            self._streams.count("lost")
            if not self._streams.dispatcher.closed:
                await self.end()

    async def end(self) -> None:
        """Have the worker missed, unless it comes back."""
        settings = self._streams.settings
        try:
            await self._streams.store.run(lambda tx: services.end_stream(tx, self.worker, settings))
        except StoreError as error:
            # Its leases are free when its heartbeats have been missed.
            _log.warning("the end of a stream could not be noted: %s", error)

    def room(self) -> None:
        """The peer has read what was sent: it may be sent more."""
        self._streams.look_for(self._stream)

    def close_if_idle(self) -> None:
        """Close where nothing is left to be reported by a worker that is not wanted any more."""
        if self.leave_when_idle and self._stream.is_idle():
            self._stream.sink.close(GONE, "the worker is not registered any more")

    def _give_back(self, kind: TaskKind, task_id: str, attempt: int | str) -> None:
        had = self._streams.dispatcher.streams.give_back(self._stream, kind, task_id, attempt)
        if had:
            self._streams.look_for(self._stream)

    async def _was_taken(self, kind: TaskKind, task_id: str, attempt: object) -> bool:
        """Whether a report that was never acknowledged was taken before the stream was cut."""
        if not isinstance(attempt, int | str):
            return False
        if (kind, task_id, attempt) not in self._unacknowledged:
            return False
        self._unacknowledged.discard((kind, task_id, attempt))
        task = HeldTask(kind=kind, task_id=task_id, attempt=attempt)
        return await self._streams.store.read(
            lambda read: services.is_reported(read, self.worker, task)
        )

    async def _ask(
        self,
        operation: str,
        message: Mapping[str, Any],
        members: Mapping[str, Any],
        names: Mapping[str, str],
    ) -> Reply:
        door = self._streams.door
        call = self._part({**message, **members}, names)
        return await door.ask(door.operations[operation], call)

    def _part(self, document: Mapping[str, Any], names: Mapping[str, str]) -> Call:
        return msgspec.structs.replace(self._call, document=document, names=names)


def _slots(slots: StreamSlots) -> dict[TaskKind, int]:
    return {"workflow": slots.workflow, "activity": slots.activity, "query": slots.query}


def _kind(word: str) -> TaskKind:
    return next(kind for kind in _TASK if kind == word)
