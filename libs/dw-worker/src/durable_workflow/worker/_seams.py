"""Private names of `Worker` that test suites written against other releases call or replace.

These names do nothing themselves. The parts of a worker call them instead of each other, so that a
replacement that a test sets is what runs.
"""

import asyncio
from datetime import datetime
from typing import Any, TypeVar

from durable_workflow._meet import WorkerClient, transport_clone_for
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.worker._client_thread import ClientThread
from durable_workflow.worker._dispatch import Dispatch
from durable_workflow.worker._heartbeats import Heartbeats
from durable_workflow.worker._pollers import Pollers
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._process_metrics import ProcessMetrics
from durable_workflow.worker._registration import Registration
from durable_workflow.worker._reporting import Reporter
from durable_workflow.worker._slots import TaskSlots

T = TypeVar("T")


class Seams:
    """The private names, each an alias of what a part does or has."""

    client: WorkerClient
    _registration: Registration
    _dispatch: Dispatch
    _pollers: Pollers
    _slots: TaskSlots
    _pacing: Pacing
    _heartbeats: Heartbeats
    _process_metrics: ProcessMetrics

    async def _register(self) -> None:
        await self._registration.register()

    async def _poll_workflow_tasks(self) -> None:
        await self._pollers.poll("workflow")

    def _start_query_task_thread(self) -> bool:
        return self._pollers.start_query_thread()

    def _clone_client_for_query_tasks(self) -> Any:
        """A client for a thread; None where this one cannot be copied."""
        factory = transport_clone_for(self.client)
        return None if factory is None else factory(self.client)

    def _track(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        return self._dispatch.track(task)

    async def _dispatch_workflow_task(self, task: JsonObject) -> None:
        await self._dispatch.dispatch_workflow_task(task)

    async def _dispatch_activity_task(self, task: JsonObject) -> None:
        await self._dispatch.dispatch_activity_task(task)

    async def _run_workflow_task(self, task: JsonObject) -> list[JsonObject] | None:
        return await self._dispatch.run_workflow_task(task)

    async def _run_activity_task(self, task: JsonObject) -> str:
        return await self._dispatch.run_activity_task(task)

    async def _run_query_task(self, task: JsonObject, reporter: Reporter | None = None) -> str:
        return await self._dispatch.run_query_task(task, reporter)

    def _current_process_metrics(self) -> JsonObject:
        return self._process_metrics.sample()

    @property
    def _query_thread(self) -> ClientThread | None:
        return self._pollers.query_thread

    @property
    def _in_flight(self) -> set[asyncio.Task[Any]]:
        return self._dispatch.in_flight

    @property
    def _stop(self) -> asyncio.Event:
        return self._pacing.stop

    @_stop.setter
    def _stop(self, event: asyncio.Event) -> None:
        # The pollers wait for the same one.
        self._pacing.stop = event

    @property
    def _wf_semaphore(self) -> asyncio.Semaphore:
        return self._slots.workflow

    @_wf_semaphore.setter
    def _wf_semaphore(self, semaphore: asyncio.Semaphore) -> None:
        self._slots.workflow = semaphore

    @property
    def _act_semaphore(self) -> asyncio.Semaphore:
        return self._slots.activity

    @_act_semaphore.setter
    def _act_semaphore(self, semaphore: asyncio.Semaphore) -> None:
        self._slots.activity = semaphore

    @property
    def _process_started_at(self) -> datetime:
        return self._process_metrics.started_at

    @_process_started_at.setter
    def _process_started_at(self, moment: datetime) -> None:
        self._process_metrics.move_start(moment)

    @property
    def _heartbeat_interval(self) -> float:
        return self._heartbeats.interval

    @_heartbeat_interval.setter
    def _heartbeat_interval(self, seconds: float) -> None:
        self._heartbeats.interval = seconds
