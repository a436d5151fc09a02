"""What is done to a running workflow: signals, queries, updates, cancel, terminate."""

from __future__ import annotations

from functools import partial

from durable_workflow.server.api.bodies import operations as bodies
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.querying import QueryService
from durable_workflow.server.replies import Reply
from durable_workflow.server.services import ends, signals
from durable_workflow.server.services.updating import UpdateService
from durable_workflow.server.settings import WireLimits


class CommandHandlers:
    """What is asked of a run, on its workflow id or on the run itself."""

    def __init__(
        self, units: Units, querying: QueryService, updating: UpdateService, limits: WireLimits
    ) -> None:
        self._units = units
        self._querying = querying
        self._updating = updating
        self._limits = limits

    def operations(self) -> list[Operation]:
        """The operations."""
        command = self._units.command
        read_signal = partial(bodies.read_signal, limits=self._limits)
        handlers = {
            "signal_workflow": command(read_signal, signals.signal),
            "query_workflow": self._query,
            "update_workflow": self._update,
            "cancel_workflow": command(bodies.read_close, ends.cancel),
            "terminate_workflow": command(bodies.read_close, ends.terminate),
        }
        return [Operation(name, OPERATORS, handle) for name, handle in handlers.items()]

    async def _query(self, call: Call) -> Reply:
        asked = bodies.read_query(call.document, call.names, limits=self._limits)
        return await self._querying.query(call.namespace, asked)

    async def _update(self, call: Call) -> Reply:
        wait = self._units.settings.update_wait_seconds
        asked = bodies.read_update(
            call.document, call.names, limits=self._limits, default_wait=wait
        )
        return await self._updating.update(call.caller(), asked, call.peer.gone)
