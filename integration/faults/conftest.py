"""What the tests of faults share: a peer that writes its requests by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from durable_workflow import Client
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire


@pytest.fixture
def wire(server: ServerProcess) -> Iterator[Wire]:
    """Speaks to the server of the module."""
    with Wire(server.url) as wire:
        yield wire


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[Client]:
    """A client of the server of the module."""
    async with Client(server.url) as client:
        yield client
