"""The `Worker`: its settings and its parts."""

import asyncio
import contextlib
import functools
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import durable_workflow
from durable_workflow._meet import (
    WorkerClient,
    WorkerStream,
    WorkerTransport,
    transport_clone_for,
)
from durable_workflow._wire.extensions import HELD_TASKS
from durable_workflow._wire.identifiers import identifier
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.interceptors import WorkerInterceptor
from durable_workflow.interceptors._chain import usable
from durable_workflow.metrics import MetricsRecorder
from durable_workflow.worker._activity_tasks import ActivityTasks
from durable_workflow.worker._background import Background
from durable_workflow.worker._definitions import Identity, definitions_of
from durable_workflow.worker._dispatch import Dispatch, Handlers, Runs
from durable_workflow.worker._handlers import HandlerParts, handlers_of, threads_of
from durable_workflow.worker._heartbeats import Heartbeats, Naming
from durable_workflow.worker._held import HeldTasks
from durable_workflow.worker._lifecycle import Lifecycle, Parts
from durable_workflow.worker._line import Line, Standing
from durable_workflow.worker._machines import MachineCache
from durable_workflow.worker._payloads import payloads_of
from durable_workflow.worker._pollers import PollerCalls, Pollers
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._process_metrics import ProcessMetrics
from durable_workflow.worker._registration import Registration
from durable_workflow.worker._replaying import let_go
from durable_workflow.worker._reporting import Reporter
from durable_workflow.worker._seams import Seams
from durable_workflow.worker._settings import (
    Settings,
    check_build_id,
    check_client,
    check_metrics,
    check_threshold,
)
from durable_workflow.worker._signals import first_signal
from durable_workflow.worker._slots import TaskSlots
from durable_workflow.worker._streaming import Listener, can_stream, stream_of
from durable_workflow.worker._task_metrics import recorder_of
from durable_workflow.worker._thread_kinds import ThreadKinds
from durable_workflow.worker._transports import requests_of
from durable_workflow.worker._turns import Turns
from durable_workflow.worker._until import TaskRunner, UntilClosed

_MEBIBYTE = 1 << 20


