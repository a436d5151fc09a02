"""What a request knows of its caller, and what the caller says in headers."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from durable_workflow.server.api import Credentials
from durable_workflow.server.http.incoming import Incoming
from durable_workflow.server.http.request import Request


class Connection:
    """The receiving end of an application, as a server gives it one."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    async def receive(self) -> MutableMapping[str, Any]:
        return await self.messages.get()

    def hang_up(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})

    def request(self, *headers: tuple[bytes, bytes]) -> Request:
        scope: dict[str, Any] = {"method": "POST", "path": "/", "raw_path": b"/"}
        scope["headers"] = list(headers)
        return Request(scope, {}, self.receive, incoming=Incoming())


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
    await request.watch_no_more()


async def test_looking_takes_nothing_from_who_waits_for_the_caller_to_leave() -> None:
    connection = Connection()
    request = connection.request()
    gone = request.gone()
    await asyncio.sleep(0)
    assert not request.has_left()
    connection.hang_up()
    await asyncio.wait_for(asyncio.shield(gone), 5)
    assert request.has_left()
    await request.watch_no_more()


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        ("Bearer old", b"old"),
        ("  bearer   old ", b"old"),
        ("Bearer old x", b"old x"),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("old", None),
        ("Basic old", None),
    ],
)
def test_a_token_is_presented_as_bearer(authorization: str, token: bytes | None) -> None:
    request = Connection().request((b"authorization", authorization.encode()))

    assert request.credentials() == Credentials(token=token, signature=None, signed=b"")
    assert Connection().request().credentials().token is None


def test_a_signature_is_of_the_raw_body() -> None:
    request = Connection().request((b"x-signature", b" abc "))
    request.body = b'{"a": 1}'

    assert request.credentials() == Credentials(token=None, signature=b"abc", signed=b'{"a": 1}')


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ([], None),
        (["wait=5"], 5),
        (["respond-async", 'WAIT = "7"'], 7),
        (["wait=600"], 60),
        (["wait"], None),
        (["nowait=5"], None),
        (["wait=-1"], None),
    ],
)
def test_a_caller_may_prefer_to_wait(lines: list[str], seconds: int | None) -> None:
    request = Connection().request(*[(b"prefer", line.encode()) for line in lines])

    assert request.preferred_wait() == seconds
