"""Registration and signs of life (worker-protocol 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_workflow.server.http.bodies import workers as bodies
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routing import worker_route
from durable_workflow.server.services import sessions, workers
from durable_workflow.server.services.requests import Answer

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server


async def register(server: Server, request: Request) -> Answer:
    """`POST /worker/register`"""
    asked = bodies.read_register(request.document)
    namespace, settings = request.namespace, server.settings.services
    return await server.store.run(lambda tx: workers.register(tx, namespace, asked, settings))


async def heartbeat(server: Server, request: Request) -> Answer:
    """`POST /worker/heartbeat`, held if the worker asks for that.

    A worker whose heartbeat is held is known to be gone when its connection breaks, and can be
    asked to show itself by an early answer.
    """
    asked = bodies.read_heartbeat(request.document)
    namespace, settings = request.namespace, server.settings.services
    with server.dispatcher.heartbeat(namespace, asked.worker_id) as held:
        answer = await server.store.run(
            lambda tx: sessions.heartbeat(tx, namespace, asked, settings)
        )
        if asked.wait_seconds is None:
            return answer
        answer.body["wait_seconds"] = asked.wait_seconds
        if not await held.wait(asked.wait_seconds, request.gone):
            await server.store.run(lambda tx: sessions.leave(tx, namespace, asked))
    return answer


async def deregister(server: Server, request: Request) -> Answer:
    """`POST /worker/deregister`"""
    asked = bodies.read_deregister(request.document)
    namespace, settings = request.namespace, server.settings.services
    return await server.store.run(lambda tx: sessions.deregister(tx, namespace, asked, settings))


ROUTES = [
    worker_route("/register", register),
    worker_route("/heartbeat", heartbeat),
    worker_route("/deregister", deregister),
]
