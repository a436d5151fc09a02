"""Workers, task queues and builds, as operators see and steer them (control-plane 10 and 11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Handler, Nothing, Operation
from durable_workflow.server.api.roles import ADMINS, OPERATORS
from durable_workflow.server.querying import PendingQueries
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import ListWorkers, NamedQueue, NamedWorker, RollBuild
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import builds, sessions
from durable_workflow.server.services.repetitions import once
from durable_workflow.server.store import Read
from durable_workflow.server.views import builds as build_views
from durable_workflow.server.views import task_queues
from durable_workflow.server.views import workers as worker_views

T = TypeVar("T")


def operations(units: Units, queries: PendingQueries) -> list[Operation[Any]]:
    """What is asked about the fleet."""
    store, settings = units.store, units.settings

    def look(view: Callable[[Read, str, T, ServiceSettings], JsonObject]) -> Handler[T]:
        return units.view(lambda read, namespace, asked: view(read, namespace, asked, settings))

    async def list_queues(call: Call, asked: Nothing) -> Reply:
        names = await store.read(lambda read: task_queues.names(read, call.namespace))
        # A read may run anywhere and more than once, so what is in memory is asked before.
        waiting = {name: queries.pending(call.namespace, name) for name in names}
        return Reply(
            await store.read(
                lambda read: task_queues.list_all(read, call.namespace, waiting, settings)
            )
        )

    async def describe_queue(call: Call, asked: NamedQueue) -> Reply:
        waiting = queries.pending(call.namespace, asked.task_queue)

        def describe(read: Read) -> JsonObject:
            name = asked.task_queue
            return task_queues.describe(
                read, call.namespace, name, settings, pending_queries=waiting
            )

        return Reply(await store.read(describe))

    return [
        Operation("list_workers", OPERATORS, ListWorkers, look(worker_views.list_workers)),
        Operation("describe_worker", OPERATORS, NamedWorker, look(worker_views.describe)),
        Operation("remove_worker", ADMINS, NamedWorker, units.command(once(sessions.remove))),
        Operation("list_task_queues", OPERATORS, Nothing, list_queues),
        Operation("describe_task_queue", OPERATORS, NamedQueue, describe_queue),
        Operation("list_builds", OPERATORS, NamedQueue, look(build_views.list_builds)),
        Operation("drain_build", OPERATORS, RollBuild, units.report(builds.drain)),
        Operation("resume_build", OPERATORS, RollBuild, units.report(builds.resume)),
        Operation("promote_build", OPERATORS, RollBuild, units.report(builds.promote)),
    ]
