"""The constructor, the copy for another thread, and the seams that existing test suites touch."""

import asyncio
import threading
from collections.abc import Mapping
from itertools import product
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import httpx
import pytest

from durable_workflow._meet import SessionClient, WorkerClient, transport_clone_for
from durable_workflow.client import Client, TransportResponse
from durable_workflow.external_storage import ExternalPayloadCache, LocalFilesystemExternalStorage
from durable_workflow.metrics import NOOP_METRICS, InMemoryMetrics
from durable_workflow.retry_policy import TransportRetryPolicy
from durable_workflow.serializer import PayloadSizeWarningConfig

# --- constructor ----------------------------------------------------------------------


async def test_a_client_needs_nothing_but_a_url() -> None:
    async with Client("http://localhost:8080/") as client:
        assert client.base_url == "http://localhost:8080"
        assert (client.token, client.control_token, client.worker_token) == (None, None, None)
        assert client.namespace == "default"
        assert client.timeout == 60.0
        assert client.retry_policy == TransportRetryPolicy()
        assert client.metrics is NOOP_METRICS
        assert client.payload_size_warning_config == PayloadSizeWarningConfig()
        assert client.external_storage is None
        assert client.external_storage_threshold_bytes is None
        assert isinstance(client.external_storage_cache, ExternalPayloadCache)


async def test_warnings_about_size_can_be_turned_off() -> None:
    async with Client("http://x.test", payload_size_warnings=False) as client:
        assert client.payload_size_warning_config is None


@pytest.mark.parametrize(
    "settings",
    [
        {"external_storage_threshold_bytes": 0},
        {"payload_size_limit_bytes": 0},
        {"payload_size_warning_threshold_percent": 101},
    ],
)
def test_limits_out_of_bounds_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        Client("http://x.test", **settings)  # type: ignore[arg-type]  # one setting at a time


