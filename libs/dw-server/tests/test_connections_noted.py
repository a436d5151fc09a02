"""Connections over a transport that notes what is read, written and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

from durable_workflow.server import embedded_server
from durable_workflow.server.connections import Connection
from durable_workflow.server.http.request import EXCHANGE

Message = MutableMapping[str, Any]


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
    monkeypatch: pytest.MonkeyPatch, pass_time: Callable[[float], Awaitable[None]]
) -> None:
    monkeypatch.setattr("durable_workflow.server.throttle._COSTLY_SECONDS", 0.0)
    monkeypatch.setattr("durable_workflow.server.throttle._REST", 1e9)
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
    await pass_time(60)  # longer than the rest
    assert began == ["/1", "/2"]


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


async def answered_whole(request: bytes) -> tuple[list[bytes], bool]:
    """What is written where an application answers in one piece, or else in two events."""
    transport, over = Transport(), asyncio.Event()

    async def serve(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        await receive()
        answer = scope["extensions"][EXCHANGE].answer
        if not answer(200, b"content-length: 2\r\n", b"{}"):
            await send(head(2))
            await send(piece(b"{}"))
        assert not answer(200, b"content-length: 2\r\n", b"no")
        over.set()

    config = uvicorn.Config(cast("Any", serve), http=Connection, lifespan="off", log_config=None)
    config.access_log = False
    connection = Connection(config, ServerState(), {})
    connection.connection_made(transport)
    connection.data_received(request)
    async with asyncio.timeout(5):
        await over.wait()
    closed = transport.closed
    connection.connection_lost(None)
    return transport.written, closed


@pytest.mark.parametrize(
    ("request_line", "more"),
    [
        (b"GET / HTTP/1.1", b""),
        (b"HEAD / HTTP/1.1", b""),
        (b"GET / HTTP/1.0", b""),
        (b"GET / HTTP/1.1", b"Connection: close\r\n"),
    ],
)
async def test_an_answer_in_one_piece_is_that_of_two_events(
    request_line: bytes, more: bytes
) -> None:
    request = request_line + b"\r\nHost: x\r\n" + more + b"\r\n"
    assert await answered_whole(request) == await written(request, head(2), piece(b"{}"))


async def bodies_of(*pieces: bytes, leaves: bool = False) -> list[bytes | None]:
    """What an application has of a body at once when a request comes in these pieces."""
    transport, over = Transport(), asyncio.Event()
    found: list[bytes | None] = []

    async def serve(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        exchange = scope["extensions"][EXCHANGE]
        found.append(exchange.whole_body())
        if found == [None] and not leaves:
            while (await receive())["more_body"]:
                pass
        await send(head(2))
        found.append(exchange.whole_body())
        await send(piece(b"{}"))
        found.append(exchange.whole_body())
        over.set()

    config = uvicorn.Config(cast("Any", serve), http=Connection, lifespan="off", log_config=None)
    connection = Connection(config, ServerState(), {})
    connection.connection_made(transport)
    for each in pieces:
        connection.data_received(each)
        if leaves:
            connection.connection_lost(None)
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await over.wait()
    if not leaves:
        connection.connection_lost(None)
    return found


POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"


async def test_a_body_that_came_with_its_head_is_had_at_once_and_once() -> None:
    assert await bodies_of(POST + b"body") == [b"body", b"", None]


async def test_a_request_without_a_body_has_an_empty_one_at_once() -> None:
    assert await bodies_of(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == [b"", b"", None]


async def test_a_body_that_is_not_all_there_is_received() -> None:
    assert await bodies_of(POST + b"bo", b"dy") == [None, b"", None]


async def test_the_body_of_a_caller_that_has_left_is_not_had() -> None:
    assert await bodies_of(POST + b"body", leaves=True) == [None, None, None]


async def test_requests_in_a_row_are_each_answered_in_one_piece() -> None:
    asked = b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n"
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(2 * asked + asked.replace(b"Host", b"Connection: close\r\nHost"))
        async with asyncio.timeout(20):
            answers = await reader.read()
        writer.close()
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answers.count(b"\r\ncontent-type: application/json\r\n") == 3


@pytest.mark.parametrize("behind", [0, 1, 2])
async def test_an_application_is_told_whether_the_caller_has_left(behind: int) -> None:
    """Also by a caller that sent more requests without waiting: what is answered is another one."""
    transport, asked = Transport(), asyncio.Event()
    said: list[bool] = []

    async def serve(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        exchange = scope["extensions"][EXCHANGE]
        said.append(exchange.has_left() or exchange.gone.done())
        connection.connection_lost(None)
        said.append(exchange.has_left() and exchange.gone.done())
        await send(head(4))
        await send(piece(b"body"))
        asked.set()

    config = uvicorn.Config(cast("Any", serve), http=Connection, lifespan="off", log_config=None)
    connection = Connection(config, ServerState(), {})
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * (1 + behind))
    async with asyncio.timeout(5):
        await asked.wait()
    assert said == [False, True]
    assert transport.written == []
