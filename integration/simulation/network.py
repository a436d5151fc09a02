"""HTTP without sockets: a transport for clients whose requests reach the ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from durable_workflow.client import TransportResponse
from integration.simulation.loop import Node, SimulatedLoop
from integration.simulation.open_files import OpenFiles
from integration.simulation.weather import Sky, Trace

Event = MutableMapping[str, Any]


class Served(Protocol):
    """A server that can be reached."""

    @property
    def node(self) -> Node:
        """Where it runs."""
        ...

    @property
    def app(self) -> Callable[..., Any]:
        """Its ASGI application."""
        ...


class Breakable(Protocol):
    """A connection to the server."""

    def peer_died(self, node: Node) -> None:
        """A process has died; if it is at one end, the other one learns of it."""
        ...

    def server_stops(self, node: Node) -> None:
        """A server ends what would not end by itself."""
        ...


class Network:
    """Between all nodes.

    Attributes:
        files: What the nodes have open.
        server: What can be reached; None while nobody listens.
    """

    def __init__(self, loop: SimulatedLoop, files: OpenFiles, sky: Sky, trace: Trace) -> None:
        self.loop = loop
        self.files = files
        self.sky = sky
        self.trace = trace
        self.server: Served | None = None
        self.connections: dict[int, Breakable] = {}
        self._count = 0

    def number(self) -> int:
        """A name for a connection."""
        self._count += 1
        return self._count

    def listening(self) -> Served:
        """The server.

        Raises:
            httpx.ConnectError: There is none, or the connection is refused.
        """
        if self.server is None or self.sky.happens(self.sky.now.refused):
            raise httpx.ConnectError("connection refused")
        return self.server

    def close_streams(self, node: Node) -> None:
        """A server that stops ends its streams."""
        for connection in list(self.connections.values()):
            connection.server_stops(node)

    def bury(self, node: Node) -> None:
        """A process is gone: its connections break."""
        for connection in list(self.connections.values()):
            connection.peer_died(node)


class Exchange:
    """One request, and its answer."""

    def __init__(self, network: Network, client: Node) -> None:
        self.network = network
        self.client = client
        self.server: Node | None = None
        self.number = network.number()
        self.answer: asyncio.Future[TransportResponse] = network.loop.create_future()
        self.left: list[asyncio.Future[None]] = []

    def peer_died(self, node: Node) -> None:
        if node is self.server:
            self._later(self._break, "connection reset")
        if node is self.client:
            self.leave()

    def server_stops(self, node: Node) -> None:
        """A request is still answered."""

    def leave(self) -> None:
        """The client has closed the connection: the server learns of it in a while."""
        for left in self.left:
            self._later(_set, left)

    async def send(self, scope: dict[str, Any], body: bytes, told: str) -> TransportResponse:
        """Send the request, and wait for the answer.

        Raises:
            httpx.TransportError: As the weather has it.
        """
        network, sky = self.network, self.network.sky
        await asyncio.sleep(sky.travel_seconds())
        served = network.listening()
        if sky.happens(sky.now.request_lost):
            network.trace.note(f"{self.number} lost {told}")
            return await self._nothing()
        self.server = served.node
        network.connections[self.number] = self
        answer_lost = sky.happens(sky.now.answer_lost)
        try:
            self._deliver(served, scope, body, answers=not answer_lost, told=told)
            if sky.happens(sky.now.doubled):
                seconds = sky.travel_seconds()
                network.loop.call_later(seconds, self._double, served, scope, body, told)
            return await (self.answer if not answer_lost else self._lost_answer())
        finally:
            network.connections.pop(self.number, None)
            self.leave()

    async def _lost_answer(self) -> TransportResponse:
        await self.answer
        return await self._nothing()

    async def _nothing(self) -> TransportResponse:
        if self.network.sky.happens(self.network.sky.now.silent):
            await asyncio.Event().wait()
        raise httpx.ReadError("connection reset")

    def _double(self, served: Served, scope: dict[str, Any], body: bytes, told: str) -> None:
        if not served.node.dead:
            self._deliver(served, scope, body, answers=False, told=f"again {told}")
            self._later(self.leave)

    def _deliver(
        self, served: Served, scope: dict[str, Any], body: bytes, *, answers: bool, told: str
    ) -> None:
        self.network.trace.note(f"{self.number} -> {told}", body)
        left: asyncio.Future[None] = self.network.loop.create_future()
        self.left.append(left)
        self.network.loop.start_on(served.node, self._serve(served, scope, body, left))

    async def _serve(
        self, served: Served, scope: dict[str, Any], body: bytes, left: asyncio.Future[None]
    ) -> None:
        """In the server: have a request done."""
        unread = [body]
        status, headers, content = 0, {}, bytearray()

        async def receive() -> Event:
            if unread:
                return {"type": "http.request", "body": unread.pop(), "more_body": False}
            await asyncio.shield(left)
            return {"type": "http.disconnect"}

        async def send(event: Event) -> None:
            nonlocal status, headers
            if event["type"] == "http.response.start":
                status = event["status"]
                headers = {name.decode(): value.decode() for name, value in event["headers"]}
            else:
                content.extend(event.get("body", b""))
                if not event.get("more_body"):
                    answer = TransportResponse(status, headers, bytes(content))
                    self._answered(answer)

        await served.app(scope, receive, send)

    def _answered(self, answer: TransportResponse) -> None:
        self.network.trace.note(f"{self.number} <- {answer.status_code}", answer.content)
        self._later(self._arrive, answer)

    def _arrive(self, answer: TransportResponse) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def _break(self, why: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(httpx.ReadError(why))

    def _later(self, call: Callable[..., object], *args: Any) -> None:
        """Have something happen at the other end."""
        network = self.network
        network.loop.call_on(network.loop.world, network.sky.travel_seconds(), call, *args)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class SimulatedTransport:
    """The `Transport` of a client on a node."""

    def __init__(self, network: Network, node: Node) -> None:
        self.network = network
        self.node = node

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        timeout: float | None,
    ) -> TransportResponse:
        """Send one request and receive the whole response; the client has the time-out."""
        scope = scope_of("http", method, url, headers, self.node)
        told = f"{self.node.name} {method} {urlsplit(url).path}"
        return await Exchange(self.network, self.node).send(scope, body or b"", told)

    def clone(self) -> SimulatedTransport:
        """This one: it has no connections that belong to an event loop."""
        return self

    async def aclose(self) -> None:
        """Nothing is kept open."""


def scope_of(
    kind: str, method: str, url: str, headers: Mapping[str, str], node: Node
) -> dict[str, Any]:
    """The ASGI scope of a request."""
    parts = urlsplit(url)
    return {
        "type": kind,
        "method": method,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "extensions": {},
    }
