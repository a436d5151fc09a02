"""The transport of a worker over HTTP: bodies as they are, errors of dw-core."""

# pyright: reportPrivateUsage=false
import json
from contextlib import suppress
from unittest.mock import AsyncMock

import httpx
import pytest

from durable_workflow._meet import Lease, Report, ServerUnreachable, worker_transport_for
from durable_workflow.client import Client
from durable_workflow.client._worker_transport import HttpWorkerTransport
from durable_workflow.errors import ServerError
from durable_workflow.metrics import CLIENT_REQUESTS, InMemoryMetrics

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]

LEASE = Lease("activity", "t-1", "a-1", "w")


def test_a_client_has_a_transport_and_a_subclass_its_methods(client: Client) -> None:
    class Changed(Client):
        """May override any public method."""

    assert isinstance(worker_transport_for(client), HttpWorkerTransport)
    assert worker_transport_for(Changed("http://localhost")) is None


async def test_a_report_is_sent_as_it_is(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(httpx.Response(200, json={"outcome": "completed"}))
    result = {"codec": "json", "blob": "1"}
    answer = await HttpWorkerTransport(client).report(Report(LEASE, "complete", {"result": result}))
    assert answer == {"outcome": "completed"}
    assert requests[0].url.path == "/api/worker/activity-tasks/t-1/complete"
    assert json.loads(requests[0].content) == {
        "lease_owner": "w",
        "activity_attempt_id": "a-1",
        "result": result,
    }


async def test_a_registration_says_which_sdk_it_is_of(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(httpx.Response(200, json={}))
    await HttpWorkerTransport(client).register({"worker_id": "w", "task_queue": "q"})
    body = json.loads(requests[0].content)
    assert body["runtime"] == "python"
    assert body["sdk_version"]


async def test_what_got_no_answer_is_an_error_of_dw_core(client: Client, answers: Answers) -> None:
    answers += [httpx.ConnectError("refused")] * 3
    with pytest.raises(ServerUnreachable, match="refused"):
        await HttpWorkerTransport(client).heartbeat(LEASE, None)


async def test_a_refusal_is_the_error_that_it_stands_for(client: Client, answers: Answers) -> None:
    answers.append(httpx.Response(409, json={"reason": "lease_expired"}))
    with pytest.raises(ServerError) as refused:
        await HttpWorkerTransport(client).history(Lease("workflow", "t", 1, "w"), "page-2")
    assert refused.value.status == 409


LOST: dict[str, list[httpx.Response | Exception]] = {
    "torn": [httpx.ReadError("torn")] * 3,
    "late": [httpx.ReadTimeout("late")] * 2,
    "page": [httpx.Response(200, text="<html>")],
    "gateway": [httpx.Response(502, text="<html>")] * 3,
}


@pytest.mark.parametrize("how", LOST)
async def test_a_poll_whose_answer_was_lost_is_repeated_under_its_id(
    client: Client, answers: Answers, requests: Requests, how: str
) -> None:
    transport = HttpWorkerTransport(client)
    body = {"worker_id": "w", "task_queue": "q"}
    answers += LOST[how]
    with suppress(ServerUnreachable, ServerError):
        assert await transport.poll("workflow", body, timeout=1) is None
    answers += [httpx.Response(200, json={"task": {"task_id": "t"}})]
    assert await transport.poll("workflow", body, timeout=1) == {"task_id": "t"}
    answers += [httpx.Response(200, json={"task": None})]
    assert await transport.poll("workflow", body, timeout=1) is None
    ids = [json.loads(request.content)["poll_request_id"] for request in requests]
    assert len(ids) == len(LOST[how]) + 2
    assert len(set(ids[:-1])) == 1
    assert ids[-1] not in ids[:-1]


async def test_a_poll_that_was_refused_is_not_repeated(
    client: Client, answers: Answers, requests: Requests
) -> None:
    transport = HttpWorkerTransport(client)
    for kind in ("activity", "activity"):
        answers += [httpx.Response(412, json={"reason": "worker_not_registered"})]
        with pytest.raises(ServerError):
            await transport.poll(kind, {"worker_id": "w", "task_queue": "q"}, timeout=1)
    ids = [json.loads(request.content)["poll_request_id"] for request in requests]
    assert len(set(ids)) == 2


async def test_over_what_sees_every_request_there_is_no_stream(client: Client) -> None:
    """A transport of the application's own, or an httpx client whose `request` is replaced."""
    assert not HttpWorkerTransport(client).can_stream, "the fixture's client has its own transport"
    async with Client("http://localhost:1") as plain:
        assert HttpWorkerTransport(plain).can_stream
        vars(plain._http)["request"] = AsyncMock()
        assert not HttpWorkerTransport(plain).can_stream
    async with Client("http://localhost:1") as plain:
        vars(plain)["_request"] = AsyncMock()
        assert not HttpWorkerTransport(plain).can_stream


async def test_what_comes_over_a_stream_is_counted_as_the_request_that_it_stands_for() -> None:
    metrics = InMemoryMetrics()

    async def answer() -> dict[str, bool]:
        return {"recorded": True}

    async def refusal() -> None:
        raise ServerError(409, {"reason": "stale_attempt"})

    async with Client("http://localhost:1", metrics=metrics) as client:
        transport = HttpWorkerTransport(client)
        assert await transport._counted(LEASE, "complete", answer()) == {"recorded": True}
        with pytest.raises(ServerError):
            await transport._counted(LEASE, "complete", refusal())
    tags = {
        "method": "POST",
        "route": "/worker/activity-tasks/{task_id}/complete",
        "plane": "worker",
    }
    for status, outcome in (("200", "ok"), ("409", "http_error")):
        seen = tags | {"status_code": status, "outcome": outcome}
        assert metrics.counter_value(CLIENT_REQUESTS, seen) == 1
