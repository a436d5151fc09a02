"""The worker: what it is made of, and what it does from registration to its end."""

import asyncio
import contextlib
import functools
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import durable_workflow
from durable_workflow._meet import WorkerClient, transport_clone_for
from durable_workflow._wire.identifiers import identifier
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.interceptors import (
    WorkerInterceptor,
)
from durable_workflow.interceptors._chain import chain_workflow_task
from durable_workflow.metrics import MetricsRecorder
from durable_workflow.worker._activity_tasks import ActivityTasks
from durable_workflow.worker._client_thread import ClientThread
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._compatibility import (
    HELD_TASKS,
    PASSED_SIGNALS,
    STICKY_HISTORY,
    Offer,
)
from durable_workflow.worker._fingerprints import (
    activity_name,
    fingerprint,
    guard_definition,
    workflow_name,
)
from durable_workflow.worker._heartbeats import Heartbeats, Naming, on_loop
from durable_workflow.worker._held import HeldTasks
from durable_workflow.worker._histories import Histories
from durable_workflow.worker._log import log
from durable_workflow.worker._machines import MachineCache
from durable_workflow.worker._payloads import payloads_of
from durable_workflow.worker._polling import POLLERS_PER_KIND, Pacing, Waiting
from durable_workflow.worker._process_metrics import ProcessMetrics
from durable_workflow.worker._query_tasks import QueryTasks
from durable_workflow.worker._replaying import let_go
from durable_workflow.worker._reporting import Reporter
from durable_workflow.worker._settings import Settings, check_build_id, check_threshold
from durable_workflow.worker._signals import first_signal
from durable_workflow.worker._stopping import Stopping
from durable_workflow.worker._task_metrics import recorder_of
from durable_workflow.worker._transports import transport_of
from durable_workflow.worker._turns import Turns
from durable_workflow.worker._until import TaskRunner, UntilClosed
from durable_workflow.worker._workflow_tasks import WorkflowTasks

_MEBIBYTE = 1 << 20
# Besides workflow tasks, code threads serve queries: of the query thread, and of the loop.
_QUERY_THREADS = 2


