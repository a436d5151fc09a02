"""A server that speaks the worker stream as a test tells it to, and a worker's end of one."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, TypeAlias

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from durable_workflow._event_loops import loop_factory
from durable_workflow._meet import Lease, Opening, StreamEnded
from durable_workflow.client._stream._connecting import Address
from durable_workflow.client._stream._stream import HttpStream

Json = dict[str, Any]
LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop] | None
WELCOME: Json = {"type": "welcome", "grace_ms": 1000, "heartbeat_seconds": 10, "dropped": []}


class Peer:
    """One connection as the server sees it."""

    def __init__(self, socket: ServerConnection, hello: Json) -> None:
        self.socket = socket
        self.hello = hello
        self.frames: list[list[Json]] = []
        self._messages: asyncio.Queue[Json] = asyncio.Queue()

    async def read(self) -> None:
        with suppress(ConnectionClosed):
            async for frame in self.socket:
                messages = json.loads(frame)
                self.frames.append(messages)
                for message in messages:
                    self._messages.put_nowait(message)

    async def next(self) -> Json:
        """The next message of the worker."""
        return await asyncio.wait_for(self._messages.get(), 5)

    async def send(self, *messages: Json) -> None:
        await self.socket.send(json.dumps(messages))

    async def next_pong(self) -> None:
        """Wait until the worker has received everything that was sent before."""
        pong = await self.socket.ping()
        await asyncio.wait_for(pong, 5)

    async def cut(self) -> None:
        """End the connection as a cut would."""
        self.socket.transport.abort()

    async def acknowledge(self, *messages: Json) -> None:
        await self.send({"type": "acks", "ids": [message["id"] for message in messages]})


class FakeServer:
    """Accepts streams. `answers` are what hellos get, in order; a welcome where there is none."""

    def __init__(self) -> None:
        self.answers: list[list[Json]] = []
        self.statuses: list[HTTPStatus] = []
        self.requests: list[Request] = []
        self.peers: asyncio.Queue[Peer] = asyncio.Queue()
        self.hellos: list[Json] = []
        self.port = 0
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await serve(
            self._accept,
            "127.0.0.1",
            self.port,
            process_request=self._upgrade,
            max_size=None,
            ping_interval=None,  # tests say when it pings
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def peer(self) -> Peer:
        """The next stream that was welcomed."""
        return await asyncio.wait_for(self.peers.get(), 5)

    def _upgrade(self, socket: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return socket.respond(self.statuses.pop(0), "no") if self.statuses else None

    async def _accept(self, socket: ServerConnection) -> None:
        [hello] = json.loads(await socket.recv())
        self.hellos.append(hello)
        answer = self.answers.pop(0) if self.answers else [WELCOME]
        await socket.send(json.dumps(answer))
        if answer[0]["type"] == "refused":
            await socket.close(4000 + int(answer[0]["status"]))
            return
        peer = Peer(socket, hello)
        self.peers.put_nowait(peer)
        await peer.read()


class Listener:
    """Remembers what a stream tells its worker."""

    def __init__(self) -> None:
        self.welcomes: list[Mapping[str, Any]] = []
        # The stream knows that it is open: the server knows it a little earlier.
        self.opened = asyncio.Event()
        self.drops: list[tuple[str, int | str]] = []
        self.cancels: list[tuple[str, str]] = []
        self.doubts: list[str] = []
        self.settled_claims: list[str] = []
        self.registrations = 0

    def welcomed(self, welcome: Mapping[str, Any]) -> None:
        self.welcomes.append(welcome)
        self.opened.set()

    def dropped(self, task_id: str, attempt: int | str) -> None:
        self.drops.append((task_id, attempt))

    def cancelled(self, task_id: str, reason: str) -> None:
        self.cancels.append((task_id, reason))

    def doubted(self, claims: Collection[str]) -> None:
        self.doubts += claims

    def settled(self, claim: str) -> None:
        self.settled_claims.append(claim)

    async def register_again(self) -> None:
        self.registrations += 1


class Apart:
    """A stream in a thread of its own, as a worker has it."""

    def __init__(self, url: str, listener: Any, factory: LoopFactory) -> None:
        async def counted(_: Lease, __: str, answer: Any) -> Any:
            return await answer

        opening = Opening("w", "s", "q", None, {"workflow": 9, "activity": 9, "query": 1}, None)
        address = Address(url, {}, None)
        self.stream = HttpStream(lambda: address, opening, listener, counted=counted)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._factory = factory

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._factory) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running = asyncio.create_task(self.stream.run())
        self._has_begun.set()
        await asyncio.wait({self._running})

    def start(self) -> None:
        self._thread.start()
        assert self._has_begun.wait(10)

    async def end(self) -> None:
        assert self._loop is not None
        assert self._running is not None
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._running.cancel)
        await asyncio.to_thread(self._thread.join, 10)
        assert not self._thread.is_alive()

    @contextmanager
    def standing_still(self) -> Generator[None]:
        """Its loop does nothing meanwhile."""
        stands, goes_on = threading.Event(), threading.Event()

        def stand() -> None:
            stands.set()
            goes_on.wait(20)

        assert self._loop is not None
        self._loop.call_soon_threadsafe(stand)
        assert stands.wait(10)
        try:
            yield
        finally:
            goes_on.set()

    async def next_task(self) -> Json:
        """The next task, for which the loop that runs here reads."""
        found: Json = await self.stream.poll("activity", timeout=10, begin=lambda _: None)
        return found

    async def until_read_here(self, peer: Peer, number: int) -> Json:
        """Send tasks until one arrives while the stream's thread stands still; returns that."""
        while True:
            asked = asyncio.create_task(self.next_task())
            await asyncio.sleep(0)
            with self.standing_still():
                await peer.send(self.activity(number))
                await asyncio.wait({asked}, timeout=0.2)
                if asked.done():
                    return asked.result()
            await asked

    @staticmethod
    def activity(number: int) -> Json:
        """A task as the server sends it."""
        about = {"task_id": f"t-{number}", "activity_attempt_id": "a", "activity_type": "act"}
        return {"type": "task", "kind": "activity", "task": about}


