"""What the routes of all leased tasks do: hold a poll, and take a report about one task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from durable_workflow.server.dispatch import TaskKey
from durable_workflow.server.http.bodies.workers import read_poll
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routing import Handler
from durable_workflow.server.notices import TaskKind
from durable_workflow.server.services.requests import Answer, PollTask
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.store.protocol import Tx

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server

T = TypeVar("T")
Task: TypeAlias = dict[str, Any]
# A task for whom the poll is from, or None where there is none for it.
Claim: TypeAlias = "Callable[[Server, str, PollTask], Awaitable[Task | None]]"
ClaimUnit: TypeAlias = Callable[[Tx, str, PollTask, ServiceSettings], Task | None]


def poll(kind: TaskKind, claim: Claim) -> Handler:
    """The handler of `POST /worker/…-tasks/poll` for tasks of one kind."""

    async def handle(server: Server, request: Request) -> Answer:
        settings = server.settings.services
        asked = read_poll(request.document, settings.history_page_size_max)
        namespace = request.namespace
        task = await server.dispatcher.poll(
            TaskKey(kind, namespace, asked.task_queue),
            lambda: claim(server, namespace, asked),
            server.settings.long_poll_timeout,
            request.gone,
            every=settings.heartbeat_interval_seconds,
        )
        return Answer(200, {"task": task})

    return handle


def stored(claim: ClaimUnit) -> Claim:
    """A claim that is one unit of work over the store."""

    async def run(server: Server, namespace: str, asked: PollTask) -> Task | None:
        settings = server.settings.services
        return await server.store.run(lambda tx: claim(tx, namespace, asked, settings))

    return run


def report(
    read: Callable[[Mapping[str, Any], str], T],
    service: Callable[[Tx, str, T, ServiceSettings], Answer],
) -> Handler:
    """The handler of `POST /worker/…-tasks/{task_id}/…`: one unit of work about one leased task.

    Args:
        read: Reads the body; it is given the task's id.
        service: Does what the body asks for.
    """

    async def handle(server: Server, request: Request) -> Answer:
        asked = read(request.document, request.names["task_id"])
        namespace, settings = request.namespace, server.settings.services
        return await server.store.run(lambda tx: service(tx, namespace, asked, settings))

    return handle
