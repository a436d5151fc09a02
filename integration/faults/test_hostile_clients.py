"""Memory is bounded whatever clients do, and those that behave are served meanwhile."""

from __future__ import annotations

import asyncio
import base64
import gzip
import itertools
import json
import os
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from statistics import quantiles
from typing import Final

import pytest

from durable_workflow import Client
from integration.benchmarks.figures import cpu_seconds, resident_megabytes
from integration.harness.processes import ServerProcess

CLIENTS: Final = int(os.environ.get("DW_TEST_HOSTILE_CLIENTS", "200"))
SECONDS: Final = float(os.environ.get("DW_TEST_HOSTILE_SECONDS", "8"))
MOST_MEGABYTES: Final = 512
MOST_TAKEN: Final = 0.7  # of a processor, by all that is hostile
PIECE: Final = 64 * 1024
LARGEST: Final = 2 * 1024 * 1024  # of a body
HEADERS: Final = (
    b"Host: x\r\nContent-Type: application/json\r\n"
    b"X-Durable-Workflow-Control-Plane-Version: 2\r\n"
    b"X-Durable-Workflow-Protocol-Version: 1.1\r\n"
)
POST: Final = b"POST /api/workflows HTTP/1.1\r\n" + HEADERS
UPGRADE: Final = (
    b"GET /api/worker/stream HTTP/1.1\r\n" + HEADERS + b"Connection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n"
)
BOMB: Final = gzip.compress(bytes(50 * 1024 * 1024), 1)
numbers: Final = itertools.count()
MASK: Final = bytes(4)  # a frame is masked by this, which changes nothing


