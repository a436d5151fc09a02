"""Why a run does not go on (control-plane 4.6)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.engine.state import Run
from durable_workflow.server.querying import PendingQueries
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import DebugWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store import Read, Store
from durable_workflow.server.views import debugging, describing


def operations(
    store: Store, dispatcher: Dispatcher, queries: PendingQueries, settings: ServiceSettings
) -> list[Operation[Any]]:
    """What is asked about a run that seems stuck."""

    async def debug(call: Call, asked: DebugWorkflow) -> Reply:
        namespace = call.namespace

        def find(read: Read, run_id: str | None = asked.run_id) -> Run:
            return describing.find_run(read, namespace, asked.workflow_id, run_id).run

        found = await store.read(find)
        # A read may run anywhere and more than once, so what is in memory is asked between two.
        pending = queries.pending(namespace, found.task_queue)

        def look(read: Read) -> dict[str, Any]:
            run = find(read, found.run_id)
            return debugging.debug(
                read, run, settings, pending_queries=pending, preview=asked.preview
            )

        body = await store.read(look)
        body["task_queue"]["dispatch"] = dispatcher.placement.shown(namespace, found.task_queue)
        return Reply(body)

    return [Operation("debug_workflow", OPERATORS, DebugWorkflow, debug)]