class Worker(Seams):
    """Runs workflow and activity code that a server hands out.

    A worker with activities alone asks for no workflow tasks, and the other way round; one with
    neither asks for both, and fails what it gets.

    Attributes:
        client: What speaks to the server.
        task_queue: The queue to serve.
        workflows: Workflow classes by type name.
        activities: Activity functions by name.
        workflow_definition_fingerprints: Type name to a hash of its definition.
        worker_id: Unique id of this worker.
        session: Tells this object from others under the same id; `Client.release_worker` takes it.
        build_id: Version of the code, for rollouts; None for none.
        max_concurrent_workflow_tasks: Most workflow tasks at once.
        max_concurrent_activity_tasks: Most activities at once.
        metrics: Where polls and tasks are counted.
        interceptors: Hooks around tasks, the outermost first.
        external_storage: Where large payloads are kept.
        external_storage_threshold_bytes: From which size on.
        external_storage_cache: Payloads that were fetched before.
    """

    # A simulation puts others in their place, which run all on one event loop.
    _thread_kinds: ClassVar[ThreadKinds] = ThreadKinds()

    def __init__(
        self,
        client: WorkerClient,
        *,
        task_queue: str,
        workflows: Iterable[type] = (),
        activities: Iterable[Callable[..., Any]] = (),
        worker_id: str | None = None,
        build_id: str | None = None,
        poll_timeout: float = 35.0,
        max_concurrent_workflow_tasks: int = 10,
        max_concurrent_activity_tasks: int = 10,
        shutdown_timeout: float = 30.0,
        heartbeat_interval: float = 60.0,
        metrics: MetricsRecorder | None = None,
        interceptors: Iterable[WorkerInterceptor] = (),
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
        external_storage_cache: ExternalPayloadCache | None = None,
        workflow_deadline_seconds: float | None = 2.0,
        max_cached_workflows: int = 1000,
        max_cached_bytes: int = 256 * _MEBIBYTE,
        convert_arguments: bool = True,
    ) -> None:
        """Make a worker. It does nothing before `run` or `run_until`.

        Args:
            client: A `Client`, or anything that has its methods about the worker plane.
            task_queue: The queue to serve.
            workflows: Workflow classes. Of two with one name the last counts.
            activities: Activity functions: coroutine functions run on the event loop, plain ones
                in threads.
            worker_id: Unique id; made up when None.
            build_id: Version of the code, for rollouts.
            poll_timeout: Seconds to wait for the answer to a poll.
            max_concurrent_workflow_tasks: Most workflow tasks at once.
            max_concurrent_activity_tasks: Most activities at once.
            shutdown_timeout: Seconds to wait for tasks when the worker stops.
            heartbeat_interval: Seconds between signs of life; the server's wish wins.
            metrics: Recorder; the client's when None.
            interceptors: Hooks around tasks, the outermost first.
            external_storage: Where large payloads are kept; the client's when None.
            external_storage_threshold_bytes: From which size on; the client's when None.
            external_storage_cache: Payloads that were fetched before; the client's when None.
            workflow_deadline_seconds: Longest that workflow code may run between two yields,
                before its task is failed; None lets it run for ever.
            max_cached_workflows: Most replayed runs to keep in memory, so that their next task
                costs only what is new; 0 keeps none.
            max_cached_bytes: Most bytes that they may hold, by estimate; 0 keeps none.
            convert_arguments: Convert arguments of workflows, signals, queries, updates and
                activities by annotation: JSON becomes dataclasses, models, dates and the like.

        Raises:
            TypeError: The client or the recorder is none, or something is no class, no function or
                no number.
            ValueError: A number or the build id is out of range, or the queue or the worker id is
                blank.
            RuntimeError: This worker id had another definition of one of the types before.
        """
        check_client(client)
        check_build_id(build_id)
        check_metrics(metrics)
        check_threshold(external_storage_threshold_bytes)
        self._settings = Settings(
            poll_timeout=poll_timeout,
            max_concurrent_workflow_tasks=max_concurrent_workflow_tasks,
            max_concurrent_activity_tasks=max_concurrent_activity_tasks,
            shutdown_timeout=shutdown_timeout,
            heartbeat_interval=heartbeat_interval,
            workflow_deadline_seconds=workflow_deadline_seconds,
            max_cached_workflows=max_cached_workflows,
            max_cached_bytes=max_cached_bytes,
        )
        self.client = client
        self._standing = Standing()
        self._transport = Line(requests_of(client), self._standing)
        self.task_queue = identifier("task_queue", task_queue)
        self.worker_id = (
            f"py-worker-{uuid.uuid4().hex[:8]}"
            if worker_id is None
            else identifier("worker_id", worker_id)
        )
        self.build_id = build_id
        self.max_concurrent_workflow_tasks = max_concurrent_workflow_tasks
        self.max_concurrent_activity_tasks = max_concurrent_activity_tasks
        self.metrics = recorder_of(client) if metrics is None else metrics
        self.interceptors = usable(interceptors)
        self._payloads = payloads_of(
            client,
            task_queue=self.task_queue,
            external_storage=external_storage,
            threshold_bytes=external_storage_threshold_bytes,
            cache=external_storage_cache,
            converts=convert_arguments,
        )
        self.external_storage = self._payloads.external_storage
        self.external_storage_threshold_bytes = self._payloads.threshold_bytes
        self.external_storage_cache = self._payloads.cache
        self._identity = Identity(self.worker_id, self.task_queue, build_id, uuid.uuid4().hex)
        self.session = self._identity.session
        self._definitions = definitions_of(self.worker_id, workflows, activities)
        self.workflows = self._definitions.workflows
        self.activities = self._definitions.activities
        self.workflow_definition_fingerprints = self._definitions.fingerprints
        self._assemble()

    def _assemble(self) -> None:
        """Make the parts. They call the private names of `Seams`, which may be replaced."""
        self._pacing = Pacing(asyncio.Event())
        self._slots = TaskSlots(self._settings)
        self._held = HeldTasks()
        self._process_metrics = ProcessMetrics()
        self._reporter = Reporter(self._transport, self.worker_id, self._payloads)
        self._threads = threads_of(self.worker_id, self._settings, self._thread_kinds)
        self._machines = MachineCache(
            self._settings.max_cached_workflows,
            self._settings.max_cached_bytes,
            functools.partial(let_go, threads=self._threads.workflow),
        )
        self._registration = Registration(
            self._identity,
            self._definitions,
            transport=self._transport,
            slots=self._slots,
            keeps_machines=self._machines.enabled,
            process_metrics=lambda: self._current_process_metrics(),
            adopt=lambda reply: self._heartbeats.adopt(reply),
            register=lambda: self._register(),
        )
        self._handlers = self._make_handlers()
        self._dispatch = Dispatch(
            self._identity,
            self._handlers,
            runs=Runs(
                workflow=lambda task: self._run_workflow_task(task),
                activity=lambda task: self._run_activity_task(task),
                query=lambda task, reporter: self._run_query_task(task, reporter),
            ),
            slots=self._slots,
            held=self._held,
            metrics=self.metrics,
            interceptors=self.interceptors,
            reporter=self._reporter,
            standing=self._standing,
        )
        self._pollers = self._make_pollers()
        self._heartbeats, self._background = self._make_background()
        self._lifecycle = Lifecycle(
            self._identity,
            Parts(
                registration=self._registration,
                pollers=self._pollers,
                dispatch=self._dispatch,
                background=self._background,
                standing=self._standing,
                open_stream=self._open_stream,
                reporter=self._reporter,
                watch=self._thread_kinds.watch(ActivityTasks.run_attempt.__code__),
                machines=self._machines,
                threads=(self._threads.workflow, self._threads.activity),
            ),
            pacing=self._pacing,
            where=str(getattr(self.client, "base_url", None) or "an address of its client's own"),
            shutdown_timeout=self._settings.shutdown_timeout,
            can_clone=self._can_clone,
            can_stream=lambda: self._can_clone() and can_stream(self._transport.requests),
        )

    def _make_handlers(self) -> Handlers:
        parts = HandlerParts(
            self._transport,
            self._payloads,
            self._reporter,
            self._registration,
            self._machines,
            self._held,
            self.interceptors,
            self.metrics,
            self._standing,
            self._threads,
        )
        return handlers_of(self._identity, self._definitions, self._settings, parts)

    def _make_pollers(self) -> Pollers:
        return Pollers(
            self._identity,
            self._definitions,
            self._settings,
            transport=self._transport,
            registration=self._registration,
            dispatch=self._dispatch,
            calls=PollerCalls(
                dispatch_workflow_task=lambda task: self._dispatch_workflow_task(task),
                dispatch_activity_task=lambda task: self._dispatch_activity_task(task),
                track=lambda task: self._track(task),
                poll_workflow_tasks=lambda: self._poll_workflow_tasks(),
                start_query_thread=lambda: self._start_query_task_thread(),
                clone_client=lambda: self._clone_client_for_query_tasks(),
                can_clone=self._can_clone,
                make_thread=self._thread_kinds.client,
            ),
            slots=self._slots,
            pacing=self._pacing,
            metrics=self.metrics,
            reporter=self._reporter_through,
            standing=self._standing,
        )

    def _make_background(self) -> tuple[Heartbeats, Background]:
        registration = self._registration
        heartbeats = Heartbeats(
            self._transport,
            self.worker_id,
            self._settings.heartbeat_interval,
            naming=Naming(
                self._identity.session, self._held, lambda: registration.uses(HELD_TASKS)
            ),
            task_slots=self._slots.available,
            process_metrics=lambda: self._current_process_metrics(),
            register_again=lambda: self._background.register_again(),
        )
        background = Background(
            self.worker_id,
            heartbeats,
            clone_client=lambda: self._clone_client_for_query_tasks(),
            register_again=self._pollers.register_again,
            standing=self._standing,
            make_thread=self._thread_kinds.client,
        )
        return heartbeats, background

    def _open_stream(self, requests: WorkerTransport) -> WorkerStream | None:
        slots = {
            "workflow": self._slots.most["workflow"] if self._definitions.serves_workflows else 0,
            "activity": self._slots.most["activity"] if self._definitions.serves_activities else 0,
            "query": 1 if self._registration.answers_queries else 0,
        }
        listener = Listener(
            self._identity,
            self._held,
            heartbeats=self._heartbeats,
            machines=self._machines,
            standing=self._standing,
            register_again=self._background.register_again,
        )
        limits = self._registration.offer.limits
        return stream_of(requests, self._identity, slots, listener, limits=limits)

    def _reporter_through(self, transport: WorkerTransport) -> Reporter:
        if transport is self._transport:
            return self._reporter
        return Reporter(transport, self.worker_id, self._payloads)

    def _can_clone(self) -> bool:
        return transport_clone_for(self.client) is not None

    # --- life -----------------------------------------------------------------------------

    async def run(self, *, handle_signals: bool = False) -> None:
        """Register, then serve the queue until `stop` is called or this task is cancelled.

        Returns once the tasks in flight have ended too, where `stop` ended it. Being cancelled
        ends it at once, and is not raised. A worker that was stopped stays so: it returns at once,
        and says so in the log.

        A server that cannot be reached, or answers 429 or 5xx, is waited for: one warning names it.

        Args:
            handle_signals: Stop on SIGTERM and SIGINT as `stop` does; a second one ends at once.
                Otherwise signals are the program's: SIGTERM ends it as it is, and Ctrl-C under
                `asyncio.run` cancels this task.

        Raises:
            RuntimeError: The server is not compatible, or gave another answer than cluster info; or
                an operator deregistered the worker; or it runs already.
            Unauthorized: The login was refused.
            ValueError: `handle_signals` outside of the main thread.
        """
        with first_signal(self._stop.set) if handle_signals else contextlib.nullcontext():
            await self._lifecycle.serve()

    async def run_until(
        self, *, workflow_id: str, timeout: float = 60.0, poll_interval: float = 0.5
    ) -> "durable_workflow.WorkflowExecution":
        """Serve the queue, one task at a time, until a workflow has ended.

        Args:
            workflow_id: The workflow to wait for.
            timeout: Seconds to give it, looked at between tasks: one that runs is not broken off.
            poll_interval: Seconds to wait after a poll that brought nothing, and between two looks
                at the workflow while the server holds the polls.

        Returns:
            The description of the ended workflow.

        Raises:
            TimeoutError: It has not ended in time, or the server could not be reached in it.
            RuntimeError: The server is not compatible, or gave another answer than cluster info.
            Unauthorized: The login was refused.
        """
        deadline = time.monotonic() + timeout
        if not await self._lifecycle.start(deadline, streams=False):
            raise RuntimeError(f"worker {self.worker_id} was stopped before it was registered")
        until_closed = UntilClosed(
            transport=self._transport,
            pacing=self._pacing,
            tasks=TaskRunner(
                run_workflow_task=self._run_workflow_task,
                run_activity_task=self._run_activity_task,
                workflow_tasks=self._handlers.workflow,
                activity_tasks=self._handlers.activity,
            ),
            workflow_id=workflow_id,
            timeout=timeout,
            deadline=deadline,
            poll_interval=poll_interval,
        )
        turns = Turns(self._pollers.target("workflow"), self._pollers.target("activity"))
        try:
            return await until_closed.serve(turns)
        finally:
            await turns.end()
            await self.stop()

    async def stop(self) -> None:
        """Stop asking for work, and wait for what is in flight up to `shutdown_timeout`.

        What is left then is cancelled, and half a second later left behind. The worker says
        goodbye, so that what it did not report is free for others at once. May be called more than
        once.
        """
        await self._lifecycle.stop()
