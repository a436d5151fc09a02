"""Frames on their way in and out: in pieces, before anybody listens, and behind a slow reader."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, cast

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from durable_workflow._meet import Lease, Report
from durable_workflow.client._stream import _connecting, _connection
from durable_workflow.client._stream._connecting import Address, open_connection
from durable_workflow.client._stream._connection import StreamConnection, text_frame
from durable_workflow.client._stream._stream import HttpStream

Begin = Callable[..., HttpStream]

TASK: dict[str, Any] = {
    "type": "task",
    "kind": "activity",
    "task": {"task_id": "t-1", "activity_attempt_id": "a-1", "activity_type": "act"},
}


async def test_a_message_in_pieces_is_one(open_stream: Begin, server: Any) -> None:
    stream = open_stream()
    peer = await server.peer()
    text = json.dumps([TASK])
    await peer.socket.send([text[:5], text[5:9], text[9:]])
    assert await stream.poll("activity", timeout=30) == TASK["task"]


async def test_a_message_in_bytes_is_read_as_text_is(open_stream: Begin, server: Any) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.socket.send(json.dumps([TASK]).encode())
    assert await stream.poll("activity", timeout=30) == TASK["task"]


def frame_of(data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_bytes_that_begin_with_a_text_say_how_long_it_is(size: int) -> None:
    text = b"x" * size
    frame = frame_of(text)
    head = len(frame) - size
    assert text_frame(frame) == (len(frame), head)
    assert text_frame(frame[:head]) == text_frame(frame * 2) == (len(frame), head)
    others = [frame[: head - 1], frame[:1], b"", Frame(Opcode.TEXT, text).serialize(mask=True)]
    others += [frame_of(text, Opcode.BINARY), frame_of(text, Opcode.CONT)]
    others += [frame_of(text, fin=False), frame_of(text[:125], Opcode.PING)]
    others += [b"\x81\x7f" + b"\xff" * 8]
    assert [text_frame(each) for each in others] == [(0, 0)] * len(others)


async def test_frames_arrive_in_order_however_their_bytes_are_cut(server: Any) -> None:
    connection = cast("StreamConnection", await open_connection(Address(server.url, {}, None)))
    await connection.send('[{"type": "hello"}]')
    await connection.recv()  # the welcome
    taken: list[str | bytes] = []
    delivering = asyncio.create_task(connection.deliver_to(taken.append))
    await asyncio.sleep(0)
    frames = [
        frame_of(b"one"),
        frame_of(b"t", fin=False),
        frame_of(b"", Opcode.PONG),
        frame_of(b"wo", Opcode.CONT),
        frame_of(b"three", Opcode.BINARY),
        frame_of(b"x" * 200),
        # Its text looks like a frame.
        frame_of(frame_of(b"five")),
        frame_of(b"six"),
    ]
    whole = b"".join(frames)
    for cut in range(len(whole) + 1):
        connection.data_received(whole[:cut])
        connection.data_received(whole[cut:])
    for frame in frames:
        connection.data_received(frame)
    for size in (1, 3, 50):
        for at in range(0, len(whole), size):
            connection.data_received(whole[at : at + size])
    texts = [b"one", b"two", b"three", b"x" * 200, frame_of(b"five"), b"six"]
    assert taken == texts * (len(whole) + 5)
    delivering.cancel()
    await connection.close()


async def test_the_log_has_neither_the_token_nor_what_is_sent(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer guarded"}

    connection = await open_connection(Address(server.url, headers, None))
    await connection.send('[{"type": "hello", "input": "guarded"}]')
    await connection.recv()  # the welcome
    await connection.close()

    # The server is the test's own.
    said = [each.getMessage() for each in caplog.records if each.name != "websockets.server"]
    assert not [line for line in said if "guarded" in line]


async def test_frames_that_came_before_anybody_listens_come_first(server: Any) -> None:
    connection = await open_connection(Address(server.url, {}, None))
    await connection.send('[{"type": "hello"}]')
    peer = await server.peer()
    await connection.recv()  # the welcome
    for number in range(3):
        await peer.send({"number": number})
    await peer.next_pong()
    taken: list[str | bytes] = []
    delivering = asyncio.create_task(connection.deliver_to(taken.append))
    await peer.send({"number": 3})
    await peer.next_pong()
    assert [json.loads(frame)[0]["number"] for frame in taken] == [0, 1, 2, 3]
    delivering.cancel()
    await connection.close()


async def test_reports_behind_a_slow_reader_arrive_in_order(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    peer.socket.transport.pause_reading()
    wide = {"result": "x" * 3_000_000}
    bodies = [wide] * 8 + [{"result": "small"}]
    leases = [Lease("activity", f"task-{number}", "a", "w") for number in range(len(bodies))]
    reports = [
        asyncio.create_task(stream.report(Report(lease, "complete", body)))
        for lease, body in zip(leases, bodies, strict=True)
    ]
    for _ in range(20):
        await asyncio.sleep(0)
    peer.socket.transport.resume_reading()
    messages = [await peer.next() for _ in reports]
    assert [each["task_id"] for each in messages] == [lease.task_id for lease in leases]
    await peer.acknowledge(*messages)
    await asyncio.gather(*reports)


WIDE = {"result": "x" * 8_000_000}


@pytest.fixture
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the first connection look at once whether its peer takes what waits to be sent."""
    first: list[object] = []
    look_later: Any = StreamConnection._look_later  # pyright: ignore[reportPrivateUsage]

    def look(connection: StreamConnection) -> None:
        first.append(connection)
        with monkeypatch.context() as patched:
            if connection is first[0]:
                patched.setattr(_connection, "_STALL_SECONDS", 0.05)
                patched.setattr(_connection, "_SLOW_BYTES_PER_SECOND", 1e12)
            look_later(connection)

    monkeypatch.setattr(StreamConnection, "_look_later", look)


