"""The heartbeats of a worker: sent in a thread, or in a task where it has no such thread."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from durable_workflow._meet import WorkerClient
from durable_workflow.worker._client_thread import ClientThread
from durable_workflow.worker._heartbeats import Heartbeats, on_loop
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._transports import transport_of


class Background:
    """Sends the heartbeats of one worker until it has drained.

    Attributes:
        task: The task that sends them on the worker's event loop.
        thread: The thread that sends them, so that code that blocks the loop does not stop them.
    """

    def __init__(
        self,
        worker_id: str,
        heartbeats: Heartbeats,
        *,
        clone_client: Callable[[], Any],
        register_again: Callable[[], Awaitable[None]],
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self.thread: ClientThread | None = None
        self._worker_id = worker_id
        self._heartbeats = heartbeats
        self._clone_client = clone_client
        self._register_again = register_again
        self._register_on_loop = register_again
        self._drained = asyncio.Event()

    async def register_again(self) -> None:
        """Register on the worker's event loop, from whichever thread this is awaited in."""
        await self._register_on_loop()

    def start(self, *, in_thread: bool) -> None:
        """Begin, on the event loop that runs here or in a thread."""
        self._register_on_loop = on_loop(asyncio.get_running_loop(), self._register_again)
        if not in_thread:
            self.task = asyncio.create_task(self._heartbeats.run(Pacing(self._drained)))
            return

        async def serve(client: WorkerClient, pacing: Pacing) -> None:
            await self._heartbeats.run(pacing, transport_of(client))

        name = f"durable-workflow-heartbeats-{self._worker_id}"
        self.thread = ClientThread(name, self._clone_client, serve)
        self.thread.start()

    def request_stop(self) -> set[asyncio.Task[None]]:
        """Send no more; returns what is left to be cancelled."""
        self._drained.set()
        if self.thread is not None:
            self.thread.request_stop()
        return set() if self.task is None else {self.task}

    async def join(self, seconds: float) -> None:
        """Wait until the thread has closed its connection, or for so long."""
        if self.thread is not None:
            await self.thread.join(seconds)
