"""A server over real sockets, with clients over HTTP and workers over streams."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import apsw
import httpx
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from durable_workflow.server import Settings
from durable_workflow.server.clock import Clock, ManualClock, SystemClock
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.serving import serving
from durable_workflow.server.stream_connections import StreamConnection

Json = dict[str, Any]
CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}
SLOTS = {"workflow": 10, "activity": 10, "query": 10}
BLOB = {"codec": "json", "blob": "1"}
COMPLETE = {"type": "complete_workflow", "result": BLOB}


class Disk(apsw.VFS):
    """The system's files; syncs wait while `may_sync` is not set, and those in `fails` fail."""

    def __init__(self) -> None:
        self.may_sync = threading.Event()
        self.may_sync.set()
        self.fails: set[int] = set()
        self.syncs = 0
        self.below = apsw.vfs_names()[0]
        super().__init__("stream-disk", self.below, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return DiskFile(self, name, flags)

    def fail_from_now_on(self) -> None:
        """Have the sync that waits fail, and those that follow."""
        waits = 0 if self.may_sync.is_set() else 1
        self.fails = set(range(self.syncs + 1 - waits, self.syncs + 50))


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__(disk.below, name, flags)

    def xSync(self, flags: int) -> None:
        self._disk.syncs += 1
        number = self._disk.syncs
        assert self._disk.may_sync.wait(20)
        if number in self._disk.fails:
            raise apsw.IOError("fsync failed")
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[Disk]:
    """The disk under the databases of this test."""
    disk = Disk()
    yield disk
    disk.may_sync.set()
    disk.unregister()


class Peer:
    """A worker at the other end of a stream."""

    def __init__(self, socket: ClientConnection, worker_id: str) -> None:
        self.socket = socket
        self.worker_id = worker_id
        self.welcome: Json = {}
        self._ids = 0
        self._unread: list[Json] = []

    async def send(self, *messages: Json) -> None:
        await self.socket.send(json.dumps(messages))

    async def ask(self, type_: str, **members: Any) -> int:
        """Send a message that has an id."""
        self._ids += 1
        await self.send({"type": type_, "id": self._ids, **members})
        return self._ids

    async def next(self, *types: str, seconds: float = 10) -> Json:
        """The next message of these types; others are kept for later."""
        async with asyncio.timeout(seconds):
            while True:
                for message in self._unread:
                    if message["type"] in types:
                        self._unread.remove(message)
                        return message
                self._unread += json.loads(await self.socket.recv())

    async def task(self, kind: str = "workflow", seconds: float = 10) -> Json:
        message = await self.next("task", seconds=seconds)
        assert message["kind"] == kind
        task: Json = message["task"]
        return task

    async def silent(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for a while."""
        try:
            await self.next("task", "cancel", "refused", "acks", "answer", seconds=seconds)
        except TimeoutError:
            return True
        return False

    async def complete(self, task: Json, *commands: Json, **more: Any) -> int:
        return await self.ask(
            "complete",
            kind="workflow",
            task_id=task["task_id"],
            attempt=task["workflow_task_attempt"],
            commands=list(commands) or [COMPLETE],
            **({"claim": task["claim"]} if "claim" in task else {}) | more,
        )

    async def complete_activity(self, task: Json, verb: str = "complete", **more: Any) -> int:
        return await self.ask(
            verb,
            kind="activity",
            task_id=task["task_id"],
            attempt=task["activity_attempt_id"],
            **({"result": BLOB} if verb == "complete" else {}) | more,
        )

    async def acknowledged(self, *ids: int) -> None:
        """Wait until reports are acknowledged."""
        wanted = set(ids)
        while wanted:
            message = await self.next("acks", "refused")
            assert message["type"] == "acks", message
            wanted -= set(message["ids"])

    async def ended(self) -> int:
        """The code with which the server ends the connection."""
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(self._read_on(), 10)
        assert closed.value.rcvd is not None, "the connection was dropped"
        return closed.value.rcvd.code

    async def _read_on(self) -> None:
        while True:
            self._unread += json.loads(await self.socket.recv())

    def drop(self) -> None:
        """Cut the connection, without a word."""
        self.socket.transport.abort()


class Stage:
    """One server, and what works on it."""

    def __init__(self, server: Server, clock: Clock, url: str, http: httpx.AsyncClient) -> None:
        self.server = server
        self.clock = clock
        self.url = url
        self.http = http
        self._stack = AsyncExitStack()

    async def register(self, worker_id: str = "w", session: str = "s", **more: Any) -> None:
        body: Json = {
            "worker_id": worker_id,
            "session": session,
            "task_queue": "q",
            "runtime": "python",
            "capabilities": ["worker_stream", "held_tasks", "query_tasks"],
        }
        answer = await self.post("/worker/register", body | more)
        assert answer.status_code == 201, answer.text

    async def post(self, path: str, body: Json) -> httpx.Response:
        headers = WORKER if path.startswith("/worker") else CONTROL
        return await self.http.post(f"/api{path}", json=body, headers=headers)

    async def get(self, path: str) -> Json:
        found: Json = (await self.http.get(f"/api{path}", headers=CONTROL)).json()
        return found

    async def start(self, workflow_id: str = "wf", **more: Any) -> Json:
        body = {"workflow_id": workflow_id, "workflow_type": "flow", "task_queue": "q"} | more
        answer = await self.post("/workflows", body)
        assert answer.status_code == 201, answer.text
        run: Json = answer.json()
        return run

    async def status(self, workflow_id: str = "wf") -> str:
        status: str = (await self.get(f"/workflows/{workflow_id}"))["status"]
        return status

    async def poll(self, worker_id: str = "poller", kind: str = "workflow") -> Json | None:
        body = {"worker_id": worker_id, "task_queue": "q"}
        task: Json | None = (await self.post(f"/worker/{kind}-tasks/poll", body)).json()["task"]
        return task

    def committed(self, statement: str) -> list[tuple[Any, ...]]:
        """What another process sees of the database."""
        connection = sqlite3.connect(f"file:{self.server.settings.db}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    async def events(self, run: Json) -> list[str]:
        path = f"/workflows/{run['workflow_id']}/runs/{run['run_id']}/history"
        return [event["event_type"] for event in (await self.get(path))["events"]]

    async def socket(self, **options: Any) -> ClientConnection:
        """A stream without a hello."""
        url = self.url.replace("http", "ws") + "/api/worker/stream"
        options = {"compression": None, "additional_headers": WORKER, "max_size": None} | options
        return await self._stack.enter_async_context(connect(url, **options))

    async def peer(
        self,
        worker_id: str = "w",
        session: str = "s",
        *,
        slots: Json | None = None,
        held: list[Json] | None = None,
        claims: bool = False,
        register: bool = True,
        **registration: Any,
    ) -> Peer:
        """A worker with a stream, welcomed."""
        if register:
            await self.register(worker_id, session, **registration)
        peer = Peer(await self.socket(), worker_id)
        queue: str = registration.get("task_queue", "q")
        said = hello(worker_id, session, slots=slots, held=held, task_queue=queue)
        await peer.send(said | ({"claims": True} if claims else {}))
        peer.welcome = await peer.next("welcome")
        return peer

    def pass_time(self, seconds: float) -> None:
        """Let time pass, which stands still otherwise: the server was given a `ManualClock`."""
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(seconds)
        self.server.timers.poke()

    async def close(self) -> None:
        await self._stack.aclose()


def hello(
    worker_id: str = "w",
    session: str = "s",
    *,
    slots: Json | None = None,
    held: list[Json] | None = None,
    task_queue: str = "q",
) -> Json:
    return {
        "type": "hello",
        "worker_id": worker_id,
        "session": session,
        "task_queue": task_queue,
        "build_id": None,
        "slots": SLOTS if slots is None else SLOTS | slots,
        "held": held or [],
    }


def held(task: Json) -> Json:
    """A task as `held` names it."""
    kind = "workflow" if "workflow_task_attempt" in task else "activity"
    attempt = task.get("workflow_task_attempt") or task["activity_attempt_id"]
    claim = {"claim": task["claim"]} if "claim" in task else {}
    return {"kind": kind, "task_id": task["task_id"], "attempt": attempt, **claim}


@asynccontextmanager
async def staged(
    settings: Settings | None = None, *, clock: Clock | None = None, **services: Any
) -> AsyncGenerator[Stage]:
    """Serve on a free port."""
    given = settings or Settings(db=":memory:", long_poll_timeout=1)
    given = msgspec.structs.replace(
        given, port=0, services=msgspec.structs.replace(ServiceSettings(), **services)
    )
    clock = clock or SystemClock()
    server = Server(given, clock=clock)
    await server.start()
    async with AsyncExitStack() as stack:
        # In the order of a server that goes while its workers are connected.
        stack.push_async_callback(server.stop)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30, verify=False))
        stage = Stage(server, clock, "", http)
        stack.push_async_callback(stage.close)
        stage.url = await stack.enter_async_context(serving(server))
        http.base_url = stage.url
        yield stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as stage:
        yield stage


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The messages that took the long way: through the parser, a queue and a task of the loop."""
    found: list[bytes] = []
    handle_text = StreamConnection.handle_text

    def handle(self: StreamConnection, event: Any) -> None:
        found.append(bytes(event.data))
        handle_text(self, event)

    monkeypatch.setattr(StreamConnection, "handle_text", handle)
    return found


@pytest.fixture
def peers() -> Callable[[ClientConnection], Peer]:
    """Makes a worker of a socket, without a hello."""

    def make(socket: ClientConnection) -> Peer:
        return Peer(socket, "w")

    return make


@pytest.fixture(name="staged")
def staged_fixture() -> Callable[..., AbstractAsyncContextManager[Stage]]:
    """Serves the settings given."""
    return staged


@pytest.fixture(name="held")
def held_fixture() -> Callable[[Json], Json]:
    """A task as `held` names it."""
    return held
