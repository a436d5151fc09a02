"""The pollers of a worker: for tasks on its event loop, for queries in a thread."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from durable_workflow._meet import WorkerClient, WorkerTransport
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.metrics import MetricsRecorder
from durable_workflow.worker._client_thread import ClientThread
from durable_workflow.worker._definitions import Definitions, Identity
from durable_workflow.worker._dispatch import Dispatch
from durable_workflow.worker._line import Line, Standing
from durable_workflow.worker._polling import (
    POLLERS_PER_KIND,
    Begin,
    Deregistered,
    Pacing,
    Poller,
    PollTarget,
    Waiting,
)
from durable_workflow.worker._registration import Registration
from durable_workflow.worker._reporting import Reporter
from durable_workflow.worker._settings import Settings
from durable_workflow.worker._slots import TaskSlots
from durable_workflow.worker._thread_kinds import MakeClientThread
from durable_workflow.worker._transports import requests_of

# For a query that is cancelled to unwind.
_UNWINDING_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class PollerCalls:
    """What pollers call of the worker, at the time of the call.

    Attributes:
        dispatch_workflow_task: Runs a workflow task.
        dispatch_activity_task: Runs an activity task.
        track: Knows about a task of the event loop until it ends.
        poll_workflow_tasks: One poller of workflow tasks.
        start_query_thread: Polls queries in a thread, where it can; returns whether.
        clone_client: Makes a client for a thread.
        can_clone: Whether the client can be copied.
        make_thread: Makes the thread of the queries.
    """

    dispatch_workflow_task: Callable[[JsonObject], Coroutine[Any, Any, None]]
    dispatch_activity_task: Callable[[JsonObject], Coroutine[Any, Any, None]]
    track: Callable[[asyncio.Task[None]], asyncio.Task[None]]
    poll_workflow_tasks: Callable[[], Coroutine[Any, Any, None]]
    start_query_thread: Callable[[], bool]
    clone_client: Callable[[], Any]
    can_clone: Callable[[], bool]
    make_thread: MakeClientThread


class Pollers:
    """The pollers of one worker.

    Attributes:
        drains_until: How long queries in flight are waited for once the worker stops, on the
            monotonic clock; None for not at all.
        tasks: Those on the worker's event loop.
        query_thread: What polls queries while that loop is busy; None before, and where the client
            cannot be copied.
    """

    def __init__(
        self,
        identity: Identity,
        definitions: Definitions,
        settings: Settings,
        *,
        transport: Line,
        registration: Registration,
        dispatch: Dispatch,
        calls: PollerCalls,
        slots: TaskSlots,
        pacing: Pacing,
        metrics: MetricsRecorder,
        reporter: Callable[[WorkerTransport], Reporter],
        standing: Standing,
    ) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.query_thread: ClientThread | None = None
        self.drains_until: float | None = None
        self._identity = identity
        self._definitions = definitions
        self._settings = settings
        self._transport = transport
        self._registration = registration
        self._dispatch = dispatch
        self._calls = calls
        self._slots = slots
        self._pacing = pacing
        self._metrics = metrics
        self._reporter = reporter
        self._standing = standing
        self._waiting = {"workflow": Waiting(), "activity": Waiting()}
        self._polls_queries = False

    @property
    def poll_timeout(self) -> float:
        """Seconds to wait for the answer to a poll."""
        return self._registration.offer.poll_timeout(self._settings.poll_timeout)

    def start(self) -> None:
        """Begin to ask for workflow and activity tasks, whichever the worker can run."""
        if self._definitions.serves_workflows:
            for _ in range(min(POLLERS_PER_KIND, self._slots.most["workflow"])):
                self.tasks.add(asyncio.create_task(self._calls.poll_workflow_tasks()))
        if self._definitions.serves_activities:
            for _ in range(min(POLLERS_PER_KIND, self._slots.most["activity"])):
                self.tasks.add(asyncio.create_task(self.poll("activity")))

    async def poll(self, kind: str) -> None:
        """One poller, until the worker stops."""
        await Poller(self.target(kind), self._pacing).run()

    def target(self, kind: str) -> PollTarget:
        """How workflow or activity tasks are asked for, and what becomes of them."""
        is_workflow = kind == "workflow"

        def begin(task: JsonObject) -> asyncio.Task[None]:
            calls = self._calls
            dispatch = calls.dispatch_workflow_task if is_workflow else calls.dispatch_activity_task
            return calls.track(asyncio.create_task(dispatch(task)))

        async def start(task: JsonObject) -> asyncio.Task[None]:
            return begin(task)

        return PollTarget(
            kind=kind,
            task_queue=self._identity.task_queue,
            poll=lambda begin: self._poll_once(self._transport, kind, begin),
            begin=begin,
            start=start,
            slots=self._slots.workflow if is_workflow else self._slots.activity,
            metrics=self._metrics,
            waiting=self._waiting[kind],
            is_pushed=lambda: self._transport.is_streaming,
            register_again=self.register_again,
        )

    async def register_again(self) -> None:
        """Register with a server that has forgotten the worker; it may answer queries now."""
        await self._registration.again()
        if not self._pacing.stop.is_set():
            self.start_queries()

    # --- queries --------------------------------------------------------------------------

    def start_queries(self) -> None:
        """Begin to ask for queries, where the server has them. A second call does nothing."""
        if self._polls_queries or not self._registration.answers_queries:
            return
        self._polls_queries = True
        if not self._calls.start_query_thread():
            target = self._query_target(
                self._transport, self.register_again, track=self._calls.track
            )
            self.tasks.add(asyncio.create_task(Poller(target, self._pacing).run()))

    def start_query_thread(self) -> bool:
        """Poll queries in a thread, where the client can be copied for it; returns whether."""
        if not self._calls.can_clone():
            return False

        async def serve(client: WorkerClient, pacing: Pacing) -> None:
            line = Line(requests_of(client), self._standing)
            # The pollers of tasks end the worker then.
            with contextlib.suppress(Deregistered):
                await Poller(self._query_target(line, None), pacing).run()

        name = f"durable-workflow-query-poller-{self._identity.worker_id}"
        self.query_thread = self._calls.make_thread(name, self._calls.clone_client, serve)
        self.query_thread.start()
        return True

    def _query_target(
        self,
        transport: Line,
        register_again: Callable[[], Awaitable[None]] | None,
        *,
        track: Callable[[asyncio.Task[None]], asyncio.Task[None]] | None = None,
    ) -> PollTarget:
        """How queries are asked for.

        Args:
            transport: Of the event loop that polls.
            register_again: Registers, where the poller has to see to that.
            track: Knows about what answers a query until that ends. None in a thread, whose end
                waits for the query itself.
        """
        reporter = self._reporter(transport)

        async def start(task: JsonObject) -> None:
            # A task of its own: whoever asked is answered, though the poller is cancelled.
            answering = asyncio.create_task(self._dispatch.dispatch_query_task(task, reporter))
            if track is not None:
                await asyncio.shield(track(answering))
                return
            try:
                await asyncio.shield(answering)
            except asyncio.CancelledError:
                await _end_in_time(answering, self.drains_until)
                raise

        return PollTarget(
            kind="query",
            task_queue=self._identity.task_queue,
            poll=lambda _: self._poll_once(transport, "query", None),
            start=start,
            slots=None,
            metrics=self._metrics,
            register_again=register_again,
        )

    def _poll_once(self, transport: Line, kind: str, begin: Begin | None) -> Awaitable[Any]:
        body = {
            "worker_id": self._identity.worker_id,
            "task_queue": self._identity.task_queue,
            **self._registration.session_fields(),
        }
        return transport.poll(kind, body, timeout=self.poll_timeout, begin=begin)


async def _end_in_time(answering: asyncio.Task[None], until: float | None) -> None:
    """Wait for a query until then, and cancel what is left of it."""
    try:
        if until is not None:
            await asyncio.wait({answering}, timeout=max(0.0, until - time.monotonic()))
    finally:
        answering.cancel()
    await asyncio.wait({answering}, timeout=_UNWINDING_SECONDS)
