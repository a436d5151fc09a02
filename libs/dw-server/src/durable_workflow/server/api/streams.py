"""The streams of all workers: opened, given query tasks, kept in step with the store, ended."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Coroutine
from typing import Any, Final

from durable_workflow.metrics import SERVER_STREAMS, MetricsRecorder
from durable_workflow.metrics._counting import add_one
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.signs_of_life import SignsOfLife
from durable_workflow.server.api.worker_stream import Door, WorkerStream, slots_of
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.dispatch.streams import KINDS, Sink, Stream
from durable_workflow.server.notices import TaskKind
from durable_workflow.server.querying import PendingQueries, offering
from durable_workflow.server.requests import OpenStream, PollTask, QueryTaskOwner
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import streams as services
from durable_workflow.server.store import Store
from durable_workflow.server.views import namespaces
from durable_workflow.server.views.workers import SHARED_ID

_log = logging.getLogger(__name__)

# Close codes are 4000 and the status that HTTP would have.
REPLACED: Final = 4409
NOT_FOUND: Final = 4404
SILENT: Final = 4408


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
        slots = slots_of(asked.slots)
        stream = Stream(opened.worker, slots, sink, names_claims=asked.claims)
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
        worker = opened.worker
        budget = self.settings.admission.budget("workflow", worker.namespace, worker.task_queue)
        if asked.decides and not budget.limits_anything:
            welcome["takes_decisions"] = welcome["passes_on"] = True
        if opened.shares_id:
            welcome["warnings"] = [SHARED_ID]
        held = {
            (task.kind, task.task_id, task.attempt)
            for task in asked.held
            if task.task_id not in dropped
        }
        found = WorkerStream(self, stream, call, opened.worker, welcome, held)
        self._open[stream] = found
        self.count("opened")
        return found

    def count(self, event: str) -> None:
        """Count what becomes of streams."""
        add_one(self.metrics, SERVER_STREAMS, {"event": event})

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
        if stream in self._asking or stream.credits("query") <= 0 or stream not in self._open:
            return
        worker = stream.worker
        self.queries.note_poll(worker.namespace, worker.task_queue, worker.worker_id)
        # With each report a worker can take more, and mostly nobody asks anything.
        if self.queries.pending(worker.namespace, worker.task_queue):
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


def _kind(word: str) -> TaskKind:
    return next(kind for kind in KINDS if kind == word)
