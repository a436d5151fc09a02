"""The stream of a worker, asked for without an upgrade: `api.streams` serves the others."""

from __future__ import annotations

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply


def operations() -> list[Operation[Nothing]]:
    """What asks for a stream."""

    async def refuse(call: Call, asked: Nothing) -> Reply:
        raise Refused("upgrade_required", "The worker stream is a WebSocket: ask for an upgrade.")

    return [Operation("open_stream", WORKERS, Nothing, refuse)]
