"""A client in bad weather: a typed error in time, nothing left open, and all is well afterwards."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from durable_workflow import Client
from durable_workflow.errors import InvalidResponse, ServerError
from durable_workflow.retry_policy import TransportRetryPolicy
from integration.harness.bad_weather import BAD_WEATHER
from integration.harness.forwarder import fair, forwarder
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually

TIMEOUT = 2.0
# How long a result is waited for.
WAIT = 0.4
# Beside the time-out of an attempt: what a busy machine may take for it.
ROOM = 2.0
BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)

# What one attempt at a request ends with; None is the response.
ERRORS: dict[str, tuple[type[Exception], ...] | None] = {
    "latency": None,
    "reset": BROKEN,
    "ended": BROKEN,
    "half_open": (httpx.ReadTimeout,),
    "slow_bytes": (httpx.ReadTimeout,),
    "cut_in_the_middle": BROKEN,
    "garbage": (httpx.RemoteProtocolError,),
    "page": (InvalidResponse,),
    "bad_gateway": (ServerError,),
    "half_json": (InvalidResponse,),
    "nothing": (httpx.ReadTimeout,),
}
STATUS = {"page": 200, "bad_gateway": 502, "half_json": 200}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("weather") / "state.db") as server:
        yield server


@pytest.fixture(params=["httpx", "aiohttp"])
def carrier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What sends the requests of clients."""
    name: str = request.param
    monkeypatch.setenv("DW_HTTP_CLIENT", "httpx" if name == "httpx" else "")
    return name


@asynccontextmanager
async def sending(url: str, carrier: str, **options: Any) -> AsyncGenerator[Client]:
    """A client whose requests go over `carrier`, from the first one on."""
    async with Client(url, timeout=TIMEOUT, **options) as client:
        fast = client._fast  # pyright: ignore[reportPrivateUsage]
        assert (fast is None) == (carrier == "httpx")
        if fast is not None:
            fast.transport.load()  # type: ignore[attr-defined]  # it is an AiohttpTransport
        yield client


async def start(client: Client, **options: Any) -> Any:
    return await client.start_workflow(workflow_type="weather", task_queue="nobody", **options)


async def outcome(asking: Awaitable[Any], within: float) -> Exception | None:
    """What a call ended with, which it did in time."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(within + ROOM):
            await asking
    except (httpx.HTTPError, ServerError, TimeoutError) as error:
        return error
    finally:
        assert time.monotonic() - began < within + ROOM
    return None


CALLS: dict[str, Callable[[Client, str], Awaitable[Any]]] = {
    "read": lambda client, workflow_id: client.describe_workflow(workflow_id),
    "start": lambda client, workflow_id: start(client, workflow_id=f"{workflow_id}-2"),
}


def test_every_weather_is_expected_to_end_in_something() -> None:
    assert ERRORS.keys() == BAD_WEATHER.keys()


@pytest.mark.parametrize("weather", BAD_WEATHER)
async def test_every_call_ends_in_time_with_a_typed_error_and_leaves_nothing_open(
    server: ServerProcess, carrier: str, weather: str
) -> None:
    retry = TransportRetryPolicy(max_attempts=1)
    async with forwarder(server.url) as proxy:
        async with sending(proxy.url, carrier, retry_policy=retry) as client:
            workflow_id = f"weather-{uuid.uuid4().hex[:8]}"
            handle = await start(client, workflow_id=workflow_id)
            tasks = asyncio.all_tasks()
            proxy.weather = BAD_WEATHER[weather]
            wait = outcome(handle.result(timeout=WAIT), WAIT + TIMEOUT)
            asked = [outcome(call(client, workflow_id), TIMEOUT) for call in CALLS.values()]
            waited, *errors = await asyncio.gather(wait, *asked)
            # A result is waited for until the caller's time is over, whatever fails meanwhile.
            lasting = (
                InvalidResponse if InvalidResponse in (ERRORS[weather] or ()) else TimeoutError
            )
            assert isinstance(waited, lasting), repr(waited)
            for name, error in zip(CALLS, errors, strict=True):
                assert_typed(error, weather, name, proxy.url)
            if ERRORS[weather] is not None:
                # What broke is not kept for the next request.
                await eventually(lambda: _number(proxy.open), lambda seen: seen == 0, within=2)
            proxy.weather = fair
            assert (await client.describe_workflow(workflow_id)).workflow_id == workflow_id
            left = {task for task in asyncio.all_tasks() - tasks if not task.done()}
            assert [task for task in left if "/integration/harness/" not in repr(task)] == []
        await eventually(lambda: _number(proxy.open), lambda seen: seen == 0, within=2)


def assert_typed(error: Exception | None, weather: str, name: str, url: str) -> None:
    expected = ERRORS[weather]
    if expected is None:
        assert error is None, name
        return
    assert isinstance(error, expected), (name, repr(error))
    if isinstance(error, ServerError):
        assert error.status == STATUS[weather]
    else:
        assert url in str(error), name


async def _number(number: int) -> int:
    return number
