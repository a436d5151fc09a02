"""POST requests on the connections of an aiohttp session: as the session would send them."""

# pyright: reportPrivateUsage=false

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from durable_workflow.client import Client
from durable_workflow.client._posts import Posts, can_post
from durable_workflow.retry_policy import TransportRetryPolicy
from integration.harness.certificates import certified
from integration.harness.raw_peer import LONG_HEADER, OK, Peer, listening
from integration.harness.serving import serving

aiohttp: Any = pytest.importorskip("aiohttp", reason="aiohttp, the extra `speed`, is not installed")

ONCE = TransportRetryPolicy(max_attempts=1)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with listening(Peer()) as peer:
        yield peer


def loaded(url: str) -> Client:
    """A client as if it had sent many requests."""
    client = Client(url, token="t", retry_policy=ONCE)
    assert client._fast is not None
    client._fast._transport.load()
    return client


def posts_of(client: Client) -> Posts | None:
    assert client._fast is not None
    return client._fast._transport._posts


async def post(client: Client, **body: Any) -> Any:
    return await client._request("POST", "/things", json=body)


async def test_a_request_arrives_as_it_would_over_httpx(peer: Peer) -> None:
    async with Client(peer.url, token="t") as over_httpx, loaded(peer.url) as over_aiohttp:
        assert await post(over_httpx, a="ö") == await post(over_aiohttp, a="ö") == {"ok": True}
        assert posts_of(over_aiohttp) is not None
    first, second = (sorted(head.lower().split("\r\n")) for head in peer.heads)
    assert first == second
    assert peer.bodies[0] == peer.bodies[1] == '{"a":"ö"}'.encode()


async def test_the_session_uses_the_same_connections(peer: Peer) -> None:
    async with loaded(peer.url) as client:
        await client.health()
        await post(client)
        await client.health()
    assert peer.connections == 1


async def test_requests_to_a_server_with_tls_are_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    peer = Peer()
    async with listening(peer, context), loaded(peer.url) as client:
        for _ in range(3):
            assert await post(client, a="x" * 300_000) == {"ok": True}
    assert peer.url.startswith("https://")
    assert [len(body) for body in peer.bodies] == [300_008] * 3
    assert peer.connections == 1


async def test_a_server_whose_certificate_nobody_trusts_gets_no_request(tmp_path: Path) -> None:
    context, _ = certified(tmp_path)
    peer = Peer()
    async with listening(peer, context), loaded(peer.url) as client:
        with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
            await post(client)
    assert not peer.heads


async def test_a_base_url_may_have_a_path(peer: Peer) -> None:
    async with loaded(f"{peer.url}/below/it") as client:
        await post(client)
    assert peer.heads[0].startswith("POST /below/it/api/things HTTP/1.1\r\n")


BODY = b'{"text":"%b"}' % (b"x" * 5_000_000)  # more than is read ahead
ANSWERS = {
    "after others that are not final": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
    "of many reads": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"6\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (BODY[:6], len(BODY) - 6, BODY[6:]),
    "that ends with the connection": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY,
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
    % (len(gzip.compress(BODY, mtime=0)), gzip.compress(BODY, mtime=0)),
}


@pytest.mark.parametrize("way", ANSWERS)
async def test_an_answer_is_read_to_its_end(way: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(ANSWERS[way])
        await writer.drain()

    async with serving(serve) as url, loaded(url) as client:
        assert len((await post(client))["text"]) == 5_000_000


async def test_a_long_header_is_read(peer: Peer) -> None:
    peer.answer = LONG_HEADER
    async with loaded(peer.url) as client:
        assert await post(client) == {"ok": True}


async def test_an_answer_without_a_body_is_none(peer: Peer) -> None:
    peer.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    async with loaded(peer.url) as client:
        assert await post(client) is None


async def test_a_connection_that_the_server_ends_with_its_answer_is_not_used_again(
    peer: Peer,
) -> None:
    peer.answer = OK.replace(b"X-Given: yes", b"Connection: close")
    async with loaded(peer.url) as client:
        for _ in range(3):
            assert await post(client) == {"ok": True}
    assert peer.connections == 3


async def test_a_connection_whose_request_was_not_taken_whole_is_not_used_again() -> None:
    connections = 0
    answered = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}')
        await answered.wait()

    async with serving(serve) as url, loaded(url) as client:
        for _ in range(2):
            assert await post(client, text="x" * 20_000_000) == {"ok": True}
        answered.set()
    assert connections == 2


CUTS = {
    "no answer": b"",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    "not http": b"hello\r\n\r\n",
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "a header beyond measure": b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n" % (b"x" * 100_000),
}


@pytest.mark.parametrize("cut", CUTS)
async def test_a_broken_answer_is_an_error_of_httpx(peer: Peer, cut: str) -> None:
    peer.answer = CUTS[cut]
    async with loaded(peer.url) as client:
        with pytest.raises(httpx.RemoteProtocolError) as broken:
            await post(client)
        assert broken.value.request.method == "POST"
        peer.answer = OK
        assert await post(client) == {"ok": True}
    assert peer.connections == 2


async def test_a_refused_connection_is_a_connect_error() -> None:
    async with loaded("http://127.0.0.1:1") as client:
        with pytest.raises(httpx.ConnectError):
            await post(client)


async def test_a_connection_that_takes_too_long_is_a_connect_timeout(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(*_: Any, **__: Any) -> None:
        raise TimeoutError

    async with loaded(peer.url) as client:
        await post(client)
        monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect)
        with pytest.raises(httpx.ConnectTimeout):
            await post(client)


async def test_silence_is_a_read_timeout(peer: Peer) -> None:
    async with loaded(peer.url) as client:
        await post(client)  # it is connected, however long that takes
        peer.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"  # and nothing more
        with pytest.raises(httpx.ReadTimeout):
            await client._request("POST", "/things", json={}, timeout=0.05)
    assert peer.connections == 1


async def test_a_header_cannot_hold_another(peer: Peer) -> None:
    async with loaded(peer.url) as client:
        assert client._fast is not None
        with pytest.raises(ValueError, match="header"):
            await client._fast._transport.send(
                "POST", f"{peer.url}/x", {"A": "b\r\nC: d"}, b"{}", timeout=None
            )
    assert peer.heads == []


async def test_what_does_not_fit_a_request_line_is_left_to_the_session(peer: Peer) -> None:
    async with loaded(peer.url) as client:
        assert await client._request("POST", "/a#b", json={}) == {"ok": True}
        posts = posts_of(client)
        assert posts is not None
        assert posts.takes("POST", f"{peer.url}/a?b=%20&c")
        for target in ("/a#b", "/a b", "/ö", "/a\r\n", ""):
            assert not posts.takes("POST", peer.url + target)
        assert not posts.takes("POST", "http://127.0.0.1:1/a")
        assert not posts.takes("PUT", f"{peer.url}/a")
    assert peer.heads[0].startswith("POST /api/a HTTP/1.1\r\n")


async def test_the_session_sends_all_over_an_aiohttp_of_other_names(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = aiohttp.BaseConnector.connect

    async def renamed(self: Any, req: Any, *, traces: Any, timeout: Any) -> Any:
        return await connect(self, req, traces, timeout)

    assert can_post(aiohttp)
    assert not can_post(SimpleNamespace())
    monkeypatch.setattr(aiohttp.BaseConnector, "connect", renamed)
    async with loaded(peer.url) as client:
        assert await post(client) == {"ok": True}
        assert posts_of(client) is None
