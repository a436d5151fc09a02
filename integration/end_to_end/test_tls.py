"""A server behind a proxy that ends TLS, as `docs/server.md` has it for other machines."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from durable_workflow import Client, TransportRetryPolicy
from integration.end_to_end.conftest import PROGRAMS
from integration.harness.certificates import certified
from integration.harness.forwarder import Forwarder, forwarder
from integration.harness.processes import ServerProcess, worker_process


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certified(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def proxy(
    shared_server: ServerProcess, certificates: tuple[ssl.SSLContext, Path]
) -> AsyncIterator[Forwarder]:
    async with forwarder(shared_server.url, certificates[0]) as proxy:
        yield proxy


@pytest.mark.parametrize("polls", [False, True], ids=["over its stream", "by polls"])
async def test_a_worker_and_a_client_that_trust_the_proxy_are_served(
    proxy: Forwarder,
    certificates: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
    polls: bool,
) -> None:
    trust = {"SSL_CERT_FILE": str(certificates[1])}
    queue = f"encrypted-{polls}"
    monkeypatch.setenv(*next(iter(trust.items())))
    with worker_process(proxy.url, PROGRAMS, task_queue=queue, environment=trust, polls=polls):
        async with Client(proxy.url) as client:
            for name in ("you", "x" * 300_000):
                done = await client.execute_workflow(
                    workflow_type="greeter", task_queue=queue, input=[name], timeout=30
                )
                assert done["greeting"] == f"Hello, {name}!"
    assert proxy.upgrades == (0 if polls else 1)


async def test_a_client_that_does_not_trust_the_proxy_says_why(proxy: Forwarder) -> None:
    once = TransportRetryPolicy(max_attempts=1)
    async with Client(proxy.url, retry_policy=once) as client:
        with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
            await client.health()
