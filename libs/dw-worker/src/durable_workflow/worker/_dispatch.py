"""Dispatch of a task: run it, count it, and release its slot."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from durable_workflow._meet import lease_of
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.interceptors import (
    QueryTaskInterceptorContext,
    WorkerInterceptor,
    WorkflowTaskInterceptorContext,
)
from durable_workflow.interceptors._chain import chain_query_task, chain_workflow_task
from durable_workflow.metrics import MetricsRecorder
from durable_workflow.worker._activity_tasks import ActivityTasks
from durable_workflow.worker._contained import Ended, contained
from durable_workflow.worker._definitions import Identity
from durable_workflow.worker._held import HeldTasks
from durable_workflow.worker._line import Standing
from durable_workflow.worker._log import log
from durable_workflow.worker._query_tasks import QueryTasks
from durable_workflow.worker._reporting import Reporter
from durable_workflow.worker._slots import TaskSlots
from durable_workflow.worker._task_metrics import TaskObservation
from durable_workflow.worker._workflow_tasks import WorkflowTasks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Handlers:
    """What runs each kind of task."""

    workflow: WorkflowTasks
    activity: ActivityTasks
    query: QueryTasks


@dataclass(frozen=True, slots=True)
class Runs:
    """The methods that a dispatch calls to run a task: its own, unless they are replaced."""

    workflow: Callable[[JsonObject], Awaitable[list[JsonObject] | None]]
    activity: Callable[[JsonObject], Awaitable[str]]
    query: Callable[[JsonObject, Reporter], Awaitable[str]]


class Dispatch:
    """Runs the tasks of one worker.

    Attributes:
        in_flight: Tasks of the event loop that run workflow and activity tasks.
    """

    def __init__(
        self,
        identity: Identity,
        handlers: Handlers,
        *,
        runs: Runs,
        slots: TaskSlots,
        held: HeldTasks,
        metrics: MetricsRecorder,
        interceptors: tuple[WorkerInterceptor, ...],
        reporter: Reporter,
        standing: Standing,
    ) -> None:
        self.in_flight: set[asyncio.Task[Any]] = set()
        self._identity = identity
        self._handlers = handlers
        self._runs = runs
        self._slots = slots
        self._held = held
        self._metrics = metrics
        self._interceptors = interceptors
        self._reporter = reporter
        self._standing = standing
        self._handle_workflow_task = chain_workflow_task(
            interceptors, lambda context: handlers.workflow.execute(context.task)
        )

    def track(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        """Remember a task until it ends, so that stopping can wait for it."""
        self.in_flight.add(task)
        task.add_done_callback(self._untrack)
        return task

    def _untrack(self, task: asyncio.Task[Any]) -> None:
        self.in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of the worker ended in an error", exc_info=error)

    async def dispatch_workflow_task(self, task: JsonObject) -> None:
        """Run a workflow task for a poller, whatever comes of it, and give the slot back."""
        self._slots.begin("workflow")
        try:
            await contained(self._runs.workflow(task))
        except Exception as error:  # noqa: BLE001 - reported, and logged there
            await self._handlers.workflow.fail_unhandled(task, _cause_of(error))
        finally:
            self._slots.end("workflow")
            self._handlers.workflow.settle(task)
            self._release("workflow", task)
            self._slots.workflow.release()

    async def dispatch_activity_task(self, task: JsonObject) -> None:
        """Run an activity task for a poller, whatever comes of it, and give the slot back."""
        self._slots.begin("activity")
        try:
            await contained(self._runs.activity(task))
        except Ended as ended:
            await self._handlers.activity.fail_unhandled(task, ended.error)
        except Exception:  # noqa: BLE001 - logged; the attempt is retried when its lease ends
            log.exception("unhandled error in activity task %s", task.get("task_id"))
        finally:
            self._slots.end("activity")
            self._handlers.activity.when_free(task, lambda: self._free_activity(task))

    async def dispatch_query_task(self, task: JsonObject, reporter: Reporter) -> None:
        """Run a query task for a poller, whatever comes of it."""
        try:
            await contained(self._runs.query(task, reporter))
        except Exception as error:  # noqa: BLE001 - reported, and logged there
            await self._handlers.query.fail_unhandled(task, _cause_of(error), reporter)
        finally:
            self._release("query", task)

    def _free_activity(self, task: JsonObject) -> None:
        self._release("activity", task)
        self._slots.activity.release()

    def _release(self, kind: str, task: JsonObject) -> None:
        """Have a task that was not reported be free: the leases of a stream do not end."""
        if isinstance(sys.exception(), KeyboardInterrupt):
            return  # the process ends: the end of its stream frees the task, as no failure
        lease = lease_of(kind, task, self._identity.worker_id)
        if lease is not None:
            self._standing.release(lease)

    async def run_workflow_task(self, task: JsonObject) -> list[JsonObject] | None:
        """Run a workflow task; returns its commands, or None when it was failed."""
        identity = self._identity
        with (
            TaskObservation(self._metrics, "workflow", identity.task_queue) as observation,
            self._held.holding("workflow", task),
        ):
            commands = await self._handle_workflow_task(
                WorkflowTaskInterceptorContext(identity.worker_id, identity.task_queue, task)
            )
            observation.outcome = "failed" if commands is None else "completed"
            return commands

    async def run_activity_task(self, task: JsonObject) -> str:
        """Run an activity task; returns its outcome."""
        with (
            TaskObservation(self._metrics, "activity", self._identity.task_queue) as observation,
            self._held.holding("activity", task),
        ):
            observation.outcome = await self._handlers.activity.execute(task)
            return observation.outcome

    async def run_query_task(self, task: JsonObject, reporter: Reporter | None = None) -> str:
        """Run a query task, and report through `reporter` where that is another loop's."""
        reports = self._reporter if reporter is None else reporter
        identity = self._identity
        with TaskObservation(self._metrics, "query", identity.task_queue) as observation:
            handle = chain_query_task(
                self._interceptors,
                lambda context: self._handlers.query.execute(context.task, reports),
            )
            observation.outcome = await handle(
                QueryTaskInterceptorContext(identity.worker_id, identity.task_queue, task)
            )
            return observation.outcome


def _cause_of(error: Exception) -> BaseException:
    return error.error if isinstance(error, Ended) else error
