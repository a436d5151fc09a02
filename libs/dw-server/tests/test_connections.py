"""What one connection may make the server keep."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from durable_workflow.server import Settings, embedded_server

Message = MutableMapping[str, Any]
LIST = (
    b"GET /api/workflows HTTP/1.1\r\nHost: x\r\nX-Durable-Workflow-Control-Plane-Version: 2\r\n\r\n"
)
LAST = b"GET /api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
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


@pytest.mark.parametrize("first", [b"", LIST * 3], ids=["alone", "behind others"])
async def test_a_head_may_have_128_kibibytes_however_it_arrives(first: bytes) -> None:
    async def answers(url: str, head: bytes, pieces: int) -> list[bytes]:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        sent = first + head + LAST
        for begin in range(0, len(sent), len(sent) // pieces + 1):
            writer.write(sent[begin : begin + len(sent) // pieces + 1])
            with contextlib.suppress(ConnectionError):  # refused before its end
                await writer.drain()
        try:
            async with asyncio.timeout(20):
                said = await reader.read()
        except ConnectionError:
            said = b""  # what was sent behind the refusal is not read, and may take it along
        writer.close()
        return re.findall(rb"HTTP/1.1 (\d+)", said)

    def of_length(length: int) -> bytes:
        beginning = b"GET /api/health HTTP/1.1\r\nHost: x\r\nLarge: "
        return beginning + b"v" * (length - len(beginning)) + b"\r\n\r\n"

    before = [b"200"] * first.count(b"GET")
    async with embedded_server() as url:
        for pieces in (1, 3):
            assert await answers(url, of_length(130_000), pieces) == [*before, b"200", b"200"]
            refused = await answers(url, of_length(132_000), pieces)
            assert b"200" not in refused[len(before) :]


async def used_connection(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that the server has accepted, and on which it waits for the next request."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(LIST)
    head = await reader.readuntil(b"\r\n\r\n")
    [length] = re.findall(rb"content-length: (\d+)", head)
    await reader.readexactly(int(length))
    return reader, writer


@pytest.mark.parametrize(
    "sent",
    [b"", ENDLESS_HEADERS, LIST + ENDLESS_HEADERS, ENDLESS_TRAILERS + b"\r\n" + ENDLESS_HEADERS],
    ids=["nothing", "half a head", "half a head behind a request", "behind a body in chunks"],
)
async def test_a_connection_without_a_head_ends(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    seconds = "durable_workflow.server.connections._HEAD_SECONDS"
    has_request = b"\r\n\r\n" in sent
    async with embedded_server() as url:
        if has_request:
            # Its time begins behind the request, however long that takes to come.
            reader, writer = await used_connection(url)
            monkeypatch.setattr(seconds, 0.05)
        else:
            monkeypatch.setattr(seconds, 0.05)
            address = urlsplit(url)
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(sent)
        async with asyncio.timeout(20):
            answers = await reader.read()
        writer.close()
    assert answers.count(b"HTTP/1.1 ") == has_request


async def test_a_request_is_answered_before_half_a_head_behind_it_ends_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = b'{"workflow_id": "w", "workflow_type": "t"}'
    held = (
        b"POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"X-Durable-Workflow-Control-Plane-Version: 2\r\nPrefer: wait=1\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    async with embedded_server() as url:
        reader, writer = await used_connection(url)
        monkeypatch.setattr("durable_workflow.server.connections._HEAD_SECONDS", 0.05)
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
    async with embedded_server() as url:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request_)
        await reader.readuntil(b"\r\n\r\n")  # it is answered, and only then more comes
        monkeypatch.setattr("durable_workflow.server.connections._HEAD_SECONDS", 0.05)
        writer.write(more)
        async with asyncio.timeout(20):
            await reader.read()
        writer.close()


async def test_the_caller_of_a_held_request_with_a_large_body_is_seen_to_leave() -> None:
    headers = {"X-Durable-Workflow-Control-Plane-Version": "2"}
    ids = (f"w{number}" for number in itertools.count())
    settings = Settings(max_waiting_polls=1)
    async with (
        embedded_server(settings=settings) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http,
    ):

        async def status_of_another() -> int:
            path = "/api/workflows/w0"
            return (await http.get(path, headers={"Prefer": "wait=1"})).status_code

        async def start(caller: httpx.AsyncClient) -> None:
            begin = {"workflow_type": "t", "input": ["x" * 1_900_000], "workflow_id": next(ids)}
            await caller.post("/api/workflows", json=begin, headers={"Prefer": "wait=60"})

        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as caller:
            held = asyncio.create_task(start(caller))
            async with asyncio.timeout(20):
                while await status_of_another() != 429:
                    if held.done():  # the only place was taken, by what asks for another one
                        held = asyncio.create_task(start(caller))
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

    async with embedded_server() as url, httpx.AsyncClient(base_url=url, timeout=30) as http:
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


async def test_a_query_goes_with_its_caller() -> None:
    """It would take a place among those that may wait, and a worker's time, for nobody."""
    versions = {
        "X-Durable-Workflow-Control-Plane-Version": "2",
        "X-Durable-Workflow-Protocol-Version": "1.1",
    }
    worker = {"worker_id": "w", "task_queue": "q", "runtime": "go", "capabilities": ["query_tasks"]}
    run = {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q"}
    query = b"POST /api/workflows/wf/query/state HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
    async with (
        embedded_server() as url,
        httpx.AsyncClient(base_url=f"{url}/api", headers=versions, timeout=30) as client,
    ):

        async def pending() -> int:
            queue = (await client.get("/task-queues/q")).json()
            waiting: int = queue["admission"]["query_tasks"]["approximate_pending_count"]
            return waiting

        await client.post("/worker/register", json=worker)
        await client.post("/workflows", json=run)
        address = urlsplit(url)
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(query + b"X-Durable-Workflow-Control-Plane-Version: 2\r\n\r\n")
        async with asyncio.timeout(20):
            while not await pending():
                pass
            writer.close()
            while await pending():
                pass
            counted = 'route="/workflows/{workflow_id}/query/{query_name}",status="left"} 1\n'
            while counted not in (await client.get(f"{url}/metrics")).text:
                pass  # and is no failure of a worker, that one would look for
