"""Code for the published client replaces `Client._request`: all methods go through it then."""

# pyright: reportPrivateUsage=false

from typing import Any
from unittest.mock import AsyncMock, patch

import httpx
import pytest

from durable_workflow.client import Client, HttpxTransport
from durable_workflow.errors import WorkflowNotFound

Requests = list[httpx.Request]

STARTED = {"workflow_id": "w", "run_id": "r", "workflow_type": "t"}


async def test_a_mock_in_its_place_answers_all_methods(requests: Requests, client: Client) -> None:
    mock = AsyncMock(return_value=STARTED)
    with patch.object(client, "_request", mock):
        handle = await client.start_workflow(workflow_type="t", task_queue="q", workflow_id="w")
        assert (await client.describe_workflow("w")).run_id == "r"
        await client.signal_workflow("a/b", "go")
    assert (handle.workflow_id, handle.run_id) == ("w", "r")
    paths = [call.args for call in mock.call_args_list]
    assert paths[0] == ("POST", "/workflows")
    assert paths[1:] == [("GET", "/workflows/w"), ("POST", "/workflows/a%2Fb/signal/go")]
    assert mock.call_args_list[0].kwargs["json"]["workflow_type"] == "t"
    assert mock.call_args_list[1].kwargs == {
        "worker": False,
        "json": None,
        "timeout": None,
        "context": "w",
    }
    assert requests == []


async def test_a_mock_in_the_class_answers_too(client: Client) -> None:
    with patch.object(Client, "_request", AsyncMock(return_value={"task": {"task_id": "1"}})):
        task = await client.poll_workflow_task(worker_id="w", task_queue="q")
    assert task == {"task_id": "1"}


@pytest.mark.parametrize(
    ("answers_of_the_mock", "task"),
    [
        ([httpx.ReadTimeout(""), {"task": {"task_id": "1"}}], {"task_id": "1"}),
        ([httpx.ReadTimeout(""), httpx.ReadTimeout("")], None),
    ],
)
async def test_a_poll_that_times_out_is_asked_once_more_under_its_id(
    client: Client, answers_of_the_mock: list[Any], task: Any
) -> None:
    with patch.object(client, "_request", AsyncMock(side_effect=answers_of_the_mock)) as mock:
        assert await client.poll_activity_task(worker_id="w", task_queue="q") == task
    ids = {call.kwargs["json"]["poll_request_id"] for call in mock.call_args_list}
    assert (mock.call_count, len(ids)) == (2, 1)


class Noting(Client):
    """Notes each request, and sends it as before."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.noted: list[tuple[str, str]] = []

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        self.noted.append((method, path))
        if path.startswith("/workflows"):
            await super()._request("GET", "/health")
        return await super()._request(method, path, **options)


async def test_a_subclass_may_send_them_with_what_the_method_asks_for() -> None:
    requests: Requests = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        match request.url.path.split("/")[2:]:
            case ["workflows"]:
                return httpx.Response(201, json=STARTED)
            case ["workflows", *_]:
                return httpx.Response(404, json={"reason": "instance_not_found"})
            case ["bridge-adapters", *_]:
                return httpx.Response(422, json={"accepted": False, "outcome": "rejected"})
            case _:
                return httpx.Response(200, json={})

    def connect() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(answer))

    async with Noting("http://server.test", transport=HttpxTransport(connect)) as client:
        await client.start_workflow(workflow_type="t", task_queue="q", duplicate_policy="allow")
        with pytest.raises(WorkflowNotFound, match="lost"):
            await client.cancel_workflow("lost")
        outcome = await client.send_webhook_bridge_event(
            "hooks", action="a", target={}, input={}, idempotency_key="k"
        )
    assert not outcome.accepted
    assert client.noted == [
        ("POST", "/workflows"),
        ("POST", "/workflows/lost/cancel"),
        ("POST", "/bridge-adapters/webhook/hooks"),
    ]
    sent = [(request.url.path, "idempotency-key" in request.headers) for request in requests]
    assert sent == [
        ("/api/health", False),
        ("/api/workflows", True),
        ("/api/health", False),
        ("/api/workflows/lost/cancel", True),
        ("/api/bridge-adapters/webhook/hooks", False),
    ]
