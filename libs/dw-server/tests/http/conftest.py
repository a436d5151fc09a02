"""The application over ASGI: no socket, a store in memory, and one client."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import httpx
import pytest
from jsonschema import Draft202012Validator, ValidationError

from durable_workflow.server.api import Operation
from durable_workflow.server.app import create_app
from durable_workflow.server.http.openapi import document
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import AuthSettings, Settings

Connected: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
Hooks: TypeAlias = dict[str, list[Callable[[httpx.Response], Awaitable[None]]]]


class Description:
    """What the server says that it answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        # As it is read, and not as it was made.
        self._document: dict[str, Any] = json.loads(json.dumps(document))
        self._validators: dict[tuple[str, str, str], Any] = {}

    async def check(self, answer: httpx.Response) -> None:
        """Fail where an answer is none of those that are described for its route."""
        path = answer.request.url.raw_path.decode().partition("?")[0]
        method, status = answer.request.method, str(answer.status_code)
        for route in ROUTES:
            if route.method == method and re.fullmatch(_pattern(route.path), path):
                break
        else:
            return
        described = self._document["paths"][route.path][method.lower()]["responses"]
        assert status in described, f"{method} {route.path} is not said to answer {status}"
        validator = self._validator(route.path, method, status)
        if validator is not None:
            await answer.aread()
            try:
                validator.validate(answer.json())
            except ValidationError as error:
                what = f"{method} {route.path} {status} is described otherwise"
                pytest.fail(f"{what}: {error.json_path}: {error.message}")

    def _validator(self, path: str, method: str, status: str) -> Any:  # half typed, to pyright
        key = (path, method, status)
        if key not in self._validators:
            content = self._document["paths"][path][method.lower()]["responses"][status]
            schema = content.get("content", {}).get("application/json", {}).get("schema")
            self._validators[key] = schema and Draft202012Validator(
                {"allOf": [schema], "components": self._document["components"]}
            )
        return self._validators[key]


def _pattern(path: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))


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
        description = Description(loop.run_until_complete(describe()))
    finally:
        loop.close()
    return {"response": [description.check]}


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
