"""Registration and signs of life (worker-protocol 2)."""

from __future__ import annotations

from durable_workflow.server.api.bodies import workers as bodies
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.replies import Reply
from durable_workflow.server.services import sessions, workers


class WorkerHandlers:
    """What workers say of themselves."""

    def __init__(self, units: Units, dispatcher: Dispatcher) -> None:
        self._units = units
        self._dispatcher = dispatcher

    def operations(self) -> list[Operation]:
        """The operations."""
        handlers = {
            "register_worker": self._units.report(bodies.read_register, workers.register),
            "heartbeat_worker": self._heartbeat,
            "deregister_worker": self._units.report(bodies.read_deregister, sessions.deregister),
        }
        return [Operation(name, WORKERS, handle) for name, handle in handlers.items()]

    async def _heartbeat(self, call: Call) -> Reply:
        """Note a sign of life; held if the worker asks for that.

        A worker whose heartbeat is held is known to be gone when its connection breaks, and can be
        asked to show itself by an early answer.
        """
        asked, namespace = bodies.read_heartbeat(call.document, call.names), call.namespace
        store, settings = self._units.store, self._units.settings
        with self._dispatcher.heartbeat(namespace, asked.worker_id) as held:
            answer = await store.run(lambda tx: sessions.heartbeat(tx, namespace, asked, settings))
            if asked.wait_seconds is None:
                return answer
            answer.body["wait_seconds"] = asked.wait_seconds
            if not await held.wait(asked.wait_seconds, call.peer.gone):
                await store.run(lambda tx: sessions.leave(tx, namespace, asked))
        return answer