class Worker(Stopping):
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
        build_id: Version of the code, for rollouts; None for none.
        max_concurrent_workflow_tasks: Most workflow tasks at once.
        max_concurrent_activity_tasks: Most activities at once.
        metrics: Where polls and tasks are counted.
        interceptors: Hooks around tasks, the outermost first.
        external_storage: Where large payloads are kept.
        external_storage_threshold_bytes: From which size on.
        external_storage_cache: Payloads that were fetched before.
    """

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

        Raises:
            ValueError: A number or the build id is out of range, or the queue or the worker id is
                blank.
            RuntimeError: This worker id had another definition of one of the types before.
        """
        check_build_id(build_id)
        check_threshold(external_storage_threshold_bytes)
        self._settings = settings = Settings(
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
        self._transport = transport_of(client)
        self.task_queue = identifier("task_queue", task_queue)
        self.worker_id = (
            f"py-worker-{uuid.uuid4().hex[:8]}"
            if worker_id is None
            else identifier("worker_id", worker_id)
        )
        self.build_id = build_id
        self.max_concurrent_workflow_tasks = settings.max_concurrent_workflow_tasks
        self.max_concurrent_activity_tasks = settings.max_concurrent_activity_tasks
        self.metrics = recorder_of(client) if metrics is None else metrics
        self.interceptors = tuple(interceptors)
        self._payloads = payloads_of(
            client,
            task_queue=self.task_queue,
            external_storage=external_storage,
            threshold_bytes=external_storage_threshold_bytes,
            cache=external_storage_cache,
        )
        self.external_storage = self._payloads.external_storage
        self.external_storage_threshold_bytes = self._payloads.threshold_bytes
        self.external_storage_cache = self._payloads.cache
        self._take_definitions(workflows, activities)
        self._assemble(settings)

    def _take_definitions(
        self, workflows: Iterable[type], activities: Iterable[Callable[..., Any]]
    ) -> None:
        self.workflows = {workflow_name(each): each for each in workflows}
        self.activities = {activity_name(each): each for each in activities}
        for name, each in self.workflows.items():
            if not callable(getattr(each, "run", None)):
                log.warning(
                    "workflow class %s.%s (type %r) has no method `run`: each of its tasks will "
                    "fail",
                    each.__module__,
                    each.__qualname__,
                    name,
                )
        self.workflow_definition_fingerprints = {
            name: fingerprint(each, name) for name, each in self.workflows.items()
        }
        for name, value in self.workflow_definition_fingerprints.items():
            guard_definition(self.worker_id, name, value)

    def _assemble(self, settings: Settings) -> None:
        self._drained = asyncio.Event()
        self._pacing = Pacing(asyncio.Event())
        self._workflow_polls = Waiting()
        self._activity_polls = Waiting()
        self._wf_semaphore = asyncio.Semaphore(settings.max_concurrent_workflow_tasks)
        self._act_semaphore = asyncio.Semaphore(settings.max_concurrent_activity_tasks)
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._busy = {"workflow": 0, "activity": 0}
        self._offer = Offer()
        self._pollers: set[asyncio.Task[None]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._registering: asyncio.Task[None] | None = None
        self._register_again_on_loop: Callable[[], Awaitable[None]] = self._register_again
        self._stopping: asyncio.Task[None] | None = None
        self._query_thread: ClientThread | None = None
        self._heartbeat_thread: ClientThread | None = None
        self._session = uuid.uuid4().hex
        self._is_registered = False
        self._held = HeldTasks()
        self._polls_queries = False
        self._process_metrics = ProcessMetrics()
        self._workflow_threads = CodeThreads(
            f"{self.worker_id}-workflow",
            settings.max_concurrent_workflow_tasks + _QUERY_THREADS,
            limit_seconds=settings.workflow_deadline_seconds,
        )
        self._machines = MachineCache(
            settings.max_cached_workflows,
            settings.max_cached_bytes,
            functools.partial(let_go, threads=self._workflow_threads),
        )
        self._activity_threads = CodeThreads(
            f"{self.worker_id}-activity", settings.max_concurrent_activity_tasks
        )
        self._reporter = Reporter(self._transport, self.worker_id, self._payloads)
        self._workflow_tasks = WorkflowTasks(
            self.workflows,
            payloads=self._payloads,
            threads=self._workflow_threads,
            machines=self._machines,
            reporter=self._reporter,
            histories=Histories(self._transport, self.worker_id),
            keeps_history=lambda: STICKY_HISTORY in self._used_extensions(),
            limits=lambda: self._offer.limits,
            # Of servers that list no extensions it is not known what they make of further fields.
            names_waits=lambda: bool(self._offer.extensions),
            notes_signals=lambda: PASSED_SIGNALS in self._offer.extensions,
        )
        self._activity_tasks = ActivityTasks(
            self.activities,
            transport=self._transport,
            worker_id=self.worker_id,
            payloads=self._payloads,
            threads=self._activity_threads,
            reporter=self._reporter,
            held=self._held,
            interceptors=self.interceptors,
        )
        self._query_tasks = QueryTasks(
            self.workflows,
            payloads=self._payloads,
            threads=self._workflow_threads,
            machines=self._machines,
        )
        self._heartbeats = Heartbeats(
            self._transport,
            self.worker_id,
            settings.heartbeat_interval,
            naming=Naming(self._session, self._held, lambda: HELD_TASKS in self._used_extensions()),
            task_slots=self._task_slots,
            process_metrics=self._current_process_metrics,
            register_again=lambda: self._register_again_on_loop(),
        )
        self._handle_workflow_task = chain_workflow_task(
            self.interceptors, lambda context: self._workflow_tasks.execute(context.task)
        )

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
            RuntimeError: The server is not compatible, or gave another answer than cluster info.
            Unauthorized: The login was refused.
            ValueError: `handle_signals` outside of the main thread.
        """
        with first_signal(self._stop.set) if handle_signals else contextlib.nullcontext():
            await self._serve()

    async def _serve(self) -> None:
        if self._stopping is not None:
            log.warning(
                "worker %s was stopped, by stop() or at the end of run_until(), and does not serve "
                "task queue %s again: make a new Worker for it",
                self.worker_id,
                self.task_queue,
            )
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            if await self._register_first():
                self._start_background()
                self._start_pollers()
                await asyncio.wait({stopping, *self._pollers}, return_when=asyncio.FIRST_COMPLETED)
            crashed = [each for each in self._pollers if each.done() and not each.cancelled()]
            await self.stop()
            for poller in crashed:
                poller.result()
        except asyncio.CancelledError:
            await self._abandon()
        finally:
            stopping.cancel()

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
        if not await self._register_first(deadline):
            raise RuntimeError(f"worker {self.worker_id} was stopped before it was registered")
        self._reporter.patient = True
        until_closed = UntilClosed(
            transport=self._transport,
            pacing=self._pacing,
            tasks=TaskRunner(
                run_workflow_task=self._run_workflow_task,
                run_activity_task=self._run_activity_task,
                workflow_tasks=self._workflow_tasks,
                activity_tasks=self._activity_tasks,
            ),
            workflow_id=workflow_id,
            timeout=timeout,
            deadline=deadline,
            poll_interval=poll_interval,
        )
        turns = Turns(self._workflow_target(), self._activity_target())
        try:
            self._start_background()
            return await until_closed.serve(turns)
        finally:
            await turns.end()
            await self.stop()

    def _start_background(self) -> None:
        self._start_heartbeats()
        self._start_query_polling()

    def _start_heartbeats(self) -> None:
        """In a thread, where they count: no code that blocks the event loop must stop them."""
        loop = asyncio.get_running_loop()
        self._register_again_on_loop = on_loop(loop, self._register_again)
        if HELD_TASKS not in self._used_extensions() or transport_clone_for(self.client) is None:
            self._spawn(self._background, self._heartbeats.run(Pacing(self._drained)))
            return

        async def serve(client: WorkerClient, pacing: Pacing) -> None:
            await self._heartbeats.run(pacing, transport_of(client))

        name = f"durable-workflow-heartbeats-{self.worker_id}"
        self._heartbeat_thread = ClientThread(name, self._clone_client_for_query_tasks, serve)
        self._heartbeat_thread.start()

    def _start_pollers(self) -> None:
        self._reporter.patient = True
        if self._serves_workflows:
            for _ in range(min(POLLERS_PER_KIND, self.max_concurrent_workflow_tasks)):
                self._spawn(self._pollers, self._poll_workflow_tasks())
        if self.activities or not self.workflows:
            for _ in range(min(POLLERS_PER_KIND, self.max_concurrent_activity_tasks)):
                self._spawn(self._pollers, self._poll_activity_tasks())

    @staticmethod
    def _spawn(group: set[asyncio.Task[None]], work: Any) -> None:
        group.add(asyncio.create_task(work))
