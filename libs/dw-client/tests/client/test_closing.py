"""Closing a client ends the calls that wait, at once and by name."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from durable_workflow.client import Client, TransportResponse
from durable_workflow.client._fast_http import FastHttp
from durable_workflow.errors import ClientClosed
from durable_workflow.metrics import CLIENT_REQUESTS, InMemoryMetrics
from durable_workflow.retry_policy import TransportRetryPolicy
from integration.harness.serving import serving

Wait = Callable[[Client], Awaitable[Any]]
OPEN = {"workflow_id": "w", "run_id": "r", "activity_id": "a", "status": "running"}


class Scripted:
    """A transport whose server responds as told, or holds its responses.

    Args:
        status: Status of each response; None holds it.
    """

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.asked = asyncio.Event()

    async def send(self, *_: Any, **__: Any) -> TransportResponse:
        self.asked.set()
        if self.status is None:
            await asyncio.Future[None]()
        assert self.status is not None
        return TransportResponse(self.status, {}, json.dumps(OPEN).encode())

    def clone(self) -> "Scripted":
        return self

    async def aclose(self) -> None:
        pass


WAITS: dict[str, tuple[int | None, Wait]] = {
    "a request": (None, lambda client: client.describe_workflow("w")),
    "a poll of a worker": (
        None,
        lambda client: client.poll_workflow_task(worker_id="k", task_queue="q"),
    ),
    "a result": (None, lambda client: client.get_workflow_handle("w").result(timeout=600)),
    "a result, between two questions": (
        200,
        lambda client: client.get_workflow_handle("w").result(poll_interval=60, timeout=600),
    ),
    "a result, while the server is away": (
        503,
        lambda client: client.get_workflow_handle("w").result(timeout=600),
    ),
    "the result of an activity": (
        200,
        lambda client: client.get_activity_handle("a").result(poll_interval=60, timeout=600),
    ),
    "an execution": (
        200,
        lambda client: client.execute_workflow(
            workflow_type="t", task_queue="q", poll_interval=60, timeout=600
        ),
    ),
    "a retry": (503, lambda client: client.health()),
}


def client_of(transport: Scripted, **settings: Any) -> Client:
    policy = TransportRetryPolicy(initial_backoff_seconds=60, max_backoff_seconds=60)
    return Client("http://server.test", transport=transport, retry_policy=policy, **settings)


@pytest.mark.parametrize("what", WAITS)
async def test_what_waits_ends_at_once(what: str) -> None:
    status, wait = WAITS[what]
    transport, metrics = Scripted(status), InMemoryMetrics()
    client = client_of(transport, metrics=metrics)
    waiting = asyncio.ensure_future(wait(client))
    await transport.asked.wait()
    await asyncio.sleep(0)  # on to the pause, where there is one
    await client.aclose()
    with pytest.raises(ClientClosed, match="this client is closed"):
        await asyncio.wait_for(waiting, 5)
    outcomes = {dict(labels)["outcome"] for _, labels in metrics.counters}
    assert outcomes <= {"ok", "ClientClosed"}
    with pytest.raises(ClientClosed):
        await wait(client)


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    transport, metrics = Scripted(None), InMemoryMetrics()
    client = client_of(transport, metrics=metrics)
    waiting = asyncio.ensure_future(client.health())
    await transport.asked.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    [(_, labels)] = [key for key in metrics.counters if key[0] == CLIENT_REQUESTS]
    assert dict(labels)["outcome"] == "pending"
    waiting = asyncio.ensure_future(client.health())
    await asyncio.sleep(0)
    waiting.cancel()
    await client.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_who_waits_within_a_time_limit_goes_on_after_the_end() -> None:
    transport = Scripted(None)
    client = client_of(transport)

    async def patient() -> str:
        async with asyncio.timeout(60):
            try:
                await client.get_workflow_handle("w").result(timeout=600)
            except ClientClosed:
                await asyncio.sleep(0)
        return "went on"

    waiting = asyncio.ensure_future(patient())
    await transport.asked.wait()
    await client.aclose()
    assert await asyncio.wait_for(waiting, 5) == "went on"


async def test_closing_from_another_loop_ends_it_too() -> None:
    transport = Scripted(None)
    client = client_of(transport)
    waiting = asyncio.ensure_future(client.health())
    await transport.asked.wait()
    await asyncio.to_thread(asyncio.run, client.aclose())
    with pytest.raises(ClientClosed):
        await asyncio.wait_for(waiting, 5)


@pytest.fixture
async def silent() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The URL of a server that accepts and says nothing, and whether it was asked something."""
    asked = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()  # until the client hangs up

    async with serving(accept) as url:
        yield url, asked


@pytest.mark.parametrize("library", ["httpx", "aiohttp"])
async def test_over_each_http_library(silent: tuple[str, asyncio.Event], library: str) -> None:
    url, asked = silent
    client = Client(url)
    fast = vars(client)["_fast"]
    if library == "aiohttp":
        assert isinstance(fast, FastHttp)
        vars(fast)["_transport"].load()
    waiting = asyncio.ensure_future(client.get_workflow_handle("w").result(timeout=600))
    await asyncio.wait_for(asked.wait(), 5)
    await client.aclose()
    with pytest.raises(ClientClosed):
        await asyncio.wait_for(waiting, 5)
