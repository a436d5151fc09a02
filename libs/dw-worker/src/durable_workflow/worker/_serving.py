"""What a worker asks for, and what it does with the answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from durable_workflow._meet import WorkerClient, WorkerTransport, transport_clone_for
from durable_workflow.interceptors import (
    QueryTaskInterceptorContext,
    WorkerInterceptor,
    WorkflowTaskHandler,
    WorkflowTaskInterceptorContext,
)
from durable_workflow.interceptors._chain import chain_query_task
from durable_workflow.metrics import MetricsRecorder
from durable_workflow.worker._activity_tasks import ActivityTasks
from durable_workflow.worker._client_thread import ClientThread
from durable_workflow.worker._contained import Ended, contained
from durable_workflow.worker._held import HeldTasks
from durable_workflow.worker._log import log
from durable_workflow.worker._payloads import Payloads
from durable_workflow.worker._polling import Pacing, Poller, PollTarget, Waiting
from durable_workflow.worker._query_tasks import QueryTasks
from durable_workflow.worker._registration import Registering
from durable_workflow.worker._reporting import Reporter
from durable_workflow.worker._task_metrics import TaskObservation
from durable_workflow.worker._tasks import JsonObject
from durable_workflow.worker._transports import transport_of
from durable_workflow.worker._workflow_tasks import WorkflowTasks

T = TypeVar("T")


class Serving(Registering):
    """The part of a worker that gets tasks and does them."""

    metrics: MetricsRecorder
    interceptors: tuple[WorkerInterceptor, ...]
    _pacing: Pacing
    _workflow_polls: Waiting
    _activity_polls: Waiting
    _wf_semaphore: asyncio.Semaphore
    _act_semaphore: asyncio.Semaphore
    _in_flight: set[asyncio.Task[Any]]
    _pollers: set[asyncio.Task[None]]
    _query_thread: ClientThread | None
    _held: HeldTasks
    _polls_queries: bool
    _payloads: Payloads
    _reporter: Reporter
    _workflow_tasks: WorkflowTasks
    _activity_tasks: ActivityTasks
    _query_tasks: QueryTasks
    _handle_workflow_task: WorkflowTaskHandler

    @property
    def _stop(self) -> asyncio.Event:
        return self._pacing.stop

    @_stop.setter
    def _stop(self, event: asyncio.Event) -> None:
        # Existing test suites put an event of theirs here; the pollers wait for the same one.
        self._pacing.stop = event

    async def _poll_workflow_tasks(self) -> None:
        """One poller of workflow tasks."""
        await Poller(self._workflow_target(), self._pacing).run()

    async def _poll_activity_tasks(self) -> None:
        """One poller of activity tasks."""
        await Poller(self._activity_target(), self._pacing).run()

    async def _poll_query_tasks(self) -> None:
        """The poller of query tasks on this event loop, one query at a time."""
        await Poller(self._query_target(self._transport, self._register_again), self._pacing).run()

    def _workflow_target(self) -> PollTarget:
        async def start(task: JsonObject) -> asyncio.Task[None]:
            return self._track(asyncio.create_task(self._dispatch_workflow_task(task)))

        return PollTarget(
            kind="workflow",
            task_queue=self.task_queue,
            poll=lambda: self._poll(self._transport, "workflow"),
            start=start,
            slots=self._wf_semaphore,
            metrics=self.metrics,
            waiting=self._workflow_polls,
            register_again=self._register_again,
        )

    def _activity_target(self) -> PollTarget:
        async def start(task: JsonObject) -> asyncio.Task[None]:
            return self._track(asyncio.create_task(self._dispatch_activity_task(task)))

        return PollTarget(
            kind="activity",
            task_queue=self.task_queue,
            poll=lambda: self._poll(self._transport, "activity"),
            start=start,
            slots=self._act_semaphore,
            metrics=self.metrics,
            waiting=self._activity_polls,
            register_again=self._register_again,
        )

    def _query_target(
        self, transport: WorkerTransport, register_again: Callable[[], Awaitable[None]] | None
    ) -> PollTarget:
        async def start(task: JsonObject) -> None:
            try:
                await contained(self._run_query_task(task, transport))
            except Exception as error:  # noqa: BLE001 - reported, and logged there
                reporter = self._reporter_through(transport)
                await self._query_tasks.fail_unhandled(task, _cause_of(error), reporter)

        return PollTarget(
            kind="query",
            task_queue=self.task_queue,
            poll=lambda: self._poll(transport, "query"),
            start=start,
            slots=None,
            metrics=self.metrics,
            register_again=register_again,
        )

    async def _poll(self, transport: WorkerTransport, kind: str) -> Any:
        body = {
            "worker_id": self.worker_id,
            "task_queue": self.task_queue,
            **self._session_options(),
        }
        return await transport.poll(kind, body, timeout=self._poll_timeout)

    async def _register_again(self) -> None:
        """Also: the server may answer queries now."""
        await super()._register_again()
        if not self._stop.is_set():
            self._start_query_polling()

    def _start_query_polling(self) -> None:
        if self._polls_queries or not self._answers_queries:
            return
        self._polls_queries = True
        if not self._start_query_task_thread():
            self._pollers.add(asyncio.create_task(self._poll_query_tasks()))

    def _start_query_task_thread(self) -> bool:
        """Poll queries in a thread, where the client can be copied for it; returns whether."""
        if transport_clone_for(self.client) is None:
            return False

        async def serve(client: WorkerClient, pacing: Pacing) -> None:
            await Poller(self._query_target(transport_of(client), None), pacing).run()

        name = f"durable-workflow-query-poller-{self.worker_id}"
        thread = ClientThread(name, self._clone_client_for_query_tasks, serve)
        self._query_thread = thread
        thread.start()
        return True

    def _clone_client_for_query_tasks(self) -> Any:
        """A client for the query thread; None where this one cannot be copied."""
        factory = transport_clone_for(self.client)
        return None if factory is None else factory(self.client)

    # --- tasks ----------------------------------------------------------------------------

    def _track(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        """Know about a task until it ends, so that `stop` can wait for it."""
        self._in_flight.add(task)
        task.add_done_callback(self._untrack)
        return task

    def _untrack(self, task: asyncio.Task[Any]) -> None:
        self._in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of the worker ended in an error", exc_info=error)

    async def _dispatch_workflow_task(self, task: JsonObject) -> None:
        """Run a workflow task for a poller, whatever comes of it, and give the slot back."""
        self._busy["workflow"] += 1
        try:
            await contained(self._run_workflow_task(task))
        except Exception as error:  # noqa: BLE001 - reported, and logged there
            await self._workflow_tasks.fail_unhandled(task, _cause_of(error))
        finally:
            self._busy["workflow"] -= 1
            self._wf_semaphore.release()

    async def _dispatch_activity_task(self, task: JsonObject) -> None:
        """Run an activity task for a poller, whatever comes of it, and give the slot back."""
        self._busy["activity"] += 1
        try:
            await contained(self._run_activity_task(task))
        except Ended as ended:
            await self._activity_tasks.fail_unhandled(task, ended.error)
        except Exception:  # noqa: BLE001 - logged; the attempt is retried when its lease ends
            log.exception("unhandled error in activity task %s", task.get("task_id"))
        finally:
            self._busy["activity"] -= 1
            self._activity_tasks.release_when_free(task, self._act_semaphore)

    async def _run_workflow_task(self, task: JsonObject) -> list[JsonObject] | None:
        """Run a workflow task; returns its commands, or None when it was failed."""
        with (
            TaskObservation(self.metrics, "workflow", self.task_queue) as observation,
            self._held.holding("workflow", task),
        ):
            commands = await self._handle_workflow_task(
                WorkflowTaskInterceptorContext(self.worker_id, self.task_queue, task)
            )
            observation.outcome = "failed" if commands is None else "completed"
            return commands

    async def _run_activity_task(self, task: JsonObject) -> str:
        """Run an activity task; returns its outcome."""
        with (
            TaskObservation(self.metrics, "activity", self.task_queue) as observation,
            self._held.holding("activity", task),
        ):
            observation.outcome = await self._activity_tasks.execute(task)
            return observation.outcome

    async def _run_query_task(
        self, task: JsonObject, transport: WorkerTransport | None = None
    ) -> str:
        """Run a query task, and report through `transport` where that is not the worker's own."""
        reporter = self._reporter_through(transport)
        with TaskObservation(self.metrics, "query", self.task_queue) as observation:
            handle = chain_query_task(
                self.interceptors,
                lambda context: self._query_tasks.execute(context.task, reporter),
            )
            observation.outcome = await handle(
                QueryTaskInterceptorContext(self.worker_id, self.task_queue, task)
            )
            return observation.outcome

    def _reporter_through(self, transport: WorkerTransport | None) -> Reporter:
        if transport is None or transport is self._transport:
            return self._reporter
        return Reporter(transport, self.worker_id, self._payloads)


def _cause_of(error: Exception) -> BaseException:
    return error.error if isinstance(error, Ended) else error
