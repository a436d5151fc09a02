"""What the routes of all leased tasks do: hold a poll, and take a report about one task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from durable_workflow.server.dispatch import TaskKey
from durable_workflow.server.http.bodies.workers import read_poll
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routing import Handler
from durable_workflow.server.notices import TaskKind
from durable_workflow.server.services import sessions
from durable_workflow.server.services.requests import Answer, PollTask
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.store.protocol import Tx

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server

T = TypeVar("T")
Task: TypeAlias = dict[str, Any]
Claim: TypeAlias = "Callable[[Server, str, PollTask], Awaitable[Task | None]]"
GiveBack: TypeAlias = "Callable[[Server, str, Task], Awaitable[None]]"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Where the tasks of one kind come from.

    Attributes:
        claim: Leases a task to the worker that polls; None where there is none for it.
        give_back: Frees the lease of a task that could not be sent.
    """

    claim: Claim
    give_back: GiveBack


def poll(kind: TaskKind, offer: Offer) -> Handler:
    """The handler of `POST /worker/…-tasks/poll` for tasks of one kind.

    A worker that has hung up is given nothing: what was claimed for it while it did is given back,
    rather than kept from the others until the lease ends.
    """

    async def handle(server: Server, request: Request) -> Answer:
        settings = server.settings.services
        asked = read_poll(request.document, settings.history_page_size_max)
        namespace = request.namespace
        was_held = False

        async def take() -> Task | None:
            nonlocal was_held
            if request.has_left():
                return None
            task = await offer.claim(server, namespace, asked)
            if task is not None and was_held:
                # The end of a connection that was read with what woke us arrives a turn later.
                await asyncio.sleep(0)
            was_held = True
            if task is not None and request.has_left():
                await offer.give_back(server, namespace, task)
                return None
            return task

        task = await server.dispatcher.poll(
            TaskKey(kind, namespace, asked.task_queue),
            take,
            server.settings.long_poll_timeout,
            request.gone,
            every=settings.heartbeat_interval_seconds,
        )
        if task is None and request.has_left():
            await server.store.run(lambda tx: sessions.leave(tx, namespace, asked))
        return Answer(200, {"task": task})

    return handle


def stored(
    claim: Callable[[Tx, str, PollTask, ServiceSettings], Task | None],
    give_back: Callable[[Tx, str, Task, ServiceSettings], None],
) -> Offer:
    """Tasks in the store: claiming one and giving it back are units of work."""

    async def run_claim(server: Server, namespace: str, asked: PollTask) -> Task | None:
        settings = server.settings.services
        return await server.store.run(lambda tx: claim(tx, namespace, asked, settings))

    async def run_give_back(server: Server, namespace: str, task: Task) -> None:
        settings = server.settings.services
        await server.store.run(lambda tx: give_back(tx, namespace, task, settings))

    return Offer(claim=run_claim, give_back=run_give_back)


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
