"""Which answers leave in one piece, and that they say what they would in two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any

import msgspec
import pytest

from durable_workflow.server.app import create_app
from durable_workflow.server.http.request import EXCHANGE
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import Settings

HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"
CONTROL = {b"x-durable-workflow-control-plane-version": b"2"}
WORKER = {b"x-durable-workflow-protocol-version": b"1.1"}
PACKED = {b"accept-encoding": b"gzip"}


class Answer:
    """An answer, and whether it came in one piece."""

    def __init__(self) -> None:
        self.whole = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    def read_lines(self, head: bytes) -> None:
        lines = [line.partition(b": ") for line in head.split(b"\r\n") if line]
        self.headers = [(name, value) for name, _, value in lines]

    def shown(self) -> tuple[int, set[tuple[bytes, bytes]]]:
        return self.status, set(self.headers)


class Peer:
    """The connection of one request, and what is done with it."""

    def __init__(self, answer: Answer, *, takes_whole: bool) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._takes_whole = takes_whole

    def has_left(self) -> bool:
        return False

    def whole_body(self) -> bytes | None:
        return None

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        if not self._takes_whole:
            return False
        answer = self._answer
        assert not answer.status, "a request is answered once"
        answer.whole, answer.status, answer.body = True, status, body
        answer.read_lines(head)
        return True


class Asking:
    """Asks the application, as a connection does."""

    def __init__(self, server: Server) -> None:
        self._app: Callable[..., Any] = create_app(server)

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[bytes, bytes],
        body: Any = None,
        *,
        host: str = HERE,
        takes_whole: bool = True,
    ) -> Answer:
        answer = Answer()
        sent = b"" if body is None else msgspec.json.encode(body)
        if sent:
            headers = {b"content-type": b"application/json", **headers}
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": list(headers.items()),
            "client": (host, 40000),
            "extensions": {EXCHANGE: Peer(answer, takes_whole=takes_whole)},
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert not answer.status, "a request is answered once"
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message["body"]

        await self._app(scope, receive, send)
        return answer


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    server = Server(Settings(db=":memory:", long_poll_timeout=0))
    await server.start()
    yield Asking(server)
    await server.stop()


REGISTER = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
START = {"workflow_type": "t", "task_queue": "q"}


@pytest.mark.parametrize("host", [HERE, ELSEWHERE])
async def test_small_answers_leave_in_one_piece_and_say_what_they_do_in_two(
    asking: Asking, host: str
) -> None:
    """Of the worker's plane also to a caller elsewhere: what all of them have does not count."""
    register = ("POST", "/api/worker/register", WORKER | PACKED, REGISTER)
    poll = ("POST", "/api/worker/workflow-tasks/poll", WORKER | PACKED, REGISTER)
    health = ("GET", "/api/health", dict(PACKED), None)
    for method, path, headers, body in (register, poll, health):
        whole = await asking.ask(method, path, headers, body, host=host)
        parts = await asking.ask(method, path, headers, body, host=host, takes_whole=False)
        assert (whole.whole, parts.whole) == (True, False), path
        assert whole.shown() == parts.shown()
        assert dict(whole.headers)[b"content-length"] == b"%d" % len(whole.body)


async def test_a_preference_that_was_applied_is_told_in_one_piece_too(asking: Asking) -> None:
    await asking.ask("POST", "/api/workflows", CONTROL, START | {"workflow_id": "over"})
    await asking.ask("POST", "/api/workflows/over/terminate", CONTROL, {})
    prefers = CONTROL | {b"prefer": b"wait=5, return=minimal"}
    whole = await asking.ask("GET", "/api/workflows/over", prefers)
    parts = await asking.ask("GET", "/api/workflows/over", prefers, takes_whole=False)
    assert (whole.whole, parts.whole) == (True, False)
    assert dict(whole.headers)[b"preference-applied"] == b"wait=5, return=minimal"
    assert (whole.shown(), whole.body) == (parts.shown(), parts.body)


async def test_an_answer_that_names_its_request_leaves_in_two(asking: Asking) -> None:
    named = await asking.ask("GET", "/api/health", {b"x-request-id": b"r-1"})
    refused = await asking.ask("POST", "/api/worker/workflow-tasks/poll", WORKER, REGISTER)
    assert (named.whole, refused.whole) == (False, False)
    assert (named.status, refused.status) == (200, 412)
    assert dict(named.headers)[b"x-request-id"] == b"r-1"
    assert b"x-request-id" in dict(refused.headers)


async def test_an_answer_that_is_packed_leaves_in_two(asking: Asking) -> None:
    packed = await asking.ask("GET", "/api/cluster/info", CONTROL | PACKED, host=ELSEWHERE)
    assert (packed.whole, dict(packed.headers)[b"content-encoding"]) == (False, b"gzip")
    assert (await asking.ask("GET", "/api/cluster/info", CONTROL | PACKED)).whole


async def test_a_large_answer_leaves_in_two(asking: Asking) -> None:
    start = START | {"workflow_id": "large", "input": ["x" * 80_000]}
    assert (await asking.ask("POST", "/api/workflows", CONTROL, start)).whole
    shown = await asking.ask("GET", "/api/workflows/large", CONTROL)
    assert (shown.whole, shown.status, len(shown.body) > 80_000) == (False, 200, True)