class Peer:
    """One connection of a client that keeps to nothing. It ends by itself when it is cut off."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def send_for_ever(self, piece: bytes, *, pause: float = 0.05) -> None:
        # Memory is what is tested: at full speed they would only fight for the processor.
        while True:
            await self.send(piece)
            await asyncio.sleep(pause)


def frame(data: bytes, *, opcode: int, fin: bool, size: int | None = None) -> bytes:
    """The beginning of a WebSocket frame that says it has `size` bytes."""
    said = len(data) if size is None else size
    head = bytes([opcode | (0x80 if fin else 0), 0x80 | 127]) + said.to_bytes(8, "big") + MASK
    return head + data


async def endless_headers(peer: Peer) -> None:
    await peer.send(POST)
    await peer.send_for_ever(b"a:b\r\n" * 10_000)


async def one_endless_header(peer: Peer) -> None:
    await peer.send(POST + b"a: ")
    await peer.send_for_ever(b"v" * PIECE)


async def slow_headers(peer: Peer) -> None:
    await peer.send(POST)
    await peer.send_for_ever(b"a: b\r\n", pause=0.5)


async def body_that_never_ends(peer: Peer) -> None:
    """All of the largest body but its last byte, and then nothing."""
    await peer.send(POST + b"Content-Length: %d\r\n\r\n" % LARGEST)
    for _ in range(LARGEST // PIECE - 1):
        await peer.send(b" " * PIECE)
    await peer.send(b" " * (PIECE - 1))
    await peer.reader.read()


async def endless_chunks(peer: Peer) -> None:
    await peer.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    await peer.send_for_ever(b"%x\r\n%b\r\n" % (PIECE, b" " * PIECE))


async def body_of_empty_lists(peer: Peer) -> None:
    """A small text that takes much memory when it is parsed, again and again."""
    body = b'{"junk": [' + b"[]," * (LARGEST // 3 - 100) + b"0]}"
    while True:
        await peer.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await peer.reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(3)


async def zipped_body(peer: Peer) -> None:
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
    await peer.send(POST + head + BOMB)
    await peer.reader.read()


async def requests_without_reading(peer: Peer) -> None:
    await peer.send_for_ever((b"GET /api/workflows HTTP/1.1\r\n" + HEADERS + b"\r\n") * 50)


async def requests_without_waiting(peer: Peer) -> None:
    """Dear ones, a thousand at once, whose answers are all read."""

    async def read() -> None:
        while await peer.reader.read(PIECE):
            pass

    list_all = b"GET /api/workflows?page_size=100 HTTP/1.1\r\n" + HEADERS + b"\r\n"
    reading = asyncio.create_task(read())
    try:
        await peer.send_for_ever(list_all * 1000)
    finally:
        reading.cancel()


async def accepted_body_of_empty_lists(peer: Peer) -> None:
    """A start with as large an input as there may be, of values that each cost something."""
    body = b'{"workflow_type": "t", "task_queue": "q", "input": ['
    body += b"[]," * (LARGEST // 3 - 100) + b"0]}"
    while True:
        await peer.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await peer.reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(3)


async def frame_that_never_ends(peer: Peer) -> None:
    """Nearly all of the largest frame, and then nothing."""
    await peer.send(UPGRADE)
    most = 4 * 1024 * 1024
    await peer.send(frame(b"", opcode=1, fin=True, size=most))
    for _ in range(most // PIECE - 1):
        await peer.send(b" " * PIECE)
    await peer.reader.read()


async def message_without_end(peer: Peer) -> None:
    await peer.send(UPGRADE + frame(b" ", opcode=1, fin=False))
    await peer.send_for_ever(frame(b"", opcode=0, fin=False) * 2_000)


async def frame_of_small_messages(peer: Peer) -> None:
    text = b"[" + b'{"type":"x"},' * 150_000 + b'{"type":"x"}]'
    await peer.send(UPGRADE)
    while True:
        await peer.send(frame(text, opcode=1, fin=True))
        await asyncio.sleep(1)


async def pings_without_reading(peer: Peer) -> None:
    await peer.send(UPGRADE)
    await peer.send_for_ever((bytes([0x89, 0x80 | 125]) + MASK + bytes(125)) * 500)


async def signs_of_life_without_reading(peer: Peer) -> None:
    """A worker as it should be, but that it reads none of the answers."""
    worker = {"worker_id": f"hostile-{next(numbers)}", "session": "s", "task_queue": "hostile"}
    capabilities = ["worker_stream", "held_tasks"]
    body = json.dumps({**worker, "runtime": "python", "capabilities": capabilities}).encode()
    head = b"POST /api/worker/register HTTP/1.1\r\n" + HEADERS
    await peer.send(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    answer = await peer.reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", answer)
    assert found is not None
    await peer.reader.readexactly(int(found[1]))
    slots = {"workflow": 1, "activity": 1, "query": 1}
    hello = json.dumps([{"type": "hello", **worker, "slots": slots, "held": []}]).encode()
    await peer.send(UPGRADE + frame(hello, opcode=1, fin=True))
    alive = frame(b'[{"type":"alive","id":1,"held":[]}]', opcode=1, fin=True)
    await peer.send_for_ever(alive * 500)


KINDS: Final[list[Callable[[Peer], Awaitable[None]]]] = [
    endless_headers,
    one_endless_header,
    slow_headers,
    body_that_never_ends,
    endless_chunks,
    body_of_empty_lists,
    zipped_body,
    requests_without_reading,
    requests_without_waiting,
    accepted_body_of_empty_lists,
    frame_that_never_ends,
    message_without_end,
    frame_of_small_messages,
    pings_without_reading,
    signs_of_life_without_reading,
]


async def attack(url: str, kind: Callable[[Peer], Awaitable[None]]) -> None:
    """Come back as often as the server hangs up."""
    host, port = url.removeprefix("http://").split(":")
    while True:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                await kind(Peer(reader, writer))
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.5)


async def behave(client: Client, name: str, until: float, times: list[float]) -> None:
    """Start workflows and look at them, as long as it lasts."""
    number = 0
    while time.monotonic() < until:
        began = time.perf_counter()
        workflow_id = f"{name}-{number}"
        await client.start_workflow(
            workflow_type="t", task_queue="q", workflow_id=workflow_id, input=["x" * 1000]
        )
        assert (await client.describe_workflow(workflow_id)).workflow_id == workflow_id
        times.append(time.perf_counter() - began)
        number += 1


async def test_memory_is_bounded_and_others_are_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times: list[float] = []
    alone: list[float] = []
    with ServerProcess(tmp_path / "state.db", environment={"DW_LOG_LEVEL": "error"}) as server:
        pid = server.process.pid
        async with Client(server.url, timeout=60) as client:
            await behave(client, "first", time.monotonic() + 0.5, alone)
            alone, used = [], cpu_seconds(pid)
            await behave(client, "alone", time.monotonic() + 1, alone)
            of_one = (cpu_seconds(pid) - used) / len(alone)
        before = resident_megabytes(pid)["most_mb"]
        used, began = cpu_seconds(pid), time.monotonic()
        hostile = [
            asyncio.create_task(attack(server.url, KINDS[number % len(KINDS)]))
            for number in range(CLIENTS)
        ]
        async with Client(server.url, timeout=60) as client:
            until = time.monotonic() + SECONDS
            await asyncio.gather(
                *(behave(client, f"honest-{each}", until, times) for each in range(3))
            )
        taken = cpu_seconds(pid) - used - of_one * len(times)
        lasted = time.monotonic() - began
        peak = resident_megabytes(pid)["most_mb"]
        for each in hostile:
            each.cancel()
        await asyncio.gather(*hostile, return_exceptions=True)
        async with Client(server.url) as client:
            assert (await client.health())["status"] == "serving"
        assert server.process.stop() == 0
    p99 = 1000 * quantiles(times, n=100)[98]
    with capsys.disabled():
        print(
            f"\n{CLIENTS} hostile clients, {SECONDS:g} s: {before:.0f} MB before, at most"
            f" {peak:.0f} MB; {len(times)} starts with a look were served, p99 {p99:.0f} ms, at"
            f" {1000 * of_one:.1f} ms of processor time each; all else took {taken:.1f} of"
            f" {lasted:.1f} s"
        )
    # Not more on any machine, however busy: a busy one gives the server less.
    assert taken / lasted <= MOST_TAKEN
    assert peak <= MOST_MEGABYTES
    assert len(times) >= 3
