"""A server that answers from a list, and clients of it."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from durable_workflow.client import Client, HttpxTransport
from durable_workflow.retry_policy import TransportRetryPolicy

_SPEC = Path(__file__).resolve().parents[4] / "shared" / "spec"


@pytest.fixture(scope="session")
def spec() -> Path:
    """The folder with the specification; its data is in `data`."""
    named = os.environ.get("DURABLE_WORKFLOW_SPEC_DATA")
    folder = Path(named).parent if named else _SPEC
    if not (folder / "client-http-map.tsv").is_file():
        pytest.skip(f"the specification is not at {folder}")
    return folder


@pytest.fixture
def answers() -> list[httpx.Response | Exception]:
    """What the server answers, in order. A request beyond the last one fails the test."""
    return []


@pytest.fixture
def requests() -> list[httpx.Request]:
    """What the server was asked, in order."""
    return []


@pytest.fixture
async def make_client(
    answers: list[httpx.Response | Exception], requests: list[httpx.Request]
) -> AsyncIterator[Callable[..., Client]]:
    """Makes clients of that server. Retries do not pause."""

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        assert answers, f"unexpected request: {request.method} {request.url}"
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    made: list[Client] = []

    def make(**settings: Any) -> Client:
        settings.setdefault("retry_policy", TransportRetryPolicy(initial_backoff_seconds=0.0))
        connect: Callable[[], httpx.AsyncClient] = lambda: httpx.AsyncClient(  # noqa: E731
            transport=httpx.MockTransport(answer)
        )
        client = Client("http://server.test", transport=HttpxTransport(connect), **settings)
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    """A client of that server with nothing special about it."""
    return make_client()
