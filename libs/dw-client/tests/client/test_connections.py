"""Connections over a real socket: how many requests need, and what happens at the end."""

# pyright: reportPrivateUsage=false

import asyncio
import gc
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from durable_workflow.client import _transport
from durable_workflow.client._connections import Connections
from integration.harness.serving import serving


class Peer:
    """A server that answers each request once it may, and counts connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.waiting = 0
        self.open = asyncio.Event()
        self.arrived = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            async with self.arrived:
                self.waiting += 1
                self.arrived.notify_all()
            await self.open.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()

    async def has_received(self, count: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: self.waiting >= count)


def client_of(url: str, *, most: int = 8, kept: int = 8) -> httpx.AsyncClient:
    connections = Connections(verify=_transport._plain_context(), most=most, kept=kept)
    return httpx.AsyncClient(base_url=url, transport=connections, timeout=30.0)


async def test_requests_one_by_one_share_one_connection() -> None:
    peer = Peer()
    peer.open.set()
    async with serving(peer.serve) as url, client_of(url) as http:
        for _ in range(5):
            assert (await http.get("/")).text == "ok"
    assert peer.connections == 1


async def test_requests_in_flight_have_a_connection_each_and_use_them_again() -> None:
    peer = Peer()
    async with serving(peer.serve) as url, client_of(url) as http:
        first = [asyncio.create_task(http.get("/")) for _ in range(4)]
        await peer.has_received(4)
        peer.open.set()
        assert [answer.text for answer in await asyncio.gather(*first)] == ["ok"] * 4
        await asyncio.gather(*(http.get("/") for _ in range(4)))
        assert peer.connections == 4


async def test_more_requests_than_connections_wait_for_a_slot() -> None:
    peer = Peer()
    async with serving(peer.serve) as url, client_of(url, most=2) as http:
        tasks = [asyncio.create_task(http.get("/")) for _ in range(6)]
        await peer.has_received(2)
        peer.open.set()
        assert [answer.text for answer in await asyncio.gather(*tasks)] == ["ok"] * 6
        assert peer.connections == 2


async def test_a_turn_that_does_not_come_in_time_is_a_pool_timeout() -> None:
    peer = Peer()
    async with serving(peer.serve) as url, client_of(url, most=1) as http:
        held = asyncio.create_task(http.get("/"))
        await peer.has_received(1)
        with pytest.raises(httpx.PoolTimeout):
            await http.get("/", timeout=httpx.Timeout(5.0, pool=0.01))
        peer.open.set()
        assert (await held).text == "ok"


async def test_a_cancelled_request_gives_its_connection_back() -> None:
    peer = Peer()
    async with serving(peer.serve) as url, client_of(url, most=1) as http:
        lost = asyncio.create_task(http.get("/"))
        await peer.has_received(1)
        lost.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lost
        peer.open.set()
        assert (await http.get("/")).text == "ok"


async def test_a_refused_connection_gives_its_connection_back() -> None:
    peer = Peer()
    async with serving(peer.serve) as url:
        pass
    async with client_of(url, most=1) as http:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                await http.get("/")


async def test_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with _transport.connect("http://service.example", 1.0) as http:
        assert not isinstance(http._transport, Connections)
    monkeypatch.delenv("HTTP_PROXY")
    async with _transport.connect("http://127.0.0.1:1", 1.0) as http:
        assert isinstance(http._transport, Connections)


async def test_a_cancellation_that_comes_with_the_turn_is_obeyed() -> None:
    peer = Peer()
    async with serving(peer.serve) as url, client_of(url, most=1) as http:
        first = asyncio.create_task(http.get("/"))
        await peer.has_received(1)
        waiting = asyncio.create_task(http.get("/"))
        first.add_done_callback(lambda _: waiting.cancel())
        await asyncio.sleep(0)
        peer.open.set()
        assert (await first).text == "ok"
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert peer.waiting == 1
        assert (await http.get("/")).text == "ok"


async def test_a_request_cancelled_while_it_waits_for_its_turn_takes_none() -> None:
    peer = Peer()
    async with serving(peer.serve) as url, client_of(url, most=1) as http:
        first = asyncio.create_task(http.get("/"))
        await peer.has_received(1)
        waiting = [asyncio.create_task(http.get("/")) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        peer.open.set()
        assert (await first).text == "ok"
        assert (await http.get("/")).text == "ok"
        assert peer.waiting == 2


async def test_a_request_cancelled_while_its_answer_comes_gives_its_connection_back() -> None:
    begun = asyncio.Event()
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        if connections > 1:
            writer.write(b"k")
        await writer.drain()
        await reader.read()

    async with serving(serve) as url, client_of(url, most=1) as http:

        async def read_begun() -> None:
            async with http.stream("GET", "/") as answer:
                async for _ in answer.aiter_raw():
                    begun.set()

        lost = asyncio.create_task(read_begun())
        await begun.wait()
        lost.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lost
        assert (await http.get("/")).text == "ok"
    assert connections == 2


class Answering(BaseHTTPRequestHandler):
    """The rest of a peer that needs no event loop, for programs with several."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests look at the answers."""


@pytest.fixture
def threaded() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


# The connections that a closed loop leaves behind can only be dropped.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_one_loop_may_follow_the_other(threaded: str) -> None:
    http = client_of(threaded)
    for _ in range(3):
        assert asyncio.run(http.get("/")).text == "ok"
    asyncio.run(http.aclose())
    gc.collect()


def test_two_loops_at_a_time_are_refused_with_the_reason(threaded: str) -> None:
    http = client_of(threaded)
    with asyncio.Runner() as first:
        assert first.run(http.get("/")).text == "ok"
        with asyncio.Runner() as second, pytest.raises(RuntimeError, match="another event loop"):
            second.run(http.get("/"))
        assert first.run(http.get("/")).text == "ok"
        first.run(http.aclose())
