"""What the server is and can do (control-plane 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.manifests import cluster_info, package_provenance
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.api.roles import ADMIN, ANYBODY
from durable_workflow.server.executors import ExternalExecutors
from durable_workflow.server.replies import Reply
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import Store
from durable_workflow.server.views import fleet


def operations(
    store: Store,
    settings: Settings,
    executors: ExternalExecutors,
    others: Sequence[Operation[Any]],
) -> list[Operation[Any]]:
    """What is asked before anything else.

    Args:
        others: The other operations that are served: features are announced by them.
    """
    served = {operation.name for operation in others}

    async def info(call: Call, asked: Nothing) -> Reply:
        # The namespace need not exist here: it only says whose workers are counted.
        workers = await store.read(
            lambda read: fleet.summary(read, call.namespace, settings.services)
        )
        body = cluster_info(settings, workers, served, executors)
        if settings.expose_package_provenance and call.principal.role == ADMIN:
            body["package_provenance"] = package_provenance()
        return Reply(body)

    return [Operation("describe_cluster", ANYBODY, Nothing, info, namespaced=False)]
