"""The thread that keeps a worker's stream up and says that it is alive.

Where there can be no such thread, a task of the worker's event loop says so.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from durable_workflow._meet import WorkerClient, WorkerStream, WorkerTransport
from durable_workflow.worker._client_thread import ClientThread
from durable_workflow.worker._heartbeats import Heartbeats, on_loop
from durable_workflow.worker._line import Line, Standing
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._streaming import keep_up
from durable_workflow.worker._thread_kinds import MakeClientThread
from durable_workflow.worker._transports import transport_of

OpenStream = Callable[[WorkerTransport], WorkerStream | None]


class Background:
    """Keeps one worker's stream up and sends its heartbeats, until it has drained.

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
        standing: Standing,
        make_thread: MakeClientThread,
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self.thread: ClientThread | None = None
        self._worker_id = worker_id
        self._heartbeats = heartbeats
        self._clone_client = clone_client
        self._register_again = register_again
        self._register_on_loop = register_again
        self._standing = standing
        self._make_thread = make_thread
        self._drained = asyncio.Event()

    async def register_again(self) -> None:
        """Register on the worker's event loop, from whichever thread this is awaited in."""
        await self._register_on_loop()

    def start(self, *, in_thread: bool, open_stream: OpenStream | None = None) -> None:
        """Begin, on the event loop that runs here or in a thread.

        Args:
            in_thread: Whether there can be a thread.
            open_stream: Makes the worker's stream, which the thread then keeps up.
        """
        self._register_on_loop = on_loop(asyncio.get_running_loop(), self._register_again)
        if not in_thread:
            self.task = asyncio.create_task(self._heartbeats.run(Pacing(self._drained)))
            return
        client = self._clone_client()
        requests = transport_of(client)
        # Made here: once this returns, whoever asks for a task waits for the stream.
        stream = None if open_stream is None else open_stream(requests)
        self._standing.stream = stream

        async def serve(_: WorkerClient, pacing: Pacing) -> None:
            line = Line(lambda _: requests, self._standing)
            async with asyncio.TaskGroup() as tasks:
                if stream is not None:
                    tasks.create_task(keep_up(stream, self._standing, self._worker_id))
                tasks.create_task(self._heartbeats.run(pacing, line))

        name = f"durable-workflow-heartbeats-{self._worker_id}"
        self.thread = self._make_thread(name, lambda: client, serve)
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
