"""Holding a worker's poll until there is a task for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Claim, GiveBack, Task
from durable_workflow.server.api.operations import Handler
from durable_workflow.server.api.signs_of_life import SignsOfPolls
from durable_workflow.server.dispatch import Dispatcher, TaskKey
from durable_workflow.server.notices import TaskKind
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import PollTask
from durable_workflow.server.services import sessions
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import Store


class Polls:
    """Makes the handlers of polls, one for each kind of task.

    A worker that has hung up is given nothing: what was claimed for it while it did is given back,
    rather than kept from the others until the lease ends.
    """

    def __init__(self, store: Store, dispatcher: Dispatcher, settings: Settings) -> None:
        self._store = store
        self._signs = SignsOfPolls(store, settings.services)
        self._dispatcher = dispatcher
        self._timeout = settings.long_poll_timeout
        self._sign_of_life = settings.services.heartbeat_interval_seconds

    def handler(
        self, kind: TaskKind, claim: Claim, give_back: GiveBack, stay: Claim | None = None
    ) -> Handler[PollTask]:
        """The handler of polls for tasks of one kind.

        Args:
            stay: What a held poll does from time to time although no task became ready.
        """

        async def only_stay(namespace: str, asked: PollTask) -> Task | None:
            self._signs.note(namespace, asked)
            return None if stay is None else await stay(namespace, asked)

        async def handle(call: Call, asked: PollTask) -> Reply:
            worker = None
            if self._dispatcher.streams.of_queue(call.namespace, asked.task_queue):
                # Beside streams a poll is woken only for what its worker may take.
                worker = await self._store.read(
                    lambda read: sessions.find(read, call.namespace, asked)
                )
            task = await self._dispatcher.poll(
                TaskKey(kind, call.namespace, asked.task_queue),
                _taking(call, asked, claim, give_back),
                self._timeout,
                call.peer.gone,
                every=self._sign_of_life,
                stay=_taking(call, asked, only_stay, give_back),
                worker=worker,
            )
            if task is None and call.peer.has_left():
                await self._store.run(lambda tx: sessions.leave(tx, call.namespace, asked))
            return Reply({"task": task})

        return handle


def _taking(
    call: Call, asked: PollTask, claim: Claim, give_back: GiveBack
) -> Callable[[], Awaitable[Task | None]]:
    namespace = call.namespace
    was_held = False

    async def take() -> Task | None:
        nonlocal was_held
        if call.peer.has_left():
            return None
        task = await claim(namespace, asked)
        if task is not None and was_held:
            # The end of a connection that was read with what woke us arrives a turn later.
            await asyncio.sleep(0)
        was_held = True
        if task is not None and call.peer.has_left():
            await give_back(namespace, task)
            return None
        return task

    return take
