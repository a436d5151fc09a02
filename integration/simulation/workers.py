"""The simulated workers: without threads, and with streams on the simulated network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import CodeType
from typing import Any, ClassVar, TypeVar

from durable_workflow import Worker
from durable_workflow._meet import (
    Opening,
    StreamListener,
    register_transport_clone,
    register_worker_transport,
)
from durable_workflow.client import Client
from durable_workflow.client._stream._stream import HttpStream
from durable_workflow.client._worker_transport import HttpWorkerTransport
from durable_workflow.worker._client_thread import ClientThread, close_client
from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._loop_code import LoopCode
from durable_workflow.worker._loop_watch import LoopWatch
from durable_workflow.worker._paces import Pace
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._thread_kinds import ThreadKinds
from integration.simulation.loop import Node
from integration.simulation.network import Network, SimulatedTransport
from integration.simulation.processes import URL
from integration.simulation.programs import ACTIVITIES, WORKFLOWS
from integration.simulation.websocket import StreamPair, open_stream

T = TypeVar("T")

_SLOTS = 4


class InlineCode(CodeThreads):
    """User code runs at once, in the loop's thread."""

    def submit(self, work: Callable[[CodeRun[T]], T]) -> Future[T]:
        """Run `work`; its future is done."""
        future: Future[T] = Future()
        run = CodeRun(work, None, future)
        loop = asyncio._get_running_loop()
        # As in a thread, where none runs.
        asyncio._set_running_loop(None)
        try:
            run.execute()
        finally:
            asyncio._set_running_loop(loop)
        return future


class InlineThread(ClientThread):
    """A task in place of a thread."""

    def __init__(
        self,
        name: str,
        clone: Callable[[], Any],
        serve: Callable[[Any, Pacing], Coroutine[Any, Any, None]],
    ) -> None:
        super().__init__(name, clone, serve)
        self._inline_clone = clone
        self._inline_serve = serve
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._serve_inline())

    def request_stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()

    async def join(self, seconds: float) -> None:
        """Wait until it has ended, or for so long."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=max(0.0, seconds))

    async def _serve_inline(self) -> None:
        client = self._inline_clone()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._inline_serve(client, Pacing(asyncio.Event()))
        finally:
            await close_client(client)


class UnwatchedLoopCode(LoopCode):
    """Quick code runs on the loop, and nothing is there to stop it.

    Which types are quick is forgotten with the worker: a seed begins as every other.
    """

    def __init__(
        self, threads: CodeThreads, *, limit_seconds: float | None, may_block: bool = False
    ) -> None:
        super().__init__(threads, limit_seconds=limit_seconds, may_block=may_block)
        self._paces: dict[type, Pace] = {}

    def _pace_of(self, workflow: type) -> Pace:
        return self._paces.setdefault(workflow, Pace(workflow.__qualname__))

    def _start_watchdog(self) -> None:
        """No code overruns while time stands still."""


class NoWatch(LoopWatch):
    """Nobody holds a loop whose time stands still meanwhile."""

    def __init__(self, attempt: CodeType) -> None:
        super().__init__(attempt)

    def start(self) -> None:
        """Nothing is watched."""

    def stop(self) -> None:
        """Nothing is watched."""


class SimulatedWorker(Worker):
    """A worker without threads."""

    _thread_kinds: ClassVar[ThreadKinds] = ThreadKinds(
        code=InlineCode, loop=UnwatchedLoopCode, client=InlineThread, watch=NoWatch
    )

    def free_slots(self) -> dict[str, int]:
        """Slots in which no task runs."""
        return self._slots.available()

    def _current_process_metrics(self) -> dict[str, Any]:
        return {"process_id": 1, "process_uptime_seconds": 0}


class PollingClient(Client):
    """The client of a worker that polls."""


class StreamingClient(Client):
    """The client of a worker that opens a stream."""


class SimulatedWorkerTransport(HttpWorkerTransport):
    """Opens streams on the simulated network."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        assert isinstance(client.transport, SimulatedTransport)
        self._network, self._node = client.transport.network, client.transport.node

    @property
    def can_stream(self) -> bool:
        return True

    def stream(self, opening: Opening, listener: StreamListener) -> HttpStream:
        """A stream, not connected yet."""

        async def connect(address: Any) -> StreamPair:
            return await open_stream(self._network, self._node, address)

        return HttpStream(self._address, opening, listener, counted=self._counted, connect=connect)


def _clone(client: StreamingClient, **_: Any) -> StreamingClient:
    return StreamingClient(URL, transport=client.transport, timeout=client.timeout)


register_worker_transport(PollingClient, HttpWorkerTransport)
register_worker_transport(StreamingClient, SimulatedWorkerTransport)
register_transport_clone(StreamingClient, _clone)


class WorkerProcess:
    """One life of a worker.

    Attributes:
        node: Where it runs.
        worker: What runs there, once it runs.
    """

    def __init__(
        self, network: Network, name: str, life: int, *, streams: bool, code_on_loop: bool
    ) -> None:
        self.network = network
        self.node = Node(f"{name}-{life}")
        self.worker: SimulatedWorker | None = None
        self._worker_id = name
        self._client_type = StreamingClient if streams else PollingClient
        # Without a limit of time no code runs on the loop.
        self._limit = 60.0 if code_on_loop else None
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to serve."""
        self.network.trace.note(f"{self.node.name} starts")
        self._running = self.network.loop.start_on(self.node, self._run())

    async def _run(self) -> None:
        client = self._client_type(
            URL, transport=SimulatedTransport(self.network, self.node), timeout=10
        )
        self.worker = SimulatedWorker(
            client,
            task_queue="q",
            worker_id=self._worker_id,
            workflow_deadline_seconds=self._limit,
            poll_timeout=10,
            shutdown_timeout=5,
            max_concurrent_workflow_tasks=_SLOTS,
            max_concurrent_activity_tasks=_SLOTS,
            workflows=WORKFLOWS,
            activities=ACTIVITIES,
        )
        await self.worker.run()

    def ended(self) -> str | None:
        """Why it has ended by itself; None while it runs."""
        if self._running is None or not self._running.done():
            return None
        return repr(self._running.exception())

    def leaks(self) -> list[str]:
        """Slots that are taken although there is no work."""
        if self.worker is None:
            return []
        free = self.worker.free_slots()
        return [
            f"{self.node.name} has {count} of {_SLOTS} free slots: {kind}"
            for kind, count in free.items()
            if count != _SLOTS
        ]

    def crash(self) -> None:
        """End it as `kill -9` does."""
        self.network.trace.note(f"{self.node.name} crashes")
        self._die()

    async def stop(self, seconds: float) -> None:
        """Stop it as a signal does, and kill it where that takes too long."""
        self.network.trace.note(f"{self.node.name} stops")
        if self.worker is not None:
            stopping = self.network.loop.start_on(self.node, self.worker.stop())
            await asyncio.wait({stopping}, timeout=seconds)
        self._die()

    def _die(self) -> None:
        self.network.loop.kill(self.node)
        self.network.bury(self.node)
