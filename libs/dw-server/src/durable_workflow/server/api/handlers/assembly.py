"""All operations of one server, each handler made from the parts that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from durable_workflow.server.api.handlers import (
    activity_tasks,
    cluster,
    commands,
    debugging,
    exports,
    fleet,
    maintenance,
    schedules,
    search_attributes,
    standalone_activities,
    streams,
    workflow_tasks,
)
from durable_workflow.server.api.handlers.bridge import BridgeHandlers
from durable_workflow.server.api.handlers.description import ApiDescription
from durable_workflow.server.api.handlers.figures import Counted, FigureHandlers
from durable_workflow.server.api.handlers.health import HealthHandlers
from durable_workflow.server.api.handlers.namespaces import NamespaceHandlers
from durable_workflow.server.api.handlers.polls import Polls
from durable_workflow.server.api.handlers.query_tasks import QueryTaskHandlers
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.handlers.workers import WorkerHandlers
from durable_workflow.server.api.handlers.workflows import WorkflowHandlers
from durable_workflow.server.api.known_namespaces import KnownNamespaces
from durable_workflow.server.api.login import Authenticator
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.clock import Clock
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.executors import ExternalExecutors
from durable_workflow.server.exporting import ExportService, Signing
from durable_workflow.server.external_payloads import ExternalPayloads
from durable_workflow.server.querying import PendingQueries, QueryService
from durable_workflow.server.services.updating import UpdateService
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import Store


def operations(
    settings: Settings,
    *,
    store: Store,
    clock: Clock,
    dispatcher: Dispatcher,
    queries: PendingQueries,
    authenticator: Authenticator,
    known_namespaces: KnownNamespaces,
    payloads: ExternalPayloads,
    counted: Sequence[Counted],
    executors: ExternalExecutors,
    description: ApiDescription,
) -> list[Operation[Any]]:
    """All operations of a server that has these parts.

    Args:
        counted: What counts for `/metrics`.
        description: Shows the description of the API.
    """
    services = settings.services
    units = Units(store, services, dispatcher.fair_queues)
    querying = QueryService(store, queries, services, dispatcher.publish)
    updating = UpdateService(store, services, validate=querying.validate, watch=dispatcher.watch)
    polls = Polls(store, dispatcher, settings)
    health = HealthHandlers(store, clock, authenticator, services.default_namespace)
    signing = Signing(settings.export.signing_key, settings.export.signing_key_id)
    exporting = ExportService(store, services, signing, _secrets(settings))
    others: list[Operation[Any]] = [
        *health.operations(),
        *description.operations(),
        *FigureHandlers(store, dispatcher, counted, settings.metrics_access).operations(),
        *NamespaceHandlers(store, services, known_namespaces, payloads).operations(),
        *search_attributes.operations(units, settings.wire),
        *schedules.operations(units, settings.wire),
        *WorkflowHandlers(units, dispatcher, settings).operations(),
        *BridgeHandlers(units, updating, settings.wire).operations(),
        *standalone_activities.operations(units, dispatcher),
        *debugging.operations(store, dispatcher, queries, services),
        *fleet.operations(units, queries),
        *maintenance.operations(units, payloads),
        *exports.operations(exporting),
        *commands.operations(units, querying, updating),
        *WorkerHandlers(units, dispatcher).operations(),
        *workflow_tasks.operations(units, polls),
        *activity_tasks.operations(units, polls, executors),
        *streams.operations(),
        *QueryTaskHandlers(units, polls, queries).operations(),
    ]
    return [*others, *cluster.operations(store, settings, executors, others)]


def _secrets(settings: Settings) -> list[str]:
    """Every secret that is set: none of them is ever shown."""
    auth = settings.auth
    known = [*auth.secrets("token").values(), *auth.secrets("signature").values()]
    return [secret for secret in (*known, settings.export.signing_key) if secret]
