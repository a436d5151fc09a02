"""The two systems, behind one interface: run a program, and name the processes."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import aiohttp

from durable_workflow import Client
from integration.benchmarks.beside import environment
from integration.harness.processes import ManagedProcess, ServerProcess, worker_process

PROGRAMS = "integration.benchmarks.programs"
QUEUE = "benchmark"
_numbers = itertools.count(1)


class Side(Protocol):
    """A system that runs, with one worker at least.

    Attributes:
        server: Process id of its server.
    """

    server: int

    async def run(self, program: str, argument: Any) -> Any:
        """Start a workflow, and wait for its result."""
        ...


Opened: TypeAlias = AbstractAsyncContextManager[Side]
# Opens a side on a folder, with so many worker processes.
Open: TypeAlias = Callable[[Path, int], Opened]


class Ours:
    """This project."""

    def __init__(self, client: Client, server: int) -> None:
        self.server = server
        self._client = client

    async def run(self, program: str, argument: Any) -> Any:
        """Start a workflow, and wait for its result."""
        return await self._client.execute_workflow(
            workflow_type=program,
            task_queue=QUEUE,
            workflow_id=f"{program}-{next(_numbers)}",
            input=[argument],
            timeout=600,
        )


@asynccontextmanager
async def ours(folder: Path, workers: int, *, polls: bool = False) -> AsyncGenerator[Side]:
    """This project: a server, and workers that are processes of their own."""
    with ExitStack() as stack:
        server = stack.enter_context(ServerProcess(folder / "state.db"))
        for number in range(workers):
            worker = worker_process(
                server.url,
                PROGRAMS,
                task_queue=QUEUE,
                worker_id=f"worker-{number}",
                concurrency=50,
                quiet=True,
                polls=polls,
            )
            stack.enter_context(worker)
        async with Client(server.url, payload_size_warnings=False) as client:
            yield Ours(client, server.process.pid)


class Restate:
    """Restate, with a service in Python."""

    def __init__(self, session: aiohttp.ClientSession, ingress: str, server: int) -> None:
        self.server = server
        self._session = session
        self._ingress = ingress

    async def run(self, program: str, argument: Any) -> Any:
        """Invoke a handler, and wait for its result."""
        url = f"{self._ingress}/programs/{program.replace('-', '_')}"
        async with self._session.post(url, json=argument) as response:
            response.raise_for_status()
            return await response.json()


@asynccontextmanager
async def restate(folder: Path, workers: int) -> AsyncGenerator[Side]:
    """Restate: its server, and its service under hypercorn, which takes one connection."""
    executable, python = environment.make()
    ingress, admin, node, service = (_free_port() for _ in range(4))
    settings = {
        "RESTATE_BASE_DIR": str(folder / "restate"),
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
        "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{node}",
        "RESTATE_LOG_FILTER": "warn",
        "RESTATE_DISABLE_TELEMETRY": "true",
    }
    serve = [str(python), "-m", "hypercorn", "--bind", f"127.0.0.1:{service}"]
    serve += ["--workers", str(workers if workers > 1 else 0), "restate_programs:app"]
    with ExitStack() as stack:
        server = ManagedProcess([str(executable)], environment=settings, name="restate-server")
        stack.callback(server.dispose)
        served = ManagedProcess(serve, name="restate-service", folder=Path(__file__).parent)
        stack.callback(served.dispose)
        timeout = aiohttp.ClientTimeout(total=600)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await _register(session, f"http://127.0.0.1:{admin}", f"http://127.0.0.1:{service}")
            yield Restate(session, f"http://127.0.0.1:{ingress}", _native(server.pid))


async def _register(session: aiohttp.ClientSession, admin: str, service: str) -> None:
    """Tell the server where the service is, once both are up."""
    deadline = time.monotonic() + 60
    while True:
        try:
            async with session.post(f"{admin}/deployments", json={"uri": service}) as response:
                if response.status < 300:
                    return
                said = await response.text()
        except aiohttp.ClientError as error:
            said = str(error)
        if time.monotonic() > deadline:
            raise RuntimeError(f"the deployment could not be registered: {said}")
        await asyncio.sleep(0.2)


def _native(pid: int) -> int:
    """The server itself: what npm installs is a script that starts it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
