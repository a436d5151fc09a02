"""Workflows, their runs and their history (control-plane 4 and 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from durable_workflow.server.http.bodies import workflows as bodies
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.roles import OPERATORS
from durable_workflow.server.http.routing import Handler, Route
from durable_workflow.server.services import history as history_service
from durable_workflow.server.services import workflows
from durable_workflow.server.services.requests import Answer
from durable_workflow.server.store import Read

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server

_PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?", re.ASCII | re.IGNORECASE)
_LONGEST_WAIT = 60


async def start(server: Server, request: Request) -> Answer:
    """`POST /workflows`"""
    asked = bodies.read_start(request.document, server.settings.wire)
    caller = request.caller()
    settings = server.settings.services
    return await server.store.run(lambda tx: workflows.start(tx, caller, asked, settings))


async def list_workflows(server: Server, request: Request) -> Answer:
    """`GET /workflows`"""
    asked = bodies.read_list(request.query)
    namespace = request.namespace
    body = await server.store.read(lambda read: workflows.list_workflows(read, namespace, asked))
    return Answer(200, body)


async def describe(server: Server, request: Request) -> Answer:
    """`GET /workflows/{workflow_id}` and `…/runs/{run_id}`, held if the caller prefers."""
    namespace, workflow_id = request.namespace, request.names["workflow_id"]
    run_id = request.names.get("run_id")

    def look(read: Read) -> dict[str, Any]:
        return workflows.describe(read, namespace, workflow_id, run_id)

    body = await server.store.read(look)
    seconds = _preferred_wait(request)
    if seconds is not None:
        request.answer_headers.append((b"preference-applied", f"wait={seconds}".encode()))
        if not body["is_terminal"]:
            body = await _until_closed(server, request, body["run_id"], look, seconds)
    return Answer(200, body)


async def list_runs(server: Server, request: Request) -> Answer:
    """`GET /workflows/{workflow_id}/runs`"""
    namespace, workflow_id = request.namespace, request.names["workflow_id"]
    body = await server.store.read(lambda read: workflows.list_runs(read, namespace, workflow_id))
    return Answer(200, body)


async def history(server: Server, request: Request) -> Answer:
    """`GET …/history`, held for a new event if the caller wants one."""
    asked, wait = bodies.read_history(request.query, request.names)
    namespace = request.namespace

    async def look() -> dict[str, Any]:
        return await history_service.page(server.store, namespace, asked)

    if not wait:
        return Answer(200, await look())
    body = await server.dispatcher.watch(
        asked.run_id,
        look,
        history_service.has_events,
        server.settings.long_poll_timeout,
        request.gone,
    )
    return Answer(200, body)


async def _until_closed(
    server: Server,
    request: Request,
    run_id: str,
    look: Callable[[Read], dict[str, Any]],
    seconds: int,
) -> dict[str, Any]:
    async def look_again() -> dict[str, Any]:
        return await server.store.read(look)

    def enough(body: dict[str, Any]) -> bool:
        # A run that continued as new is closed, and the current run is another.
        return bool(body["is_terminal"]) or body["run_id"] != run_id

    return await server.dispatcher.watch(
        run_id, look_again, enough, seconds, request.gone, end_only=True
    )


def _preferred_wait(request: Request) -> int | None:
    """Seconds of a ``Prefer: wait=N`` (RFC 7240), at most what we hold; None without one."""
    found = _PREFER_WAIT.search(request.header_list(b"prefer"))
    return min(int(found[1]), _LONGEST_WAIT) if found else None


def _route(method: str, template: str, handler: Handler, operation: str) -> Route:
    return Route(
        method=method,
        template=f"/workflows{template}",
        handler=handler,
        roles=OPERATORS,
        operation=operation,
    )


ROUTES = [
    _route("GET", "", list_workflows, "list"),
    _route("POST", "", start, "start"),
    _route("GET", "/{workflow_id}", describe, "describe"),
    _route("GET", "/{workflow_id}/runs", list_runs, "list_runs"),
    _route("GET", "/{workflow_id}/runs/{run_id}", describe, "describe_run"),
    _route("GET", "/{workflow_id}/runs/{run_id}/history", history, "history"),
]
