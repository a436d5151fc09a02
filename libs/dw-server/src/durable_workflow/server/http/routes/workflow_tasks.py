"""Workflow tasks: polled, renewed, completed, failed (worker-protocol 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durable_workflow.server.dispatch import TaskKey
from durable_workflow.server.http.bodies import workflow_tasks as bodies
from durable_workflow.server.http.bodies.workers import read_poll
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routing import worker_route
from durable_workflow.server.services import workflow_tasks
from durable_workflow.server.services.requests import Answer

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server


async def poll(server: Server, request: Request) -> Answer:
    """`POST /worker/workflow-tasks/poll`"""
    settings = server.settings.services
    asked = read_poll(request.document, settings.history_page_size_max)
    namespace = request.namespace

    async def claim() -> dict[str, Any] | None:
        return await server.store.run(
            lambda tx: workflow_tasks.claim(tx, namespace, asked, settings)
        )

    key = TaskKey("workflow", namespace, asked.task_queue)
    task = await server.dispatcher.poll(
        key,
        claim,
        server.settings.long_poll_timeout,
        request.gone,
        every=settings.heartbeat_interval_seconds,
    )
    return Answer(200, {"task": task})


async def history(server: Server, request: Request) -> Answer:
    """`POST /worker/workflow-tasks/{task_id}/history`"""
    settings = server.settings.services
    task_id = request.names["task_id"]
    asked = bodies.read_history_page(request.document, task_id, settings.history_page_size_max)
    namespace = request.namespace
    body = await server.store.read(
        lambda read: workflow_tasks.history_page(read, namespace, asked, settings)
    )
    return Answer(200, body)


async def complete(server: Server, request: Request) -> Answer:
    """`POST /worker/workflow-tasks/{task_id}/complete`"""
    asked = bodies.read_complete(request.document, request.names["task_id"])
    namespace, settings = request.namespace, server.settings.services
    return await server.store.run(
        lambda tx: workflow_tasks.complete(tx, namespace, asked, settings)
    )


async def fail(server: Server, request: Request) -> Answer:
    """`POST /worker/workflow-tasks/{task_id}/fail`"""
    asked = bodies.read_fail(request.document, request.names["task_id"])
    namespace, settings = request.namespace, server.settings.services
    return await server.store.run(lambda tx: workflow_tasks.fail(tx, namespace, asked, settings))


async def heartbeat(server: Server, request: Request) -> Answer:
    """`POST /worker/workflow-tasks/{task_id}/heartbeat`"""
    owner = bodies.read_owner(request.document, request.names["task_id"])
    namespace, settings = request.namespace, server.settings.services
    return await server.store.run(
        lambda tx: workflow_tasks.heartbeat(tx, namespace, owner, settings)
    )


ROUTES = [
    worker_route("/workflow-tasks/poll", poll),
    worker_route("/workflow-tasks/{task_id}/history", history),
    worker_route("/workflow-tasks/{task_id}/complete", complete),
    worker_route("/workflow-tasks/{task_id}/fail", fail),
    worker_route("/workflow-tasks/{task_id}/heartbeat", heartbeat),
]