@pytest.mark.parametrize(
    ("base_url", "complaint"),
    [
        ("http://x.test/api", "/api"),
        ("http://x.test/api/", "/api"),
        ("https://x.test/prefix/api", "/api"),
        ("http://x.test?a=1", "query"),
        ("http://x.test/?", "query"),
        ("http://x.test/#top", "fragment"),
        ("localhost:8080", "scheme"),
        ("ftp://x.test", "http:// or https://, not ftp://"),
        ("", "scheme"),
        ("http://", "host"),
        ("http:///path", "host"),
        ("http://:8080", "host"),
        ("http://x.test:99999", "base_url.*Port"),
        ("http://x.test:http", "base_url.*Port"),
        ("http://[::1:8080", "base_url.*IPv6"),
        ("http://me:secret@x.test", "credentials"),
    ],
)
def test_a_url_that_is_no_origin_is_refused(base_url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        Client(base_url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url", ["http://api", "https://x.test/myapi", "http://[::1]:8080", "https://x.test/pre/"]
)
async def test_other_urls_are_taken(base_url: str) -> None:
    async with Client(base_url) as client:
        assert client.base_url == base_url.rstrip("/")


def test_a_namespace_is_trimmed_and_never_blank() -> None:
    assert Client("http://x.test", namespace=" billing ").namespace == "billing"
    with pytest.raises(ValueError, match="namespace must not be blank"):
        Client("http://x.test", namespace=" ")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *product(("token", "control_token", "worker_token"), ("se-cret\n", " se-cret")),
        *product(("token", "control_token", "worker_token", "namespace"), ("se\0cret", "sé-cret")),
    ],
)
def test_what_no_header_can_carry_is_refused_by_name(setting: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{setting} has a character") as caught:
        Client("http://x.test", **{setting: value})  # type: ignore[arg-type]  # one at a time
    assert "cret" not in str(caught.value)


async def test_a_token_that_is_replaced_is_looked_at_too() -> None:
    async with Client("http://x.test", token="good one") as client:
        client.token = "se-cret\n"
        with pytest.raises(ValueError, match=r"^token has a character") as caught:
            await client.health()
    assert "cret" not in str(caught.value)


async def test_it_can_be_closed_twice() -> None:
    client = Client("http://x.test")
    async with client:
        await client.aclose()
    await client.aclose()


async def test_a_worker_takes_it() -> None:
    async with Client("http://x.test") as client:
        assert isinstance(client, WorkerClient)
        assert isinstance(client, SessionClient)


# --- the copy for another thread ------------------------------------------------------


async def test_a_copy_has_the_settings_and_not_the_connections() -> None:
    storage = MagicMock()
    client = Client(
        "http://x.test",
        token="t",
        control_token="c",
        worker_token="w",
        namespace="billing",
        timeout=7.0,
        retry_policy=TransportRetryPolicy(max_attempts=5),
        metrics=InMemoryMetrics(),
        payload_size_limit_bytes=100,
        payload_size_warning_threshold_percent=50,
        external_storage=storage,
        external_storage_threshold_bytes=10,
        external_storage_cache=ExternalPayloadCache(max_entries=1),
    )
    factory = transport_clone_for(client)
    assert factory is not None
    copy: Client = factory(client)
    private = {"_fast", "_http", "_holds", "_open_calls", "_plane_headers"}
    assert {k: v for k, v in vars(copy).items() if k not in private} == {
        k: v for k, v in vars(client).items() if k not in private
    }
    assert vars(copy)["_http"] is not vars(client)["_http"]
    await client.aclose()
    await copy.aclose()


async def test_a_copy_may_differ_where_it_is_told_to() -> None:
    client = Client("http://x.test", payload_size_warnings=False)
    factory = transport_clone_for(client)
    assert factory is not None
    copy: Client = factory(client, timeout=None, namespace="other")
    assert (copy.timeout, copy.namespace) == (None, "other")
    assert copy.payload_size_warning_config is None
    await client.aclose()
    await copy.aclose()


async def test_a_copy_works_on_the_loop_of_another_thread() -> None:
    class Answering:
        """Refuses to serve two loops, as every pool of connections does."""

        def __init__(self) -> None:
            self.loop: asyncio.AbstractEventLoop | None = None

        async def send(
            self,
            method: str,
            url: str,
            headers: Mapping[str, str],
            body: bytes | None,
            *,
            timeout: float | None,
        ) -> TransportResponse:
            self.loop = self.loop or asyncio.get_running_loop()
            assert self.loop is asyncio.get_running_loop()
            return TransportResponse(200, {}, b'{"task": {"query_task_id": "q"}}')

        def clone(self) -> "Answering":
            return Answering()

        async def aclose(self) -> None: ...

    client = Client("http://x.test", transport=Answering())
    await client.health()
    factory = transport_clone_for(client)
    assert factory is not None
    copy = factory(client)
    answered: list[Any] = []
    poll = copy.poll_query_task(worker_id="w", task_queue="q")
    thread = threading.Thread(target=lambda: answered.append(asyncio.run(poll)))
    thread.start()
    thread.join()
    assert answered == [{"query_task_id": "q"}]


async def test_neither_a_subclass_nor_a_mock_is_copied() -> None:
    class Special(Client):
        pass

    async with Special("http://x.test") as special:
        assert transport_clone_for(special) is None
    assert transport_clone_for(AsyncMock(spec=Client)) is None


# --- seams ----------------------------------------------------------------------------


async def test_by_default_requests_go_through_an_httpx_client() -> None:
    async with Client("http://x.test", token="t") as client:
        http = vars(client)["_http"]
        assert isinstance(http, httpx.AsyncClient)
        http.request = AsyncMock(  # type: ignore[method-assign]  # the seam under test
            return_value=httpx.Response(200, json={"ok": True})
        )
        await client.update_namespace("a/b", retention_days=3)
        await client.health()
        first, second = http.request.call_args_list
    assert first.args == ("PUT", "/api/namespaces/a%2Fb")
    assert first.kwargs.keys() == {"headers", "json", "timeout"}
    assert first.kwargs["json"] == {"retention_days": 3}
    assert first.kwargs["headers"]["Authorization"] == "Bearer t"
    assert first.kwargs["timeout"] == 60.0
    assert second.args == ("GET", "/api/health")
    assert second.kwargs["json"] is None


async def test_a_stand_in_for_an_answer_needs_a_status_and_a_body() -> None:
    async with Client("http://x.test") as client:
        good, bad = MagicMock(), MagicMock()
        good.status_code, good.json.return_value = 200, {"status": "running", "run_id": "r"}
        bad.status_code, bad.json.return_value = 409, {"reason": "run_not_active"}
        vars(client)["_http"] = MagicMock(request=AsyncMock(return_value=good), aclose=AsyncMock())
        assert (await client.describe_workflow("w")).status == "running"
        vars(client)["_http"].request.return_value = bad
        with pytest.raises(Exception, match="run_not_active"):
            await client.cancel_workflow("w")


async def test_the_httpx_client_can_be_replaced_whole() -> None:
    async with Client("http://x.test/prefix") as client:
        seen: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(str(request.url))
            return httpx.Response(200, json={})

        await vars(client)["_http"].aclose()
        vars(client)["_http"] = httpx.AsyncClient(
            transport=httpx.MockTransport(answer), base_url=client.base_url
        )
        await client.describe_workflow("a/b c")
    assert seen == ["http://x.test/prefix/api/workflows/a%2Fb%20c"]


async def test_a_request_without_a_method_of_its_own() -> None:
    metrics = InMemoryMetrics()
    async with Client("http://x.test", metrics=metrics) as client:
        request = AsyncMock(return_value=httpx.Response(200, json={"a": 1}))
        vars(client)["_http"] = MagicMock(request=request, aclose=AsyncMock())
        send = client._request  # pyright: ignore[reportPrivateUsage]
        assert await send(
            "POST", "/worker/activity-tasks/t-1/heartbeat", worker=True, json={"x": 1}, timeout=3.0
        ) == {"a": 1}
        assert await send("GET", "/made/up?x=1") == {"a": 1}
    assert request.call_args_list[0].args == ("POST", "/api/worker/activity-tasks/t-1/heartbeat")
    assert request.call_args_list[0].kwargs["json"] == {"x": 1}
    assert request.call_args_list[0].kwargs["timeout"] == 3.0
    assert "X-Durable-Workflow-Protocol-Version" in request.call_args_list[0].kwargs["headers"]
    assert request.call_args_list[1].args == ("GET", "/api/made/up?x=1")
    routes = {dict(labels)["route"] for _, labels in metrics.counters}
    assert routes == {"/worker/activity-tasks/{task_id}/heartbeat", "unknown"}


async def test_headers_and_envelopes_can_be_asked_for() -> None:
    async with Client("http://x.test", token="t") as client:
        headers = client._headers(worker=True)  # pyright: ignore[reportPrivateUsage]
        assert headers["X-Durable-Workflow-Protocol-Version"] == "1.1"
        headers["X-Namespace"] = "changed by the caller"
        again = client._headers(worker=True)  # pyright: ignore[reportPrivateUsage]
        assert again["X-Namespace"] == "default"
        envelope = client._payload_envelope([1, "a"])  # pyright: ignore[reportPrivateUsage]
        assert envelope == {"codec": "avro", "blob": "AA5bMSwiYSJdAg=="}


def test_a_mock_of_it_has_every_method() -> None:
    mock = AsyncMock(spec=Client)
    assert isinstance(mock, Client)
    assert isinstance(mock, WorkerClient)


def test_public_names_say_where_they_are_imported_from() -> None:
    assert Client.__module__ == "durable_workflow.client"
    assert LocalFilesystemExternalStorage.__module__ == "durable_workflow.external_storage"
