"""The application over ASGI: no socket, a store in memory, and one client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple, TypeAlias

import httpx
import pytest
from described import Described

from durable_workflow.server.api import Operation
from durable_workflow.server.app import create_app
from durable_workflow.server.http.openapi import document
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import AuthSettings, Settings

Connected: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
Hooks: TypeAlias = dict[str, list[Callable[[httpx.Response], Awaitable[None]]]]


class Answer(NamedTuple):
    """An answer as it is held against the description."""

    status: int
    headers: httpx.Headers
    body: Any


@pytest.fixture(scope="session")
def as_described() -> Hooks:
    """Hooks of a client that hold every answer against the description of the interface."""

    async def describe() -> dict[str, Any]:
        settings = Settings(db=":memory:")
        server = Server(settings)
        found = document(ROUTES, server.api.operations, settings)
        await server.stop()
        return found

    loop = asyncio.new_event_loop()
    try:
        # As it is read, and not as it was made.
        described = Described(json.loads(json.dumps(loop.run_until_complete(describe()))))
    finally:
        loop.close()

    async def check(answer: httpx.Response) -> None:
        await answer.aread()
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        body = answer.json() if is_json and answer.content else answer.text  # HEAD has none
        asked = answer.request
        answered = Answer(answer.status_code, answer.headers, body)
        described.check(asked.method, asked.url.raw_path.decode(), answered)

    return {"response": [check]}


@pytest.fixture(scope="session")
def connected(as_described: Hooks) -> Connected:
    """Serves the server or the settings given, and gives a client of it."""

    @asynccontextmanager
    async def connect(
        settings: Settings | None = None,
        *,
        server: Server | None = None,
        host: str = "127.0.0.1",
        **options: Any,
    ) -> AsyncGenerator[httpx.AsyncClient, None]:
        server = server or Server(settings or Settings(db=":memory:", long_poll_timeout=0))
        await server.start()
        transport = httpx.ASGITransport(create_app(server), client=(host, 40000))
        try:
            async with httpx.AsyncClient(
                transport=transport, base_url="http://test", event_hooks=as_described, **options
            ) as client:
                yield client
        finally:
            await server.stop()

    return connect


@pytest.fixture
async def client(connected: Connected) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that lets everybody in and holds no poll."""
    async with connected() as client:
        yield client


@pytest.fixture
def guarded_settings() -> Settings:
    """Each role has a token of its own: the first letter of its name."""
    auth = AuthSettings(worker_token="w", operator_token="o", admin_token="a")
    return Settings(db=":memory:", long_poll_timeout=0, auth=auth)


@pytest.fixture
async def guarded(
    connected: Connected, guarded_settings: Settings
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server with a token for each role."""
    async with connected(guarded_settings) as client:
        yield client


@pytest.fixture
async def operations() -> AsyncIterator[dict[str, Operation[Any]]]:
    """Everything that can be asked of a server."""
    server = Server(Settings(db=":memory:"))
    yield server.api.operations
    await server.stop()
