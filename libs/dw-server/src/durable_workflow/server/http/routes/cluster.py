"""What the server is and can do (control-plane 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_workflow.server.http import checks
from durable_workflow.server.http.manifests import cluster_info
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.roles import ANYBODY
from durable_workflow.server.http.routing import Route
from durable_workflow.server.services import fleet
from durable_workflow.server.services.requests import Answer

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server


async def info(server: Server, request: Request) -> Answer:
    """`GET /cluster/info`"""
    # The namespace need not exist here: it only says whose workers are counted.
    name = checks.wanted_namespace(request, server)
    workers = await server.store.read(lambda read: fleet.summary(read, name))
    return Answer(200, cluster_info(server.settings, workers))


ROUTES = [
    Route(
        method="GET",
        template="/cluster/info",
        handler=info,
        roles=ANYBODY,
        versioned=False,
        namespaced=False,
    )
]
