"""Registration and signs of life (worker-protocol 2)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    DeregisterWorker,
    RegisterWorker,
    WorkerHeartbeat,
)
from durable_workflow.server.services import sessions, workers


class WorkerHandlers:
    """What workers say of themselves."""

    def __init__(self, units: Units, dispatcher: Dispatcher) -> None:
        self._units = units
        self._dispatcher = dispatcher

    def operations(self) -> list[Operation[Any]]:
        """The operations."""
        register = self._units.report(workers.register)
        deregister = self._units.report(sessions.deregister)
        return [
            Operation("register_worker", WORKERS, RegisterWorker, register),
            Operation("heartbeat_worker", WORKERS, WorkerHeartbeat, self._heartbeat),
            Operation("deregister_worker", WORKERS, DeregisterWorker, deregister),
        ]

    async def _heartbeat(self, call: Call, asked: WorkerHeartbeat) -> Reply:
        """Note a sign of life; held if the worker asks for that.

        A worker whose heartbeat is held is known to be gone when its connection breaks, and can be
        asked to show itself by an early answer.
        """
        namespace = call.namespace
        store, settings = self._units.store, self._units.settings
        with self._dispatcher.heartbeat(namespace, asked.worker_id) as held:
            answer = await store.run(lambda tx: sessions.heartbeat(tx, namespace, asked, settings))
            if asked.wait_seconds is None:
                return answer
            answer.body["wait_seconds"] = asked.wait_seconds
            if not await held.wait(asked.wait_seconds, call.peer.gone):
                await store.run(lambda tx: sessions.leave(tx, namespace, asked))
        return answer
