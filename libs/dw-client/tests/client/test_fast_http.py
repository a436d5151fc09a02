"""aiohttp in place of httpx: the same answers and failures, and never past a test double."""

# pyright: reportPrivateUsage=false

import asyncio
import gc
import gzip
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import AsyncMock, patch

import httpcore
import httpx
import pytest

from durable_workflow.client import Client, _fast_http
from durable_workflow.retry_policy import TransportRetryPolicy
from integration.harness.raw_peer import LONG_HEADER, OK, Peer, listening

pytest.importorskip("aiohttp", reason="aiohttp, the extra `speed`, is not installed")

ONCE = TransportRetryPolicy(max_attempts=1)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with listening(Peer()) as peer:
        yield peer


def loaded(client: Client) -> Client:
    """The client, as if it had sent many requests."""
    assert client._fast is not None
    client._fast._transport.load()
    return client


def sent_fast(client: Client) -> bool:
    return client._sender is client._fast


async def test_a_request_arrives_as_it_would_over_httpx(peer: Peer) -> None:
    async with Client(peer.url, token="t") as client:
        await client.update_namespace("a/b c", retention_days=3)
        loaded(client)
        assert sent_fast(client)
        await client.update_namespace("a/b c", retention_days=3)
        assert await client.health() == {"ok": True}
    over_httpx, over_aiohttp = (set(head.lower().split("\r\n")) for head in peer.heads[:2])
    assert over_httpx == over_aiohttp
    assert peer.bodies[0] == peer.bodies[1] == b'{"retention_days":3}'


async def test_it_is_loaded_after_many_requests(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fast_http, "MANY", 3)
    async with Client(peer.url) as client:
        for _ in range(3):
            assert not sent_fast(client)
        assert client._fast is not None
        assert client._fast._loading is not None
        await client._fast._loading
        assert sent_fast(client)


async def test_a_compressed_answer_is_unpacked(peer: Peer) -> None:
    body = gzip.compress(json.dumps({"status": "x" * 3000}).encode())
    peer.answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
    async with Client(peer.url) as client:
        assert (await loaded(client).describe_workflow("w")).status == "x" * 3000


async def test_a_long_header_is_read(peer: Peer) -> None:
    peer.answer = LONG_HEADER
    async with Client(peer.url, retry_policy=ONCE) as client:
        assert await loaded(client).health() == {"ok": True}


async def test_a_redirect_is_not_followed(peer: Peer) -> None:
    peer.answer = b"HTTP/1.1 307 Go\r\nLocation: /x\r\nContent-Length: 2\r\n\r\n{}"
    async with Client(peer.url) as client:
        with pytest.raises(Exception, match="307"):
            await loaded(client).health()
    assert len(peer.heads) == 1


CUTS: dict[str, tuple[bytes, type[httpx.TransportError]]] = {
    "no answer": (b"", httpx.RemoteProtocolError),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", httpx.RemoteProtocolError),
    "not http": (b"hello\r\n\r\n", httpx.RemoteProtocolError),
}


@pytest.mark.parametrize("cut", CUTS)
async def test_a_broken_answer_is_an_error_of_httpx(peer: Peer, cut: str) -> None:
    peer.answer, kind = CUTS[cut]
    async with Client(peer.url, retry_policy=ONCE) as client:
        with pytest.raises(kind):
            await loaded(client).health()


async def test_a_refused_connection_is_a_connect_error() -> None:
    async with Client("http://127.0.0.1:1", retry_policy=ONCE) as client:
        with pytest.raises(httpx.ConnectError) as refused:
            await loaded(client).health()
    assert refused.value.request.method == "GET"


async def test_an_answer_that_nobody_waits_for_is_not_taken_for_the_next_one(peer: Peer) -> None:
    peer.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"  # and the rest too late
    async with Client(peer.url, retry_policy=ONCE) as client:
        asked = asyncio.create_task(loaded(client).trigger_schedule("s"))
        await peer.asked.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        peer.answer = OK
        assert await client.health() == {"ok": True}
    assert peer.connections == 2


async def test_silence_is_a_read_timeout(peer: Peer) -> None:
    async with Client(peer.url, retry_policy=ONCE) as client:
        await loaded(client).health()  # it is connected, however long that takes
        peer.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"  # and nothing more
        with pytest.raises(httpx.ReadTimeout):
            await client._request("GET", "/health", timeout=0.05)
    assert peer.connections == 1


