"""The server and the workers of a run, started again where they end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from integration.harness.new_state import new_state
from integration.harness.rows import open_runs, rows_of_runs
from integration.simulation.network import Network
from integration.simulation.processes import ServerProcess, dice_of
from integration.simulation.sources import EPOCH
from integration.simulation.workers import WorkerProcess

_LONGEST_STOP_SECONDS = 20.0
_SETTLING_SECONDS = 200
# For leases that a worker has lost without its knowing.
_RESTING_SECONDS = 15
# More than the 30 days of the default namespace.
_KEPT_SECONDS = 31 * 86_400


class Fleet:
    """All processes but the callers.

    Attributes:
        wrong: What should not have happened to them.
    """

    def __init__(self, network: Network, seed: int, folder: Path) -> None:
        self.network = network
        self.wrong: list[str] = []
        self._seed = seed
        self._folder = folder
        self._dice = dice_of("fleet", seed)
        self._lives = 0
        self._server: ServerProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._workers: dict[str, WorkerProcess] = {}
        self._streams: dict[str, bool] = {}
        self._code_on_loop = self._dice.random() < 0.5
        self._ending = False

    @property
    def file(self) -> Path:
        """The state of the server's last life."""
        assert self._server is not None
        return self._server.file

    @property
    def workers(self) -> list[str]:
        """Names of the workers."""
        return list(self._streams)

    def start(self) -> None:
        """Start all."""
        self._supervisor = asyncio.create_task(self._supervise())
        for number in range(self._dice.randint(1, 3)):
            self._streams[f"worker-{number}"] = self._dice.random() < 0.6
        for name in self._streams:
            self.start_worker(name)

    # --- the server ------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Start the server, and again whenever it has ended."""
        try:
            await self._keep_up()
        except Exception as error:
            self.wrong.append(f"the server could not be kept up: {error!r}")
            raise

    async def _keep_up(self) -> None:
        while not self._ending:
            server = self._next_server()
            if await server.start():
                await server.died
            else:
                server.crash("while it starts")
            if not self._ending:
                await asyncio.sleep(self._dice.expovariate(1 / 2))

    def _next_server(self) -> ServerProcess:
        self._lives += 1
        folder = self._folder / str(self._lives)
        if self._server is None:
            folder.mkdir()
            # Making a file takes as long as a third of a seed.
            if self._dice.random() < 0.9:
                (folder / "state.db").write_bytes(new_state(EPOCH))
        else:
            self._server.leave_files_to(folder)
        self._server = ServerProcess(self.network, self._lives, folder, self._seed)
        return self._server

    def crash_server(self) -> None:
        """Kill it, if it runs."""
        if self._server is not None:
            self._server.crash()

    async def restart_server(self) -> None:
        """Stop it as an operator does."""
        server = self._server
        if server is None or self.network.server is None:
            return
        if self.network.server.node is server.node:
            await server.stop()

    # --- the workers -----------------------------------------------------------------------

    def start_worker(self, name: str) -> None:
        """Start one."""
        self._lives += 1
        worker = WorkerProcess(
            self.network,
            name,
            self._lives,
            streams=self._streams[name],
            code_on_loop=self._code_on_loop,
        )
        self._workers[name] = worker
        worker.start()

    def crash_worker(self, name: str) -> None:
        """Kill one, if it runs."""
        if (worker := self._workers.pop(name, None)) is not None:
            self._note_end(worker)
            worker.crash()

    async def stop_worker(self, name: str) -> None:
        """Stop one as a signal does."""
        if (worker := self._workers.pop(name, None)) is not None:
            self._note_end(worker)
            await worker.stop(_LONGEST_STOP_SECONDS)

    def _note_end(self, worker: WorkerProcess) -> None:
        if (why := worker.ended()) is not None:
            self.wrong.append(f"{worker.node.name} ended by itself: {why}")

    async def restore(self) -> None:
        """Have all of them run."""
        for name in self._streams:
            if name not in self._workers:
                self.start_worker(name)

    async def settle(self) -> list[str]:
        """Wait until nothing is open any more, and for what workers do of themselves then."""
        for _ in range(_SETTLING_SECONDS):
            await asyncio.sleep(1)
            if self.network.server is not None and not open_runs(self.file):
                await asyncio.sleep(_RESTING_SECONDS)
                return []
        return ["the server does not run" if self.network.server is None else "runs are open"]

    async def expire(self) -> list[str]:
        """Let more time pass than runs are kept: nothing of them is left, also behind a crash."""
        self.network.loop.pass_time(_KEPT_SECONDS)
        crashes_at = self._dice.choice((None, 0, self._dice.randint(1, 8)))
        for second in range(_SETTLING_SECONDS):
            if second == crashes_at:
                await asyncio.sleep(self._dice.uniform(0, 1))
                self.crash_server()
            await asyncio.sleep(1)
            if self.network.server is not None and not rows_of_runs(self.file):
                return []
        return [f"expired runs are left: {rows_of_runs(self.file)}"]

    async def stop_workers(self) -> None:
        """Stop the workers, for good. None may hold anything by then."""
        for name, worker in list(self._workers.items()):
            self.wrong += worker.leaks()
            await self.stop_worker(name)

    async def stop(self) -> None:
        """Stop the server, for good."""
        self._ending = True
        await self.restart_server()
        assert self._supervisor is not None
        await self._supervisor
