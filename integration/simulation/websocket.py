"""A worker's stream without sockets: two ends, with frames that arrive in order, or a cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.frames import Close

from durable_workflow.client._stream._connecting import PATH, Address, Away
from durable_workflow.server.http.stream.wire import EXTENSION, Listener
from integration.simulation.loop import Node
from integration.simulation.network import Event, Network, Served, scope_of

# Within this time either end learns by its pings that the other one is gone. A fleet rests longer.
_UNNOTICED_SECONDS = 12.0
_APART_SECONDS = 1e-6
# So long a short message waits for others.
_ROUND_SECONDS = 0.1


class _End:
    """What has arrived at one end.

    Args:
        node: Where it is.
        arrive: Is given what arrives; None puts it to the frames.
    """

    def __init__(
        self, network: Network, node: Node, arrive: Callable[[Event], None] | None = None
    ) -> None:
        self.frames: asyncio.Queue[Event] = asyncio.Queue()
        self._network = network
        self._node = node
        self._arrive = arrive or self.frames.put_nowait
        self._last = 0.0

    def deliver(self, event: Event) -> None:
        """Let something arrive, behind all that was sent before."""
        loop = self._network.loop
        # Never at the same time as another one: the loop does not say which would be first.
        arrives = loop.time() + self._network.sky.travel_seconds()
        self._last = max(self._last + _APART_SECONDS, arrives)
        loop.call_at(self._last, self._arrive, event, context=self._node.context)

    def put(self, event: Event, seconds: float) -> None:
        """Let something arrive, whatever was sent before."""
        loop = self._network.loop
        loop.call_on(self._node, seconds, self._arrive, event)


class StreamPair:
    """One connection: the client's end is this object, the server's is ASGI."""

    def __init__(self, network: Network, client: Node, served: Served) -> None:
        self.network = network
        self.client = client
        self.server = served.node
        self.number = network.number()
        self.accepted: asyncio.Future[int] = network.loop.create_future()
        self._to_client = _End(network, client)
        self._to_server = _End(network, served.node, self._arrive_at_server)
        self._listener: Listener | None = None
        # A short message that waits for the next round.
        self._put_off: Event | None = None
        self._broken = False
        self._ended: ConnectionClosed | None = None
        network.connections[self.number] = self

    def peer_died(self, node: Node) -> None:
        if node in (self.client, self.server):
            self.cut("died")

    def server_stops(self, node: Node) -> None:
        if node is self.server:
            self.cut("stopped")

    def cut(self, why: str) -> None:
        """Nothing arrives any more; each end learns of it at its time."""
        if self._broken:
            return
        self._broken = True
        self.network.connections.pop(self.number, None)
        self.network.trace.note(f"{self.number} cut {why}")
        sky = self.network.sky
        for end, closing in (
            (self._to_client, {"type": "lost"}),
            (self._to_server, {"type": "websocket.disconnect", "code": 1006}),
        ):
            is_silent = why == "cut" and sky.happens(sky.now.silent)
            seconds = sky.dice.uniform(1, _UNNOTICED_SECONDS) if is_silent else 0.001
            end.put(closing, seconds)
        if not self.accepted.done():
            self.accepted.set_exception(httpx.ReadError("connection reset"))

    def _passes(self, sender: str, text: str) -> bool:
        """Whether a frame gets through."""
        if self._broken:
            return False
        if self.network.sky.happens(self.network.sky.now.cut):
            self.cut("cut")
            return False
        self.network.trace.note(f"{self.number} {sender}", text)
        return True

    # --- the client's end ----------------------------------------------------------------------

    def send_now(self, frame: bytes, /) -> bool:
        """Send a frame now."""
        text = frame.decode()
        if self._ended is None and self._passes(f"{self.client.name} ->", text):
            self._to_server.deliver({"type": "websocket.receive", "text": text})
        return True

    def send_here(self, frame: bytes, /) -> bool:
        """Leave it to the loop: a simulation has one thread."""
        return False

    async def send(self, frame: str, /) -> None:
        """Send a frame."""
        if self._ended is not None:
            raise self._ended
        self.send_now(frame.encode())

    async def deliver_to(self, take: Callable[[str | bytes], None]) -> None:
        """Give each frame to `take`, until the connection ends."""
        while True:
            take(await self.recv())

    async def recv(self) -> str:
        """Wait for a frame."""
        if self._ended is None:
            event = await self._to_client.frames.get()
            if event["type"] == "websocket.send":
                text: str = event["text"]
                return text
            received = None
            if event["type"] == "websocket.close":
                received = Close(event.get("code", 1000), event.get("reason", ""))
            self._ended = ConnectionClosedError(received, None)
        raise self._ended

    async def close(self) -> None:
        """End it."""
        self._ended = self._ended or ConnectionClosedError(None, None)
        if not self._broken:
            self._to_server.deliver({"type": "websocket.disconnect", "code": 1000})

    # --- the server's end ----------------------------------------------------------------------

    async def serve(self, served: Served, scope: dict[str, Any]) -> None:
        """In the server: serve the stream."""
        scope["extensions"] = {EXTENSION: self}
        self._to_server.frames.put_nowait({"type": "websocket.connect"})
        await served.app(scope, self._to_server.frames.get, self._send)

    def listen(self, listener: Listener) -> None:
        """Show short messages to a listener, a moment after they have come."""
        self._listener = listener

    def write(self, text: bytes) -> bool:
        """Send a message at once."""
        self._send_text(text.decode())
        return True

    def _send_text(self, text: str) -> None:
        if self._passes("server ->", text):
            self._to_client.deliver({"type": "websocket.send", "text": text})

    def _arrive_at_server(self, event: Event) -> None:
        self._take_put_off()
        listener, text = self._listener, event.get("text")
        waiting = self._to_server.frames
        if listener is None or text is None or not waiting.empty():
            waiting.put_nowait(event)
        elif listener.may_wait(text.encode()):
            self._put_off = event
            self.network.loop.call_on(self.server, _ROUND_SECONDS, self._take_put_off)
        else:
            waiting.put_nowait(event)

    def _take_put_off(self) -> None:
        """Have what waits taken, before anything that arrives after it."""
        event, self._put_off = self._put_off, None
        if event is None or self._listener is None:
            return
        if not self._listener.take(event["text"].encode()):
            self._to_server.frames.put_nowait(event)

    async def _send(self, event: Event) -> None:
        if event["type"] == "websocket.accept":
            self._accept(0)
        elif event["type"] == "websocket.http.response.start":
            self._accept(event["status"])
        elif event["type"] == "websocket.send":
            self._send_text(event["text"])
        elif event["type"] == "websocket.close" and not self._broken:
            self.network.trace.note(f"{self.number} closed by the server {event.get('code')}")
            self.network.connections.pop(self.number, None)
            self._to_client.deliver(event)
            self._to_server.deliver({"type": "websocket.disconnect", "code": 1000})

    def _accept(self, status: int) -> None:
        loop = self.network.loop

        def arrive() -> None:
            if not self.accepted.done():
                self.accepted.set_result(status)

        loop.call_on(loop.world, self.network.sky.travel_seconds(), arrive)

    def ping(self, answered: Callable[[], None]) -> None:
        """Answered, unless the connection is cut."""
        loop = self.network.loop

        def arrive() -> None:
            if not self._broken:
                loop.call_on(self.server, 0, answered)

        loop.call_on(loop.world, self.network.sky.travel_seconds(), arrive)

    def unread(self) -> int:
        """Nothing: the network takes it all."""
        return 0

    def abort(self) -> None:
        """Drop the connection now."""
        self.cut("aborted")


async def open_stream(network: Network, node: Node, address: Address) -> StreamPair:
    """Connect and upgrade.

    Raises:
        Away: No answer came, or a refusal.
    """
    await asyncio.sleep(network.sky.travel_seconds())
    try:
        served = network.listening()
        pair = StreamPair(network, node, served)
        scope = scope_of("websocket", "GET", address.url + PATH, address.headers, node)
        network.trace.note(f"{pair.number} {node.name} opens a stream")
        network.loop.start_on(served.node, pair.serve(served, scope))
        async with asyncio.timeout(10):
            status = await pair.accepted
    except (httpx.TransportError, TimeoutError) as error:
        raise Away(str(error)) from error
    if status:
        raise Away(f"HTTP {status}", answered=True, refused=status < 500 and status != 429)
    return pair
