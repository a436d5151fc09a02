import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from durable_workflow.client import Client, HttpxTransport, Transport, TransportResponse
from durable_workflow.errors import ServerError
from durable_workflow.retry_policy import TransportRetryPolicy

Sent = tuple[str, str, Mapping[str, str], bytes | None, float | None]


class Recording:
    """A transport that knows no httpx."""

    def __init__(self, *answers: TransportResponse) -> None:
        self.answers = list(answers)
        self.sent: list[Sent] = []
        self.closed = 0

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        timeout: float | None,
    ) -> TransportResponse:
        self.sent.append((method, url, headers, body, timeout))
        return self.answers.pop(0)

    def clone(self) -> "Recording":
        return self

    async def aclose(self) -> None:
        self.closed += 1


async def test_bytes_go_in_and_bytes_come_out() -> None:
    transport = Recording(TransportResponse(200, {}, b'{"name": "gr\xc3\xbcn"}'))
    assert isinstance(transport, Transport)
    async with Client("http://x.test/", transport=transport, timeout=9.0) as client:
        described = await client.update_namespace("grün", description="für alle")
    assert described.name == "grün"
    [(method, url, headers, body, timeout)] = transport.sent
    assert (method, url) == ("PUT", "http://x.test/api/namespaces/gr%C3%BCn")
    assert headers["Content-Type"] == "application/json"
    assert body == '{"description":"für alle"}'.encode()
    assert timeout == 9.0
    assert transport.closed == 1


async def test_a_request_without_a_body_has_none() -> None:
    transport = Recording(TransportResponse(200, {}, b"{}"))
    async with Client("http://x.test", transport=transport) as client:
        await client.health()
    assert transport.sent[0][3] is None


async def test_refusals_are_read_like_those_of_httpx() -> None:
    transport = Recording(
        TransportResponse(418, {}, b"\xff teapot"), TransportResponse(204, {}, b"")
    )
    async with Client("http://x.test", transport=transport) as client:
        with pytest.raises(ServerError) as caught:
            await client.health()
        assert await client.get_history("w", "r") is None
    assert caught.value.body == "\N{REPLACEMENT CHARACTER} teapot"


async def test_an_overloaded_server_is_left_alone_for_as_long_as_it_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    transport = Recording(
        TransportResponse(503, {"retry-after": "2"}, b""),
        TransportResponse(500, {}, b""),
        TransportResponse(200, {}, b"{}"),
    )
    policy = TransportRetryPolicy(initial_backoff_seconds=0.0)
    async with Client("http://x.test", transport=transport, retry_policy=policy) as client:
        await client.health()
    assert pauses == [2.0, 0.0]


async def test_what_json_cannot_carry_is_not_sent() -> None:
    transport = Recording()
    async with Client("http://x.test", transport=transport) as client:
        with pytest.raises(ValueError, match="JSON"):
            await client.complete_query_task(
                query_task_id="q", lease_owner="w", query_task_attempt=1, result=math.nan
            )
    assert transport.sent == []


async def test_keys_that_are_one_in_json_are_not_sent() -> None:
    transport = Recording()
    twice: Any = {1: "a", "1": "b"}
    async with Client("http://x.test", transport=transport) as client:
        text = (
            r"^search attribute 'a': keys 1 \(int\) and '1' .* at \[0\] are the same key in JSON$"
        )
        with pytest.raises(ValueError, match=text):
            await client.start_workflow(
                workflow_type="t",
                task_queue="q",
                workflow_id="w",
                search_attributes={"a": [twice]},
            )
        with pytest.raises(ValueError, match=r"at memo\.m are the same key"):
            await client.start_workflow(
                workflow_type="t", task_queue="q", workflow_id="w", memo={"m": twice}
            )
        with pytest.raises(ValueError, match=r"at details are the same key"):
            await client.heartbeat_activity_task(
                task_id="t", activity_attempt_id="a", lease_owner="w", details=twice
            )
    assert transport.sent == []


async def test_httpx_itself_can_stand_behind_the_seam() -> None:
    made: list[httpx.AsyncClient] = []

    def connect() -> httpx.AsyncClient:
        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"url": str(request.url)}, headers={"X-A": "b"})

        made.append(httpx.AsyncClient(transport=httpx.MockTransport(answer)))
        return made[-1]

    transport = HttpxTransport(connect)
    answer = await transport.send("GET", "http://x.test/api/health", {}, None, timeout=1.0)
    assert answer.status_code == 200
    assert answer.json() == {"url": "http://x.test/api/health"}
    assert answer.headers["x-a"] == "b"
    copy = transport.clone()
    assert len(made) == 2
    await transport.aclose()
    await copy.aclose()
    assert [http.is_closed for http in made] == [True, True]


class Trickle:
    """A transport to a server whose response never ends, though bytes of it keep coming."""

    async def send(self, *_: Any, **__: Any) -> TransportResponse:
        return await asyncio.Future[TransportResponse]()

    def clone(self) -> "Trickle":
        return self

    async def aclose(self) -> None:
        pass


async def test_a_response_that_never_ends_is_given_up_at_the_time_out() -> None:
    retry = TransportRetryPolicy(max_attempts=1)
    async with Client(
        "http://x.test", transport=Trickle(), timeout=0.05, retry_policy=retry
    ) as client:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout) as caught:
            await client.describe_workflow("w")
        assert time.monotonic() - began < 2
    assert str(caught.value) == (
        "the response was not complete within 0.05 s (GET http://x.test/api/workflows/w)"
    )
