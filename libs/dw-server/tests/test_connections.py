"""What one connection may make the server keep."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from durable_workflow.server import Settings, embedded_server
from durable_workflow.server.connections import Connection
from durable_workflow.server.http.request import HAS_LEFT

Message = MutableMapping[str, Any]
LIST = (
    b"GET /api/workflows HTTP/1.1\r\nHost: x\r\nX-Durable-Workflow-Control-Plane-Version: 2\r\n\r\n"
)
ENDLESS_HEADERS = b"GET /api/health HTTP/1.1\r\nHost: x\r\n"
ENDLESS_TRAILERS = (
    b"POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
)


@pytest.mark.parametrize("beginning", [ENDLESS_HEADERS, ENDLESS_TRAILERS], ids=["head", "trailers"])
@pytest.mark.parametrize("more", [b"x: " + b"v" * 60_000 + b"\r\n", b"v" * 60_000])
async def test_a_head_that_does_not_end_is_refused(beginning: bytes, more: bytes) -> None:
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(beginning)
        answer = asyncio.create_task(reader.read())
        sent = 0
        try:
            async with asyncio.timeout(20):
                while not answer.done():
                    writer.write(more)
                    sent += len(more)
                    await writer.drain()
                    await asyncio.sleep(0)  # so that the answer is seen
        except ConnectionError:
            pass  # closed on us
        finally:
            writer.close()
        assert sent < 64 * 1024 * 1024
        # A peer that still writes may see that the connection is closed before it sees the answer.
        with contextlib.suppress(ConnectionError):
            assert (await answer).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "sent",
    [b"", ENDLESS_HEADERS, LIST + ENDLESS_HEADERS, ENDLESS_TRAILERS + b"\r\n" + ENDLESS_HEADERS],
    ids=["nothing", "half a head", "half a head behind a request", "behind a body in chunks"],
)
async def test_a_connection_without_a_head_ends(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr("durable_workflow.server.connections._HEAD_SECONDS", 0.05)
    monkeypatch.setattr("durable_workflow.server.serving._KEEP_ALIVE_SECONDS", 0.05)
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(sent)
        async with asyncio.timeout(20):
            answers = await reader.read()
        writer.close()
    assert answers.count(b"HTTP/1.1 ") == (1 if b"\r\n\r\n" in sent else 0)


async def test_a_request_is_answered_before_half_a_head_behind_it_ends_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("durable_workflow.server.connections._HEAD_SECONDS", 0.05)
    body = b'{"workflow_id": "w", "workflow_type": "t"}'
    held = (
        b"POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"X-Durable-Workflow-Control-Plane-Version: 2\r\nPrefer: wait=1\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(held + ENDLESS_HEADERS)
        writer.write(b"X-More: of it\r\n")
        async with asyncio.timeout(20):
            answers = await reader.read()
        writer.close()
    assert answers.startswith(b"HTTP/1.1 201")
    assert b"preference-applied: wait=1" in answers


@pytest.mark.parametrize(
    ("request_", "more"),
    [
        (b"POST /api/nope HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"a"),
        (LIST, b"\r\n"),
    ],
    ids=["more of a body that nobody reads", "an empty line"],
)
async def test_a_connection_ends_on_which_nothing_begins_any_more(
    monkeypatch: pytest.MonkeyPatch, request_: bytes, more: bytes
) -> None:
    monkeypatch.setattr("durable_workflow.server.connections._HEAD_SECONDS", 0.05)
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request_)
        await reader.readuntil(b"\r\n\r\n")  # it is answered, and only then more comes
        writer.write(more)
        async with asyncio.timeout(20):
            await reader.read()
        writer.close()


async def test_the_caller_of_a_held_request_with_a_large_body_is_seen_to_leave() -> None:
    headers = {"X-Durable-Workflow-Control-Plane-Version": "2"}
    start = {"workflow_id": "w", "workflow_type": "t", "input": ["x" * 1_900_000]}
    settings = Settings(max_waiting_polls=1)
    async with (
        embedded_server(settings=settings) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http,
    ):

        async def status_of_another() -> int:
            path = "/api/workflows/w"
            return (await http.get(path, headers={"Prefer": "wait=1"})).status_code

        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as caller:
            held = asyncio.create_task(
                caller.post("/api/workflows", json=start, headers={"Prefer": "wait=60"})
            )
            async with asyncio.timeout(20):
                while await status_of_another() != 429:  # noqa: ASYNC110 (it asks the server)
                    await asyncio.sleep(0.01)
            held.cancel()
        async with asyncio.timeout(20):
            while await status_of_another() == 429:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


HALF = (
    b"POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"
)


@pytest.mark.parametrize("part", [b"", b"{"])
async def test_a_body_of_which_nothing_comes_is_too_late_as_any_other(
    monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr("durable_workflow.server.http.checks._BODY_SECONDS", 0.05)
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(HALF + part)
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
    assert b"HTTP/1.1 408 " in answer
    assert b'"request_timeout"' in answer


async def test_a_request_that_has_not_arrived_when_the_server_ends_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with embedded_server(settings=Settings(shutdown_seconds=1)) as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(HALF)
        await reader.readuntil(b"HTTP/1.1 100 Continue\r\n\r\n")  # it is read now
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in answer
    assert b'"server_busy"' in answer
    assert "Exception in ASGI application" not in caplog.text


PIPELINED = 2_000


async def test_requests_that_do_not_wait_for_answers_leave_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted in answers: each of the others' has the time for one of theirs, without a rest."""
    monkeypatch.setattr("durable_workflow.server.throttle._REST", 10_000)
    answers = 0

    async def count(reader: asyncio.StreamReader) -> None:
        nonlocal answers
        while data := await reader.read(65_536):
            answers += data.count(b"HTTP/1.1 200")

    async with embedded_server() as url, httpx.AsyncClient(base_url=url) as http:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(LIST * PIPELINED)
        counting = asyncio.create_task(count(reader))
        async with asyncio.timeout(20):
            while True:
                if answers:
                    break
                await asyncio.sleep(0)
            for _ in range(300):
                assert (await http.get("/api/health")).status_code == 200
        counting.cancel()
        writer.transport.abort()
    assert answers < 150


