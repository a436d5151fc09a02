"""What is done to a running workflow: signals, queries, updates, cancel, terminate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from durable_workflow.server.http.bodies import operations as bodies
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.roles import OPERATORS
from durable_workflow.server.http.routing import Handler, Route
from durable_workflow.server.notices import TaskReady
from durable_workflow.server.querying import Question, asking
from durable_workflow.server.querying.board import Outcome
from durable_workflow.server.services import ends, signals, targets, updates
from durable_workflow.server.services.requests import Answer, UpdateWorkflow
from durable_workflow.server.store import Read

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server

# Longer than a round trip, shorter than patience: without an answer the update is accepted.
_VALIDATION_SECONDS = 5.0


async def signal(server: Server, request: Request) -> Answer:
    """`POST /workflows/{workflow_id}/signal/{signal_name}` and its run-targeted twin."""
    asked = bodies.read_signal(request.document, request.names, server.settings.wire)
    caller, settings = request.caller(), server.settings.services
    return await server.store.run(lambda tx: signals.signal(tx, caller, asked, settings))


async def cancel(server: Server, request: Request) -> Answer:
    """`POST /workflows/{workflow_id}/cancel` and its run-targeted twin."""
    asked = bodies.read_close(request.document, request.names)
    caller, settings = request.caller(), server.settings.services
    return await server.store.run(lambda tx: ends.cancel(tx, caller, asked, settings))


async def terminate(server: Server, request: Request) -> Answer:
    """`POST /workflows/{workflow_id}/terminate` and its run-targeted twin."""
    asked = bodies.read_close(request.document, request.names)
    caller, settings = request.caller(), server.settings.services
    return await server.store.run(lambda tx: ends.terminate(tx, caller, asked, settings))


async def query(server: Server, request: Request) -> Answer:
    """`POST /workflows/{workflow_id}/query/{query_name}` and its run-targeted twin."""
    asked = bodies.read_query(request.document, request.names, server.settings.wire)
    namespace, settings = request.namespace, server.settings.services

    def prepare(read: Read) -> Question:
        row = targets.find(read, namespace, asked.workflow_id, asked.run_id)
        pollers = server.queries.pollers(namespace, row.run.task_queue)
        return asking.prepare(read, namespace, asked, settings, pollers)

    question = await server.store.read(prepare)
    outcome = await _ask(server, question, settings.query_timeout_seconds)
    scope = "instance" if asked.run_id is None else "run"
    return asking.answer(question, scope, outcome)


async def update(server: Server, request: Request) -> Answer:
    """`POST /workflows/{workflow_id}/update/{update_name}` and its run-targeted twin."""
    settings = server.settings.services
    asked = bodies.read_update(
        request.document, request.names, server.settings.wire, settings.update_wait_seconds
    )
    caller = request.caller()
    refusal = await _validated(server, request.namespace, asked)
    if refusal is not None:
        reason, message = refusal
        return await server.store.run(
            lambda tx: updates.reject(tx, caller, asked, settings, reason=reason, message=message)
        )
    answer = await server.store.run(lambda tx: updates.accept(tx, caller, asked, settings))
    if asked.wait_for == "completed" and answer.body["update_status"] == "accepted":
        return await _until_ended(server, request, asked, answer)
    return answer


async def _validated(
    server: Server, namespace: str, asked: UpdateWorkflow
) -> tuple[str, str] | None:
    """Ask a worker that offers it whether the update may be accepted (`update_validation`)."""
    settings = server.settings.services

    def prepare(read: Read) -> Question | None:
        if updates.find_by_request(read, namespace, asked) is not None:
            return None
        return asking.prepare_validation(read, namespace, asked, settings)

    question = await server.store.read(prepare)
    if question is None:
        return None
    return asking.refusal_of(await _ask(server, question, _VALIDATION_SECONDS))


async def _until_ended(
    server: Server, request: Request, asked: UpdateWorkflow, accepted: Answer
) -> Answer:
    namespace, update_id = request.namespace, accepted.body["update_id"]
    loop = asyncio.get_running_loop()
    assert asked.wait_timeout_seconds is not None
    until = loop.time() + asked.wait_timeout_seconds
    answer = accepted

    async def look() -> Answer:
        return await server.store.read(lambda read: updates.read(read, namespace, update_id, asked))

    while answer.body["update_status"] == "accepted":
        run_id = answer.body["run_id"]

        def enough(seen: Answer, run_id: str = run_id) -> bool:
            # A run that continued as new took the update along: watch the next one then.
            return bool(seen.body["update_status"] != "accepted" or seen.body["run_id"] != run_id)

        answer = await server.dispatcher.watch(
            run_id, look, enough, max(until - loop.time(), 0), request.gone
        )
        if not enough(answer):
            answer.body["wait_timed_out"] = True
            break
    return answer


async def _ask(server: Server, question: Question, timeout: float) -> Outcome:
    ready = TaskReady("query", question.namespace, question.task_queue)
    return await server.queries.ask(question, timeout, lambda: server.dispatcher.publish([ready]))


def _routes(path: str, handler: Handler, operation: str) -> list[Route]:
    """The route on a workflow id, and the one that names a run of it."""
    return [
        Route(
            method="POST",
            template=f"/workflows/{{workflow_id}}{middle}/{path}",
            handler=handler,
            roles=OPERATORS,
            operation=operation,
        )
        for middle in ("", "/runs/{run_id}")
    ]


ROUTES = [
    *_routes("signal/{signal_name}", signal, "signal"),
    *_routes("query/{query_name}", query, "query"),
    *_routes("update/{update_name}", update, "update"),
    *_routes("cancel", cancel, "cancel"),
    *_routes("terminate", terminate, "terminate"),
]
