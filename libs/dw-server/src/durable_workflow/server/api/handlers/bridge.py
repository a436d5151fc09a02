"""Events of other systems (control-plane 13)."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.fields import WireLimits
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    Bridged,
    BridgeEvent,
    Caller,
    SignalTarget,
    StartTarget,
    Target,
    UpdateTarget,
    UpdateWorkflow,
    target_of,
)
from durable_workflow.server.services import bridge
from durable_workflow.server.services.updating import UpdateService
from durable_workflow.server.store import Tx


class BridgeHandlers:
    """What adapters ask. Every answer of theirs is an outcome, also where the event is bad."""

    def __init__(self, units: Units, updating: UpdateService, limits: WireLimits) -> None:
        self._store = units.store
        self._settings = units.settings
        self._updating = updating
        self._limits = limits

    def operations(self) -> list[Operation[Any]]:
        """The operations."""
        return [
            Operation("send_bridge_event", OPERATORS, BridgeEvent, self._send, unread=_malformed)
        ]

    async def _send(self, call: Call, event: BridgeEvent) -> Reply:
        own = event.target.get("workflow_type") == names.STANDALONE_ACTIVITY
        if own and event.action == "start_workflow":
            # The server's own type cannot be started by that.
            return bridge.rejected(event, "unknown_target")
        try:
            target = target_of(event, self._limits)
            if target is None:
                return bridge.rejected(event, "unsupported_action")
            too_large = bridge.check_size(event, self._settings)
            return too_large or await self._command(call, event, target)
        except Refused as error:
            return bridge.refused(event, error)

    async def _command(self, call: Call, event: BridgeEvent, target: Target) -> Reply:
        # A key in a header would speak of the whole request: the event has one of its own.
        caller = msgspec.structs.replace(
            call.caller(),
            idempotency_key=None,
            bridged=Bridged(
                adapter=event.adapter,
                action=event.action,
                idempotency_key=event.idempotency_key,
                correlation=event.correlation,
            ),
        )
        settings = self._settings
        match target:
            case StartTarget():
                return await self._store.run(
                    lambda tx: bridge.start(tx, caller, event, target, settings)
                )
            case SignalTarget():
                return await self._store.run(
                    lambda tx: bridge.signal(tx, caller, event, target, settings)
                )
            case UpdateTarget():
                return await self._update(call, caller, event, target)

    async def _update(
        self, call: Call, caller: Caller, event: BridgeEvent, target: UpdateTarget
    ) -> Reply:
        def accept(tx: Tx, request: UpdateWorkflow) -> Reply:
            return bridge.accept_update(tx, caller, event, target, request, self._settings)

        request = bridge.update_request(event, target)
        try:
            # Before a worker is asked whether the update may be accepted.
            await self._store.read(lambda read: bridge.check_update(read, caller, event, target))
            reply = await self._updating.update(caller, request, call.peer.gone, accept=accept)
        except bridge.Delivered as delivered:
            return delivered.reply
        return bridge.updated(event, reply)


def _malformed(call: Call, error: Invalid) -> Reply:
    return bridge.malformed(call.names, error)
