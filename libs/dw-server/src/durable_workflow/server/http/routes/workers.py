"""Registration and signs of life (worker-protocol 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_workflow.server.http.bodies import workers as bodies
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routing import worker_route
from durable_workflow.server.services import workers
from durable_workflow.server.services.requests import Answer

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server


async def register(server: Server, request: Request) -> Answer:
    """`POST /worker/register`"""
    asked = bodies.read_register(request.document)
    namespace, settings = request.namespace, server.settings.services
    return await server.store.run(lambda tx: workers.register(tx, namespace, asked, settings))


async def heartbeat(server: Server, request: Request) -> Answer:
    """`POST /worker/heartbeat`"""
    asked = bodies.read_heartbeat(request.document)
    namespace, settings = request.namespace, server.settings.services
    return await server.store.run(lambda tx: workers.heartbeat(tx, namespace, asked, settings))


ROUTES = [worker_route("/register", register), worker_route("/heartbeat", heartbeat)]
