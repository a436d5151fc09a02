"""What waits to be sent to one peer, without its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from durable_workflow.server.http.stream import Listener
from durable_workflow.server.http.stream.outbox import Outbox, Unread


class Wire:
    """A socket that takes everything."""

    def ping(self, answered: Callable[[], None]) -> None: ...

    def listen(self, listener: Listener) -> None: ...

    def write(self, text: bytes) -> bool:
        return True

    def unread(self) -> int:
        return 0

    def abort(self) -> None: ...


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
