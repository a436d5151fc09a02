"""Query tasks (worker-protocol 7.4): the poll that workers keep open for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durable_workflow.server.dispatch import TaskKey
from durable_workflow.server.http.bodies.workers import read_poll
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routing import worker_route
from durable_workflow.server.services import workers
from durable_workflow.server.services.requests import Answer

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server


async def poll(server: Server, request: Request) -> Answer:
    """`POST /worker/query-tasks/poll`"""
    settings = server.settings.services
    asked = read_poll(request.document, settings.history_page_size_max)
    namespace = request.namespace

    async def claim() -> dict[str, Any] | None:
        await server.store.run(lambda tx: workers.poll_guard(tx, namespace, asked, settings))
        return None  # no route asks a query yet, so there is none to hand out

    key = TaskKey("query", namespace, asked.task_queue)
    timeout = server.settings.long_poll_timeout
    return Answer(200, {"task": await server.dispatcher.poll(key, claim, timeout, request.gone)})


ROUTES = [worker_route("/query-tasks/poll", poll)]
