"""Query tasks (worker-protocol 7.4): polled, answered, failed. They are in memory alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_workflow.server.http.bodies import query_tasks as bodies
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routes.leased_tasks import Offer, Task, poll
from durable_workflow.server.http.routing import worker_route
from durable_workflow.server.querying import asking
from durable_workflow.server.services import workers
from durable_workflow.server.services.requests import Answer, PollTask

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server


async def claim(server: Server, namespace: str, asked: PollTask) -> Task | None:
    """A question for a worker, with the history of the run that it is about."""
    board = server.queries
    worker = await server.store.run(
        lambda tx: workers.poll_guard(tx, namespace, asked, server.settings.services)
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
    return await asking.task(server.store, posted, worker)


async def give_back(server: Server, namespace: str, task: Task) -> None:
    """Offer a question again that reached nobody."""
    server.queries.give_back(task)


async def complete(server: Server, request: Request) -> Answer:
    """`POST /worker/query-tasks/{query_task_id}/complete`"""
    asked = bodies.read_complete(request.document, request.names["query_task_id"])
    return Answer(200, server.queries.complete(request.namespace, asked))


async def fail(server: Server, request: Request) -> Answer:
    """`POST /worker/query-tasks/{query_task_id}/fail`"""
    asked = bodies.read_fail(request.document, request.names["query_task_id"])
    return Answer(200, server.queries.fail(request.namespace, asked))


ROUTES = [
    worker_route("/query-tasks/poll", poll("query", Offer(claim=claim, give_back=give_back))),
    worker_route("/query-tasks/{query_task_id}/complete", complete),
    worker_route("/query-tasks/{query_task_id}/fail", fail),
]
