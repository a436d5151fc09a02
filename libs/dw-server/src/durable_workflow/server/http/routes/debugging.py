"""Why a run does not go on (control-plane 4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durable_workflow.server.http.bodies.debugging import read_debug
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.roles import OPERATORS
from durable_workflow.server.http.routing import Route
from durable_workflow.server.services import debugging, describing
from durable_workflow.server.services.requests import Answer
from durable_workflow.server.store import Read

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server


async def debug(server: Server, request: Request) -> Answer:
    """`GET /workflows/{workflow_id}/debug` and `…/runs/{run_id}/debug`"""
    preview = read_debug(request.query)
    namespace, workflow_id = request.namespace, request.names["workflow_id"]
    run_id = request.names.get("run_id")
    settings = server.settings.services

    def look(read: Read) -> dict[str, Any]:
        run = describing.find_run(read, namespace, workflow_id, run_id).run
        pending = server.queries.pending(namespace, run.task_queue)
        return debugging.debug(read, run, settings, pending_queries=pending, preview=preview)

    return Answer(200, await server.store.read(look))


ROUTES = [
    Route(
        method="GET",
        template=f"/workflows/{{workflow_id}}{middle}/debug",
        handler=debug,
        roles=OPERATORS,
        operation="debug_workflow",
    )
    for middle in ("", "/runs/{run_id}")
]
