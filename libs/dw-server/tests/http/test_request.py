"""What a request knows of its caller."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from durable_workflow.server.http.request import Request


class Connection:
    """The receiving end of an application, as a server gives it one."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    async def receive(self) -> MutableMapping[str, Any]:
        return await self.messages.get()

    def hang_up(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})

    def request(self) -> Request:
        scope: dict[str, Any] = {"method": "POST", "path": "/", "raw_path": b"/", "headers": []}
        return Request(scope, {}, self.receive)


async def test_it_is_told_at_once_whether_the_caller_has_left() -> None:
    connection = Connection()
    request = connection.request()
    assert not request.has_left()
    connection.messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    assert not request.has_left()
    connection.hang_up()
    assert request.has_left()
    assert request.has_left()
    await asyncio.wait_for(asyncio.shield(request.gone()), 5)
    await request.finish()


async def test_looking_takes_nothing_from_who_waits_for_the_caller_to_leave() -> None:
    connection = Connection()
    request = connection.request()
    gone = request.gone()
    await asyncio.sleep(0)
    assert not request.has_left()
    connection.hang_up()
    await asyncio.wait_for(asyncio.shield(gone), 5)
    assert request.has_left()
    await request.finish()