class Asking:
    """A loop in a thread of its own that asks for tasks.

    Attributes:
        on_task: Called there with each task, as soon as it is there; it may hold the loop up.
        goes_on: For what holds the loop up to wait for; set at the end at the latest.
    """

    def __init__(self, apart: Apart) -> None:
        self.on_task: Callable[[Json], object] = lambda _: None
        self.goes_on = threading.Event()
        self._apart = apart
        self._begun: set[str] = set()
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask()))
        self._thread.start()

    async def _ask(self) -> None:
        with suppress(StreamEnded):
            while True:
                await self._apart.stream.poll("activity", timeout=10, begin=self._begin)

    def _begin(self, found: Json) -> None:
        self._begun.add(found["task_id"])
        self._has_begun.set()
        self.on_task(found)

    async def until_it_reads(self, peer: Peer) -> int:
        """Send tasks until one arrives while the stream's thread stands still; its number."""
        number = 0
        while f"t-{number}" not in self._begun:
            number += 1
            self._has_begun.clear()
            with self._apart.standing_still():
                await peer.send(self._apart.activity(number))
                await asyncio.to_thread(self._has_begun.wait, 0.2)
        return number

    async def end(self) -> None:
        """End it. Its stream has ended."""
        self.goes_on.set()
        await asyncio.to_thread(self._thread.join, 10)
        assert not self._thread.is_alive()


@pytest.fixture
async def server() -> AsyncGenerator[FakeServer]:
    server = FakeServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture(params=[None, loop_factory()])
async def apart(
    request: pytest.FixtureRequest, server: FakeServer, listener: Listener
) -> AsyncGenerator[Apart]:
    made = Apart(server.url, listener, request.param)
    made.start()
    yield made
    await made.end()


@pytest.fixture
async def asking(apart: Apart) -> AsyncGenerator[Asking]:
    made = Asking(apart)
    yield made
    made.goes_on.set()
    await apart.end()
    await made.end()


@pytest.fixture
async def counted() -> list[tuple[str, str]]:
    """Kind and verb of what was counted as a request."""
    return []


@pytest.fixture
async def open_stream(
    server: FakeServer, listener: Listener, counted: list[tuple[str, str]]
) -> AsyncGenerator[Callable[..., HttpStream]]:
    """Opens a stream to the server; what is left of it ends with the test."""
    running: list[asyncio.Task[None]] = []

    async def count(lease: Lease, verb: str, answer: Awaitable[Any]) -> Any:
        counted.append((lease.kind, verb))
        return await answer

    def begin(message_bytes: int | None = None) -> HttpStream:
        slots = {"workflow": 2, "activity": 3, "query": 1}
        opening = Opening("w", "s", "q", None, slots, message_bytes)
        address = Address(server.url, {"Authorization": "Bearer t"}, None)
        stream = HttpStream(lambda: address, opening, listener, counted=count)
        running.append(asyncio.create_task(stream.run(), name="stream"))
        return stream

    yield begin
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)