async def test_a_connection_that_was_closed_while_idle_is_not_used(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fast_http, "_IDLE_SECONDS", 0.0)
    peer.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{} "  # and closes
    async with Client(peer.url, retry_policy=ONCE) as client:
        loaded(client)
        for _ in range(5):
            await client.trigger_schedule("s")
    assert peer.connections == 5


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def threaded() -> Iterator[str]:
    """The URL of a server that outlives event loops."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # connections of a closed loop are dropped
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_loop_may_follow_the_other(threaded: str, caplog: pytest.LogCaptureFixture) -> None:
    clients = [loaded(Client(threaded))]
    for _ in range(2):
        assert asyncio.run(clients[0].health()) == {}
    with caplog.at_level(logging.DEBUG, "asyncio"):
        clients.clear()  # nobody closed it
        gc.collect()
    assert caplog.records == []


def test_two_loops_at_a_time_are_refused_with_the_reason(threaded: str) -> None:
    client = loaded(Client(threaded))
    with asyncio.Runner() as first:
        first.run(client.health())
        with pytest.raises(RuntimeError, match="another event loop"):
            _on_another_loop(client)
        first.run(client.health())
        first.run(client.aclose())


def _on_another_loop(client: Client) -> None:
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            asyncio.run(client.health())
        except RuntimeError as failure:
            failures.append(failure)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    raise failures[0]


# --- what is put in the way -----------------------------------------------------------


def replaced_request(client: Client) -> Any:
    return patch.object(client._http, "request", AsyncMock())


def replaced_transport(client: Client) -> Any:
    return patch.object(client._http, "_transport", httpx.MockTransport(lambda _: None))  # type: ignore[arg-type]


@contextmanager
def cookie(client: Client) -> Generator[None]:
    http: Any = client._http
    http.cookies.set("a", "b")
    yield
    http.cookies.clear()


@contextmanager
def hooks_of_its_own(client: Client) -> Generator[None]:
    http: Any = client._http
    http.event_hooks = dict[str, Any]()
    http.event_hooks["request"].append(print)
    yield
    http.event_hooks["request"].clear()


WAYS: dict[str, Callable[[Client], Any]] = {
    "its request": replaced_request,
    "its transport": replaced_transport,
    "its transport's method": lambda client: patch.object(
        vars(client._http)["_transport"], "handle_async_request", AsyncMock()
    ),
    "the class's request": lambda _: patch.object(httpx.AsyncClient, "request", AsyncMock()),
    "the class's send": lambda _: patch.object(httpx.AsyncClient, "send", AsyncMock()),
    # What pytest-httpx replaces.
    "the transport class": lambda _: patch.object(
        httpx.AsyncHTTPTransport, "handle_async_request", AsyncMock()
    ),
    "another transport class": lambda _: patch.object(httpx, "AsyncHTTPTransport"),
    # What respx replaces: by itself, and with `using="httpx"`.
    "the pool": lambda _: patch.object(
        httpcore.AsyncConnectionPool, "handle_async_request", AsyncMock()
    ),
    "the choice of a transport": lambda _: patch.object(httpx.AsyncClient, "_transport_for_url"),
    # What VCR.py replaces.
    "the sending of one": lambda _: patch.object(httpx.AsyncClient, "_send_single_request"),
    "a header": lambda client: patch.dict(client._http.headers, {"X-Mine": "1"}),  # type: ignore[attr-defined]
    "a hook": lambda client: patch.dict(
        client._http.event_hooks,  # type: ignore[attr-defined]
        {"request": [print]},
    ),
    "hooks in place of those it had": hooks_of_its_own,
    "a cookie": cookie,
    "a client in its place": lambda client: patch.object(client, "_http", httpx.AsyncClient()),
}


@pytest.mark.parametrize("way", WAYS)
async def test_httpx_serves_while_something_is_in_the_way(way: str) -> None:
    async with Client("http://127.0.0.1:1") as client:
        loaded(client)
        assert sent_fast(client)
        with WAYS[way](client):
            assert not sent_fast(client)
        assert sent_fast(client)


async def test_httpx_serves_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DW_HTTP_CLIENT", "httpx")
    async with Client("http://127.0.0.1:1") as client:
        assert client._fast is None


async def test_httpx_serves_where_proxies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:2")
    async with Client("http://127.0.0.1:1") as client:
        assert client._fast is None


async def test_a_closed_client_says_so() -> None:
    client = loaded(Client("http://127.0.0.1:1"))
    await client.aclose()
    await client.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await client.health()
