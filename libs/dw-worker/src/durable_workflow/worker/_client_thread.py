"""Threads for queries and heartbeats, which go on while the worker's event loop is busy."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from durable_workflow._event_loops import loop_factory
from durable_workflow.worker._log import log
from durable_workflow.worker._polling import Pacing


class ClientThread:
    """A daemon thread with an event loop, and with a client of its own."""

    def __init__(
        self,
        name: str,
        clone: Callable[[], Any],
        serve: Callable[[Any, Pacing], Coroutine[Any, Any, None]],
    ) -> None:
        """Make the thread; `start` starts it.

        Args:
            name: The thread's name.
            clone: Makes the client, in the thread.
            serve: Works with that client until the pacing says stop.
        """
        self._name = name
        self._clone = clone
        self._serve = serve
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[Any] | None = None
        self._stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self.thread.start()

    def request_stop(self) -> None:
        """Make the thread end: what it serves with is cancelled, and may finish its work first."""
        self._stopped.set()
        loop, serving = self._loop, self._serving
        if loop is not None and serving is not None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile: it has ended by itself
                loop.call_soon_threadsafe(serving.cancel)

    async def join(self, seconds: float) -> None:
        """Wait until the thread has ended, or for so long."""
        if self.thread.is_alive():
            await asyncio.to_thread(self.thread.join, max(0.0, seconds))

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._main())
        except Exception:  # noqa: BLE001 - logged; a daemon thread has nobody to raise to
            log.exception("thread %s died", self._name)

    async def _main(self) -> None:
        client = self._clone()
        try:
            self._loop = asyncio.get_running_loop()
            serving = asyncio.create_task(self._serve(client, Pacing(asyncio.Event())))
            self._serving = serving
            if self._stopped.is_set():  # asked for before there was anything to cancel
                serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
        finally:
            await close_client(client)


async def close_client(client: Any) -> None:
    """Close a client that was made for the thread."""
    close: Callable[[], Awaitable[Any]] | None = getattr(client, "aclose", None)
    if close is not None:
        await close()
