"""Announcing a worker to a server, and its state in numbers."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from durable_workflow._meet import WorkerClient, WorkerTransport
from durable_workflow.worker._arrival import until_done
from durable_workflow.worker._compatibility import (
    DEREGISTER,
    HELD_TASKS,
    PASSED_SIGNALS,
    QUERY_TASKS_CAPABILITY,
    STICKY_HISTORY,
    UPDATE_VALIDATION,
    Offer,
    read_offer,
)
from durable_workflow.worker._heartbeats import Heartbeats
from durable_workflow.worker._log import log
from durable_workflow.worker._machines import MachineCache
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._process_metrics import ProcessMetrics
from durable_workflow.worker._settings import Settings


class Registering:
    """The part of a worker that the server knows it by."""

    client: WorkerClient
    _transport: WorkerTransport
    task_queue: str
    workflows: dict[str, type]
    activities: dict[str, Callable[..., Any]]
    workflow_definition_fingerprints: dict[str, str]
    worker_id: str
    build_id: str | None
    max_concurrent_workflow_tasks: int
    max_concurrent_activity_tasks: int
    _settings: Settings
    _busy: dict[str, int]
    _offer: Offer
    _registering: asyncio.Task[None] | None
    _machines: MachineCache
    _heartbeats: Heartbeats
    _process_metrics: ProcessMetrics
    _session: str
    _drained: asyncio.Event
    _is_registered: bool
    _pacing: Pacing

    async def _register(self) -> None:
        """Check the server, adopt what it offers, and announce this worker."""
        self._offer = await read_offer(self._transport)
        body: dict[str, Any] = {
            "worker_id": self.worker_id,
            "task_queue": self.task_queue,
            "supported_workflow_types": list(self.workflows),
            "workflow_definition_fingerprints": dict(self.workflow_definition_fingerprints),
            "supported_activity_types": list(self.activities),
            "max_concurrent_workflow_tasks": self.max_concurrent_workflow_tasks,
            "max_concurrent_activity_tasks": self.max_concurrent_activity_tasks,
            "task_slots": self._task_slots(),
            "process_metrics": self._current_process_metrics(),
            **self._session_options(),
        }
        if self.build_id is not None:
            body["build_id"] = self.build_id
        if capabilities := self._capabilities():
            body["capabilities"] = capabilities
        reply = await self._transport.register(body)
        self._is_registered = True
        self._heartbeats.adopt(reply)
        log.info("worker %s registered on task queue %s", self.worker_id, self.task_queue)

    async def _register_first(self, deadline: float | None = None) -> bool:
        """Register, waiting for a server that is not there yet; False where stopped first."""
        where = str(getattr(self.client, "base_url", None) or "an address of its client's own")
        return await until_done(self._register, where=where, pacing=self._pacing, deadline=deadline)

    async def _register_again(self) -> None:
        """Register with a server that has forgotten this worker: once for all who notice."""
        if self._drained.is_set():
            return  # it has said goodbye
        if self._registering is None or self._registering.done():
            self._registering = asyncio.create_task(self._register())
        await asyncio.shield(self._registering)

    def _capabilities(self) -> list[str]:
        queries = [QUERY_TASKS_CAPABILITY] if self._answers_queries else []
        return queries + self._used_extensions()

    @property
    def _serves_workflows(self) -> bool:
        return bool(self.workflows) or not self.activities

    @property
    def _answers_queries(self) -> bool:
        return self._offer.query_tasks and self._serves_workflows

    def _used_extensions(self) -> list[str]:
        offered, used = self._offer.extensions, list[str]()
        if STICKY_HISTORY in offered and self._machines.enabled and self._serves_workflows:
            used.append(STICKY_HISTORY)
        if PASSED_SIGNALS in offered and self._serves_workflows:
            used.append(PASSED_SIGNALS)
        if UPDATE_VALIDATION in offered and self._answers_queries:
            used.append(UPDATE_VALIDATION)
        if self._transport.names_session:
            used += [each for each in (DEREGISTER, HELD_TASKS) if each in offered]
        return used

    def _session_options(self) -> dict[str, Any]:
        """What tells the server which worker object under the id this is, where it asks for that.

        Transports that know nothing of the extension are never given the argument.
        """
        used = self._used_extensions()
        return {"session": self._session} if HELD_TASKS in used or DEREGISTER in used else {}

    async def _say_goodbye(self, seconds: float) -> None:
        """Tell the server that nothing more will be reported: what is held is free at once."""
        if not self._is_registered or DEREGISTER not in self._used_extensions():
            return
        self._is_registered = False
        try:
            async with asyncio.timeout(seconds):
                await self._transport.goodbye(
                    {"worker_id": self.worker_id, "session": self._session}
                )
        except Exception as error:  # noqa: BLE001 - the server notices the silence
            log.warning(
                "worker %s could not say goodbye: %s",
                self.worker_id,
                str(error) or type(error).__name__,
            )

    def _task_slots(self) -> dict[str, int]:
        return {
            "workflow_available": max(
                0, self.max_concurrent_workflow_tasks - self._busy["workflow"]
            ),
            "activity_available": max(
                0, self.max_concurrent_activity_tasks - self._busy["activity"]
            ),
        }

    def _current_process_metrics(self) -> dict[str, Any]:
        return self._process_metrics.sample()

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

    @property
    def _poll_timeout(self) -> float:
        return self._offer.poll_timeout(self._settings.poll_timeout)
