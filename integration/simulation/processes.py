"""The simulated processes: a server on a file of its own, workers, and their clients."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar, TypeVar

import apsw
import msgspec

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
from durable_workflow.server.app import create_app
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.settings import Settings
from durable_workflow.server.store.sqlite import Committed, Connection, Done, commit
from durable_workflow.worker._client_thread import ClientThread, close_client
from durable_workflow.worker._code_threads import CodeThreads, Run
from durable_workflow.worker._loop_watch import LoopWatch
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._thread_kinds import ThreadKinds
from integration.simulation.loop import Node, SimulatedLoop
from integration.simulation.network import Network, SimulatedTransport
from integration.simulation.programs import ACTIVITIES, WORKFLOWS
from integration.simulation.sources import EPOCH
from integration.simulation.websocket import StreamPair, open_stream

T = TypeVar("T")

URL = "http://simulated"
# Short, so that a run has many leases that end, and is over soon.
SETTINGS = Settings(
    server_id="simulated",
    services=ServiceSettings(
        workflow_lease_seconds=6,
        activity_lease_seconds=12,
        heartbeat_interval_seconds=2,
        missed_heartbeats=3,
        activity_max_redeliveries=100,
    ),
)
# More than `_committer` takes for a quick disk: every commit goes the way of the thread.
_COMMIT_SECONDS = 0.002
_SLOTS = 4


class LoopClock:
    """The server's clock: the loop's."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> int:
        return round((EPOCH + self._loop.time()) * 1_000_000)


class SimulatedCommitter:
    """Commits in the loop, after a while, or fails to."""

    def __init__(self, server: ServerProcess, connection: Connection) -> None:
        self._server = server
        self._connection = connection
        self._network = server.network

    def commit(self, done: Done) -> None:
        """Commit, and call `done`."""
        self._network.loop.call_later(self._network.sky.commit_seconds(), self._commit, done)

    def stop(self) -> None:
        """Nothing is under way when a store is closed."""

    def _commit(self, done: Done) -> None:
        sky, trace = self._network.sky, self._network.trace
        if sky.happens(sky.now.commit_fails):
            trace.note("commit failed")
            done(Committed(apsw.IOError("disk I/O error"), _COMMIT_SECONDS))
            return
        crashes = sky.happens(sky.now.crash_at_commit)
        if crashes and sky.happens(0.5):
            self._server.crash("before a commit")
            return
        how = commit(self._connection)
        trace.note("committed")
        if crashes:
            self._server.crash("behind a commit")
            return
        done(Committed(how.error, _COMMIT_SECONDS))


class ServerProcess:
    """One life of the server.

    Attributes:
        node: Where it runs.
        app: Its application.
        folder: Where its file is.
        died: Done when it has ended, in whichever way.
    """

    def __init__(self, network: Network, number: int, folder: Path, seed: int) -> None:
        self.network = network
        self.node = Node(f"server-{number}")
        self.folder = folder
        self.died: asyncio.Future[None] = network.loop.create_future()
        self._ids = UlidSource(seed * 1000 + number)
        self.server: Server
        self.app: Any = None

    @property
    def file(self) -> Path:
        """The state."""
        return self.folder / "state.db"

    async def start(self) -> bool:
        """Open the file, and listen; False where it ends before."""
        if not await self._lives_through(self._start()):
            return False
        self.network.trace.note(f"{self.node.name} listens")
        self.network.server = self
        return True

    async def _lives_through(self, coroutine: Coroutine[Any, Any, None]) -> bool:
        """Run a part of its life; False where it died or failed meanwhile."""
        task = self.network.loop.start_on(self.node, coroutine)
        await asyncio.wait({task, self.died}, return_when=asyncio.FIRST_COMPLETED)
        return task.done() and task.exception() is None

    async def _start(self) -> None:
        self.server = server = Server(
            msgspec.structs.replace(SETTINGS, db=str(self.file)),
            clock=LoopClock(self.network.loop),
            ids=self._ids,
            make_committer=lambda connection: SimulatedCommitter(self, connection),
        )
        await server.start()
        self.app = create_app(server)
        await server.announce()

    def crash(self, when: str = "") -> None:
        """End it as `kill -9` does: what is in the files stays."""
        if self.node.dead:
            return
        self.network.trace.note(f"{self.node.name} crashes {when}")
        self.network.loop.kill(self.node)
        if self.network.server is self:
            self.network.server = None
        self.network.bury(self.node)
        self.network.loop.call_on(self.network.loop.world, 0, _set, self.died)

    async def stop(self) -> None:
        """Stop it as a signal does."""
        self.network.trace.note(f"{self.node.name} stops")
        self.network.server = None
        await self._lives_through(self._stop())
        self.crash("at its end")

    async def _stop(self) -> None:
        self.server.hold_no_more()
        self.network.close_streams(self.node)
        # What uvicorn gives requests in progress.
        await asyncio.sleep(1)
        await self.server.stop()

    def leave_files_to(self, folder: Path) -> None:
        """Copy what a next start finds: the file, and its log."""
        folder.mkdir()
        for name in ("state.db", "state.db-wal"):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, folder / name)


class InlineCode(CodeThreads):
    """User code runs at once, in the loop's thread."""

    def submit(self, work: Callable[[Run[T]], T]) -> Future[T]:
        """Run `work`; its future is done."""
        run = Run(work, None)
        loop = asyncio._get_running_loop()
        # As in a thread, where none runs.
        asyncio._set_running_loop(None)
        try:
            run.execute()
        finally:
            asyncio._set_running_loop(loop)
        return run.future


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

    _thread_kinds: ClassVar[ThreadKinds] = ThreadKinds(InlineCode, InlineThread, NoWatch)

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

    def __init__(self, network: Network, name: str, life: int, *, streams: bool) -> None:
        self.network = network
        self.node = Node(f"{name}-{life}")
        self.worker: SimulatedWorker | None = None
        self._worker_id = name
        self._client_type = StreamingClient if streams else PollingClient
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
            workflow_deadline_seconds=None,
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


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def client_on(network: Network, node: Node) -> Client:
    """A client of a program."""
    return Client(URL, transport=SimulatedTransport(network, node), timeout=10)


def dice_of(purpose: str, seed: int) -> random.Random:
    """Dice for one purpose, so that one more throw changes nothing else."""
    return random.Random(f"{purpose} {seed}")
