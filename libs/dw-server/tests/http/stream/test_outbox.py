"""What waits to be sent to one peer, without its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import pytest

from durable_workflow.server.http.stream import Listener
from durable_workflow.server.http.stream.outbox import (
    CLOGGED_SECONDS,
    MOST_UNREAD,
    MOST_UNREAD_BY_ALL,
    Outbox,
    Unread,
)

PassTime: TypeAlias = Callable[[float], Awaitable[None]]


class Wire:
    """A socket that takes nothing at once, so that everything is sent through the application."""

    aborted = False
    takes = False

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def ping(self, answered: Callable[[], None]) -> None: ...

    def listen(self, listener: Listener) -> None: ...

    def write(self, text: bytes) -> bool:
        if self.takes:
            self.written.append(text)
        return self.takes

    def unread(self) -> int:
        return 0

    def abort(self) -> None:
        self.aborted = True


async def never(event: MutableMapping[str, Any]) -> None:
    """A peer that does not read."""
    await asyncio.Event().wait()


async def broken(event: MutableMapping[str, Any]) -> None:
    """A connection that was cut."""
    raise ConnectionResetError


@pytest.mark.parametrize("send", [never, broken])
async def test_what_is_put_after_the_end_of_a_connection_is_not_counted(send: Any) -> None:
    """Else each cut with answers under way would leave less room to all other streams."""
    unread = Unread()
    outbox = Outbox(send, Wire(), unread, lambda: None)
    outbox.put({"type": "answer", "id": 1})
    assert unread.bytes > 0
    await asyncio.sleep(0)
    outbox.put({"type": "answer", "id": 2})
    await outbox.drop()
    assert unread.bytes == 0
    outbox.put({"type": "answer", "id": 3})
    assert unread.bytes == 0


async def test_what_the_socket_takes_at_once_is_not_sent_again_and_goes_in_order() -> None:
    sent: list[Any] = []
    wire = Wire()

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append((len(wire.written), event["text"]))
        wire.takes = True

    outbox = Outbox(send, wire, Unread(), lambda: None)
    for number in range(3):
        outbox.put({"id": number})
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    outbox.acknowledge(7)
    outbox.put({"id": 3})
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sent == [(0, '[{"id":0}]')]
    last = b'[{"type":"acks","ids":[7]},{"id":3}]'
    assert wire.written == [b'[{"id":1}]', b'[{"id":2}]', last]
    await outbox.drop()


async def test_nothing_more_is_read_from_a_peer_that_does_not_read() -> None:
    unread, gate = Unread(), asyncio.Event()

    async def slow(event: MutableMapping[str, Any]) -> None:
        await gate.wait()

    outbox = Outbox(slow, Wire(), unread, lambda: None)
    outbox.put({"type": "answer", "id": 1})
    await asyncio.wait_for(outbox.until_read(), 5)
    outbox.put({"type": "answer", "id": 2, "body": "x" * 300_000})
    waiting = asyncio.create_task(outbox.until_read())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    await asyncio.wait_for(waiting, 5)

    gate.clear()
    outbox.put({"type": "answer", "id": 3, "body": "x" * 300_000})
    waiting = asyncio.create_task(outbox.until_read())
    await asyncio.sleep(0)
    await outbox.drop()
    await asyncio.wait_for(waiting, 5)


def message_of(size: int) -> dict[str, Any]:
    """A message that has so many bytes as JSON."""
    return {"a": "x" * (size - len('{"a":""}'))}


@pytest.mark.parametrize("beyond", [0, 1])
async def test_what_one_peer_may_leave_unread(beyond: int, pass_time: PassTime) -> None:
    """One byte more, and it gets no tasks and is dropped after a while."""
    wire = Wire()
    outbox = Outbox(never, wire, Unread(), lambda: None)
    outbox.put(message_of(MOST_UNREAD - 1000))
    assert not outbox.is_clogged()
    outbox.put(message_of(1000 + beyond))
    assert outbox.is_clogged() == bool(beyond)
    await pass_time(CLOGGED_SECONDS + 1)
    assert wire.aborted == bool(beyond)
    await outbox.drop()


async def test_a_peer_that_reads_in_time_is_not_dropped_and_gets_tasks_again(
    pass_time: PassTime,
) -> None:
    gate, room, wire = asyncio.Event(), asyncio.Event(), Wire()

    async def slow(event: MutableMapping[str, Any]) -> None:
        await gate.wait()

    outbox = Outbox(slow, wire, Unread(), room.set)
    outbox.put(message_of(MOST_UNREAD + 1))
    assert outbox.is_clogged()
    gate.set()
    await asyncio.wait_for(room.wait(), 5)
    assert not outbox.is_clogged()
    await pass_time(CLOGGED_SECONDS + 1)
    assert not wire.aborted
    await outbox.drop()


@pytest.mark.parametrize("beyond", [0, 1])
async def test_what_all_peers_together_may_leave_unread(beyond: int) -> None:
    unread = Unread()
    outboxes = [Outbox(never, Wire(), unread, lambda: None) for _ in range(9)]
    for each in outboxes[:8]:
        each.put(message_of(MOST_UNREAD_BY_ALL // 8))
    outboxes[8].put(message_of(1000))
    unread.bytes -= 1000 - beyond
    # Each by itself has left no more than it may.
    assert [each.is_clogged() for each in outboxes] == [bool(beyond)] * 9
    unread.bytes += 1000 - beyond
    for each in outboxes:
        await each.drop()
    assert unread.bytes == 0
    assert not outboxes[8].is_clogged()


@pytest.mark.parametrize("beyond", [0, 1])
async def test_how_many_answers_wait_before_no_more_is_read(beyond: int) -> None:
    outbox = Outbox(never, Wire(), Unread(), lambda: None)
    outbox.put(message_of(256 * 1024 + beyond))
    waiting = asyncio.create_task(outbox.until_read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert waiting.done() != bool(beyond)
    await outbox.drop()
    await asyncio.wait_for(waiting, 5)
