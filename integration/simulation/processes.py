"""The simulated server, on a file of its own, and clients of it."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import apsw
import msgspec

from durable_workflow.client import Client
from durable_workflow.server.app import create_app
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.settings import Settings
from durable_workflow.server.store.sqlite import Committed, Done, Executing, commit
from integration.simulation.loop import Node, SimulatedLoop
from integration.simulation.network import Network, SimulatedTransport
from integration.simulation.sources import EPOCH

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
        retention_interval_seconds=5,
    ),
)
# More than `_committer` takes for a quick disk: every commit goes the way of the thread.
_COMMIT_SECONDS = 0.002


class LoopClock:
    """The server's clock: the loop's."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> int:
        return round((EPOCH + self._loop.time()) * 1_000_000)


class SimulatedCommitter:
    """Commits in the loop, after a while, or fails to."""

    def __init__(self, server: ServerProcess, cursor: Executing) -> None:
        self._server = server
        self._cursor = cursor
        self._network = server.network
        self._fails = False

    def commit(self, done: Done) -> None:
        """Commit, and call `done`."""
        if self._fails:
            self._server.crash("behind a sync that failed")
            return
        self._network.loop.call_later(self._network.sky.commit_seconds(), self._commit, done)

    def run_apart(self, work: Callable[[], None]) -> None:
        """Run `work` at once: the loop is all there is."""
        work()

    def stop(self) -> None:
        """Nothing is under way when a store is closed."""

    def _commit(self, done: Done) -> None:
        sky, trace = self._network.sky, self._network.trace
        if sky.happens(sky.now.commit_fails):
            if sky.happens(0.2):
                self._fail_to_sync()
            trace.note("commit failed")
            done(Committed(apsw.IOError("disk I/O error"), _COMMIT_SECONDS))
            return
        crashes = sky.happens(sky.now.crash_at_commit)
        if crashes and sky.happens(0.5):
            self._server.crash("before a commit")
            return
        how = commit(self._cursor)
        trace.note("committed")
        if crashes:
            self._server.crash("behind a commit")
            return
        done(Committed(how.error, _COMMIT_SECONDS))

    def _fail_to_sync(self) -> None:
        """Write the log and fail: what is refused comes back, for it crashes before it commits."""
        commit(self._cursor)
        self._fails = True
        seconds = self._network.sky.dice.uniform(0, 0.1)
        self._network.loop.call_later(seconds, self._server.crash, "behind a sync that failed")


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
            make_committer=lambda cursor: SimulatedCommitter(self, cursor),
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
        self.network.loop.call_on(self.network.loop.world, 0, self._end)

    def _end(self) -> None:
        """When none of its code is on the stack any more: what it had open is closed."""
        self.network.files.close_of(self.node)
        if not self.died.done():
            self.died.set_result(None)

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


def client_on(network: Network, node: Node) -> Client:
    """A client of a program."""
    return Client(URL, transport=SimulatedTransport(network, node), timeout=10)


def dice_of(purpose: str, seed: int) -> random.Random:
    """Dice for one purpose, so that one more throw changes nothing else."""
    return random.Random(f"{purpose} {seed}")
