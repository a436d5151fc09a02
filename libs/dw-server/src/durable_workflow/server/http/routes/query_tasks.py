"""Query tasks (worker-protocol 7.4): polled, answered, failed. They are in memory alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durable_workflow.server.dispatch import TaskKey
from durable_workflow.server.http.bodies import query_tasks as bodies
from durable_workflow.server.http.bodies.workers import read_poll
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routing import worker_route
from durable_workflow.server.querying import asking
from durable_workflow.server.services import workers
from durable_workflow.server.services.requests import Answer

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server


async def poll(server: Server, request: Request) -> Answer:
    """`POST /worker/query-tasks/poll`"""
    settings = server.settings.services
    asked = read_poll(request.document, settings.history_page_size_max)
    namespace, board = request.namespace, server.queries

    async def claim() -> dict[str, Any] | None:
        worker = await server.store.run(
            lambda tx: workers.poll_guard(tx, namespace, asked, settings)
        )
        board.note_poll(namespace, asked.task_queue, asked.worker_id)
        posted = board.claim(
            namespace,
            asked.task_queue,
            worker_id=asked.worker_id,
            poll_request_id=asked.poll_request_id,
            suits=lambda question: asking.suits(question, worker),
        )
        if posted is None:
            return None
        return await server.store.read(lambda read: asking.task(read, posted, worker))

    key = TaskKey("query", namespace, asked.task_queue)
    task = await server.dispatcher.poll(
        key,
        claim,
        server.settings.long_poll_timeout,
        request.gone,
        every=settings.heartbeat_interval_seconds,
    )
    return Answer(200, {"task": task})


async def complete(server: Server, request: Request) -> Answer:
    """`POST /worker/query-tasks/{query_task_id}/complete`"""
    asked = bodies.read_complete(request.document, request.names["query_task_id"])
    return Answer(200, server.queries.complete(asked))


async def fail(server: Server, request: Request) -> Answer:
    """`POST /worker/query-tasks/{query_task_id}/fail`"""
    asked = bodies.read_fail(request.document, request.names["query_task_id"])
    return Answer(200, server.queries.fail(asked))


ROUTES = [
    worker_route("/query-tasks/poll", poll),
    worker_route("/query-tasks/{query_task_id}/complete", complete),
    worker_route("/query-tasks/{query_task_id}/fail", fail),
]
