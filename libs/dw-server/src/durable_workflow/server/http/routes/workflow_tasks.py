"""Workflow tasks: polled, renewed, completed, failed (worker-protocol 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_workflow.server.http.bodies import workflow_tasks as bodies
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routes.leased_tasks import poll, report, stored
from durable_workflow.server.http.routing import worker_route
from durable_workflow.server.services import workflow_tasks as services
from durable_workflow.server.services.requests import Answer

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server

_TASK = "/workflow-tasks/{task_id}"


async def history(server: Server, request: Request) -> Answer:
    """`POST /worker/workflow-tasks/{task_id}/history`"""
    settings = server.settings.services
    task_id = request.names["task_id"]
    asked = bodies.read_history_page(request.document, task_id, settings.history_page_size_max)
    namespace = request.namespace
    body = await server.store.read(
        lambda read: services.history_page(read, namespace, asked, settings)
    )
    return Answer(200, body)


ROUTES = [
    worker_route(
        "/workflow-tasks/poll", poll("workflow", stored(services.claim, services.give_back))
    ),
    worker_route(f"{_TASK}/history", history),
    worker_route(f"{_TASK}/complete", report(bodies.read_complete, services.complete)),
    worker_route(f"{_TASK}/fail", report(bodies.read_fail, services.fail)),
    worker_route(f"{_TASK}/heartbeat", report(bodies.read_owner, services.heartbeat)),
]