@pytest.mark.usefixtures("look_at_once")
async def test_a_connection_whose_peer_takes_nothing_is_made_anew(
    open_stream: Begin, server: Any
) -> None:
    """Behind what it does not take, a ping would never say that it is gone."""
    stream = open_stream(message_bytes=16_000_000)
    peer = await server.peer()
    peer.socket.transport.pause_reading()
    lease = Lease("activity", "t-1", "a-1", "w")
    report = asyncio.create_task(stream.report(Report(lease, "complete", WIDE)))
    again = await server.peer()
    message = await again.next()
    assert (message["type"], message["task_id"]) == ("complete", "t-1")
    await again.acknowledge(message)
    await report
    peer.socket.transport.abort()


async def test_a_peer_that_is_slow_or_heard_is_waited_for(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connection = await open_connection(Address(server.url, {}, None))
    assert isinstance(connection, StreamConnection)
    await connection.send('[{"type": "hello"}]')
    peer = await server.peer()
    await connection.recv()  # the welcome
    peer.socket.transport.pause_reading()
    assert connection.send_now(json.dumps([WIDE]).encode())
    waiting = connection.transport.get_write_buffer_size()
    look = connection._end_if_stalled  # pyright: ignore[reportPrivateUsage]

    look(waiting + 1)  # it has taken something
    assert not connection.transport.is_closing()
    await peer.send({"number": 1})
    await connection.recv()
    look(waiting)
    assert not connection.transport.is_closing()
    look(waiting)
    with pytest.raises(ConnectionClosed):
        await connection.recv()
    assert f"takes nothing of {waiting} bytes" in caplog.text
    peer.socket.transport.abort()


async def test_a_connection_whose_peer_takes_nothing_can_be_closed(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_connecting, _connection):
        monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    monkeypatch.setattr(_connecting, "_PING_SECONDS", 1000)
    connection = await open_connection(Address(server.url, {}, None))
    assert isinstance(connection, StreamConnection)
    await connection.send('[{"type": "hello"}]')
    peer = await server.peer()
    peer.socket.transport.pause_reading()
    assert connection.send_now(json.dumps([WIDE]).encode())
    await asyncio.wait_for(connection.close(), 20)
    await asyncio.wait_for(connection.wait_closed(), 20)
    peer.socket.transport.abort()
