"""Handlers that are one unit of work, or one read, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.operations import Handler
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, PollTask
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.slices import Slices, at_once
from durable_workflow.server.store.protocol import Read, Store, Tx

T = TypeVar("T")
Task: TypeAlias = dict[str, Any]
# Leases a task to the worker that polls; None where there is none for it.
Claim: TypeAlias = Callable[[str, PollTask], Awaitable[Task | None]]
# Frees the lease of a task that could not be sent.
GiveBack: TypeAlias = Callable[[str, Task], Awaitable[None]]


class Units:
    """Makes handlers of services.

    Args:
        store: Where the units of work are run.
        settings: What the services read.
        fair_queues: What is remembered of queues that are given out fairly.
    """

    def __init__(
        self, store: Store, settings: ServiceSettings, fair_queues: FairQueues | None = None
    ) -> None:
        self.store = store
        self.settings = settings
        self._fair = fair_queues or FairQueues()

    def command(self, service: Callable[[Tx, Caller, T, ServiceSettings], Reply]) -> Handler[T]:
        """The handler of a command, which is recorded with who gave it."""

        async def handle(call: Call, asked: T) -> Reply:
            caller = call.caller()
            return await self.store.run(lambda tx: service(tx, caller, asked, self.settings))

        return handle

    def report(self, service: Callable[[Tx, str, T, ServiceSettings], Reply]) -> Handler[T]:
        """The handler of what a worker reports, of itself or of a task."""

        async def handle(call: Call, asked: T) -> Reply:
            namespace = call.namespace
            return await self.store.run(
                lambda tx: service(tx, namespace, asked, self.settings), unhurried=call.unhurried
            )

        return handle

    def long_report(
        self,
        service: Callable[[Tx, str, T, ServiceSettings], Slices[Reply]],
        is_long: Callable[[T], bool],
    ) -> Handler[T]:
        """The handler of a report that may take long.

        Args:
            is_long: Whether it does, so that others should have turns meanwhile.
        """

        async def handle(call: Call, asked: T) -> Reply:
            namespace = call.namespace
            if is_long(asked):
                return await self.store.run_in_slices(
                    lambda tx: service(tx, namespace, asked, self.settings)
                )
            return await self.store.run(
                lambda tx: at_once(service(tx, namespace, asked, self.settings))
            )

        return handle

    def view(self, service: Callable[[Read, str, T], dict[str, Any]]) -> Handler[T]:
        """The handler of what only looks."""

        async def handle(call: Call, asked: T) -> Reply:
            namespace = call.namespace
            return Reply(await self.store.read(lambda read: service(read, namespace, asked)))

        return handle

    def leased(
        self,
        claim: Callable[[Tx, str, PollTask, ServiceSettings, FairQueues], Task | None],
        give_back: Callable[[Tx, str, Task, ServiceSettings], None],
    ) -> tuple[Claim, GiveBack]:
        """Claiming a task that is in the store, and giving it back."""

        async def run_claim(namespace: str, asked: PollTask) -> Task | None:
            return await self.store.run(
                lambda tx: claim(tx, namespace, asked, self.settings, self._fair)
            )

        async def run_give_back(namespace: str, task: Task) -> None:
            await self.store.run(lambda tx: give_back(tx, namespace, task, self.settings))

        return run_claim, run_give_back