async def test_requests_that_do_not_wait_are_all_answered_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With rests between them, and bodies in pieces."""
    monkeypatch.setattr("durable_workflow.server.throttle._COSTLY_SECONDS", 0.0)
    monkeypatch.setattr("durable_workflow.server.throttle._REST", 1)
    head = (
        b"POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"X-Durable-Workflow-Control-Plane-Version: 2\r\nX-Request-Id: r%d\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for number in range(30):
            body = b'{"junk": "' + b"x" * 5_000 * (number % 5) + b'"}'
            request = head % (number, len(body)) + body
            writer.write(request[:-7])
            await asyncio.sleep(0)
            writer.write(request[-7:])
        seen = list[bytes]()
        async with asyncio.timeout(20):
            while len(seen) < 30:
                answer = await reader.readuntil(b"\r\n\r\n")
                [length] = re.findall(rb"content-length: (\d+)", answer)
                await reader.readexactly(int(length))
                seen += re.findall(rb"x-request-id: (r\d+)", answer)
        writer.close()
    assert seen == [b"r%d" % number for number in range(30)]


async def test_a_stop_waits_for_the_request_that_has_begun_and_for_none_behind_it() -> None:
    transport, began, go_on = Transport(), list[str](), asyncio.Event()

    async def answer(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        began.append(scope["path"])
        await go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    config = uvicorn.Config(cast("Any", answer), http=Connection, lifespan="off", log_config=None)
    state = ServerState()
    connection = Connection(config, state, {})
    connection.connection_made(transport)
    for path in b"12":
        connection.data_received(b"GET /%c HTTP/1.1\r\nHost: x\r\n\r\n" % path)
    await asyncio.sleep(0)
    connection.shutdown()
    assert not transport.closed
    go_on.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*state.tasks)
    assert began == ["/1"]
    assert transport.closed
    assert b"connection: close" in b"".join(transport.written)
    connection.connection_lost(None)


async def test_a_request_that_rests_does_not_begin_when_its_peer_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("durable_workflow.server.throttle._COSTLY_SECONDS", 0.0)
    monkeypatch.setattr("durable_workflow.server.throttle._REST", 10_000)
    monkeypatch.setattr("durable_workflow.server.throttle._LONGEST_SECONDS", 0.01)
    transport, began, rests = Transport(), list[str](), asyncio.Event()

    async def answer(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        began.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        if len(began) == 2:
            rests.set()

    config = uvicorn.Config(cast("Any", answer), http=Connection, lifespan="off", log_config=None)
    connection = Connection(config, ServerState(), {})
    connection.connection_made(transport)
    connection.data_received(
        b"".join(b"GET /%c HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in b"1234")
    )
    async with asyncio.timeout(5):
        await rests.wait()
    assert not transport.reads
    connection.connection_lost(None)
    await asyncio.sleep(0.05)  # longer than the rest
    assert began == ["/1", "/2"]


class Transport(asyncio.Transport):
    """Takes what is written, and knows whether more is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True
        self.closed = False
        self.written: list[bytes] = []

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def write(self, data: Any) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def test_no_more_is_read_while_a_request_has_not_begun() -> None:
    reading: list[tuple[int, bool]] = []
    transport = Transport()

    async def answer(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        reading.append((len(connection.pipeline), transport.reads))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        if len(reading) == 4:
            over.set()

    over = asyncio.Event()
    config = uvicorn.Config(cast("Any", answer), http=Connection, lifespan="off", log_config=None)
    connection = Connection(config, ServerState(), {})
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
    async with asyncio.timeout(5):
        await over.wait()
    assert reading == [(3, False), (2, False), (1, False), (0, True)]
    assert transport.reads
    connection.connection_lost(None)


async def written(request: bytes, *answer: Message) -> tuple[list[bytes], bool]:
    """What a connection has written when a request is answered, and whether it is closed."""
    transport, over = Transport(), asyncio.Event()

    async def serve(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        await receive()
        for message in answer:
            await send(message)
        over.set()

    config = uvicorn.Config(cast("Any", serve), http=Connection, lifespan="off", log_config=None)
    connection = Connection(config, ServerState(), {})
    connection.connection_made(transport)
    connection.data_received(request)
    async with asyncio.timeout(5):
        await over.wait()
    closed = transport.closed
    connection.connection_lost(None)
    return transport.written, closed


def head(length: int, *more: tuple[bytes, bytes]) -> Message:
    headers = [(b"content-length", str(length).encode()), *more]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def test_a_head_is_written_with_the_body() -> None:
    [answer], closed = await written(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", head(2), piece(b"{}"))
    assert not closed
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n{}")


async def test_a_head_is_written_with_the_first_piece_and_others_at_once() -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    pieces = [b"HTTP/1.1 ", b"is a word of the body"]
    length = sum(map(len, pieces))
    (first, second), _ = await written(
        request, head(length), piece(pieces[0], more=True), piece(pieces[1])
    )
    assert first.endswith(b"\r\n\r\nHTTP/1.1 ")
    assert second == pieces[1]


async def test_a_large_body_is_not_copied_for_its_head() -> None:
    body = b"x" * 100_000
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    (first, second), _ = await written(request, head(100_000), piece(body))
    assert first.endswith(b"\r\n\r\n")
    assert second is body


@pytest.mark.parametrize("length", [0, 5])
async def test_a_head_without_a_body_is_written(length: int) -> None:
    request = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
    answer, closed = await written(request, head(length), piece(b""))
    assert b"".join(answer).endswith(b"\r\n\r\n")
    assert not closed


async def test_a_head_is_written_before_the_connection_is_closed() -> None:
    request = b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer, closed = await written(request, head(5), piece(b""))
    assert b"".join(answer).startswith(b"HTTP/1.1 200 ")
    assert closed


async def test_a_peer_that_waits_to_send_its_body_is_told_at_once() -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
    (go_on, answer), _ = await written(request, head(2), piece(b"{}"))
    assert go_on == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.endswith(b"\r\n\r\n{}")


async def test_an_application_is_told_whether_the_caller_has_left() -> None:
    transport, asked = Transport(), asyncio.Event()
    said: list[bool] = []

    async def serve(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        known = scope["extensions"][HAS_LEFT]
        ask, gone = known["ask"], known["gone"]
        said.append(ask() or gone.done())
        connection.connection_lost(None)
        said.append(ask() and gone.done())
        asked.set()

    config = uvicorn.Config(cast("Any", serve), http=Connection, lifespan="off", log_config=None)
    connection = Connection(config, ServerState(), {})
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        await asked.wait()
    assert said == [False, True]
