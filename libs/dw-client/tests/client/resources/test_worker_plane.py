"""Polls, registration and tasks."""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from durable_workflow.client import DEFAULT_SDK_VERSION, Client
from durable_workflow.errors import ServerError
from durable_workflow.metrics import CLIENT_REQUESTS, InMemoryMetrics

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]
Poll = Callable[..., Any]

KINDS = {"workflow": "wf-poll", "activity": "activity-poll", "query": "query-poll"}


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def poll(client: Client, kind: str) -> Poll:
    return partial(getattr(client, f"poll_{kind}_task"), worker_id="k", task_queue="q")


async def test_a_poll_returns_the_task(poll: Poll, answers: Answers, requests: Requests) -> None:
    answers.append(httpx.Response(200, json={"task": {"task_id": "t"}, "protocol_version": "1.1"}))
    assert await poll() == {"task_id": "t"}
    assert set(requests[0].extensions["timeout"].values()) == {35.0}


@pytest.mark.parametrize("answer", [httpx.Response(200, json={"task": None}), httpx.Response(204)])
async def test_no_task_is_none(poll: Poll, answers: Answers, answer: httpx.Response) -> None:
    answers.append(answer)
    assert await poll() is None


async def test_the_id_of_a_poll_says_what_it_is_for(
    poll: Poll, kind: str, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.Response(204), httpx.Response(204)]
    await poll()
    await poll()
    first, second = (body(request)["poll_request_id"] for request in requests)
    assert re.fullmatch(KINDS[kind] + "-[0-9a-f]{32}", first)
    assert first != second


async def test_a_poll_that_times_out_is_sent_once_more_with_the_same_id(
    poll: Poll, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.ReadTimeout("slow"), httpx.Response(200, json={"task": {"task_id": "t"}})]
    assert await poll(timeout=2.5) == {"task_id": "t"}
    first, second = requests
    assert first.content == second.content
    assert set(second.extensions["timeout"].values()) == {2.5}


async def test_after_the_second_time_it_is_none(
    poll: Poll, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.ReadTimeout("slow"), httpx.ConnectTimeout("slow")]
    assert await poll() is None
    assert len(requests) == 2


async def test_a_poll_is_one_observation(
    make_client: Callable[..., Client], answers: Answers
) -> None:
    metrics = InMemoryMetrics()
    answers += [httpx.ReadTimeout("slow"), httpx.ReadTimeout("slow")]
    await make_client(metrics=metrics).poll_workflow_task(worker_id="k", task_queue="q")
    labels = {
        "method": "POST",
        "route": "/worker/workflow-tasks/poll",
        "plane": "worker",
        "status_code": "none",
        "outcome": "ReadTimeout",
    }
    assert metrics.counter_value(CLIENT_REQUESTS, labels) == 1.0
    assert len(metrics.counters) == 1


async def test_other_failures_of_a_poll_are_retried_and_then_raised(
    poll: Poll, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(204)]
    assert await poll() is None
    answers += [httpx.ConnectError("refused") for _ in range(3)]
    with pytest.raises(httpx.ConnectError):
        await poll()
    answers.append(httpx.Response(404, json={"reason": "worker_not_registered"}))
    with pytest.raises(ServerError) as caught:
        await poll()
    assert caught.value.reason() == "worker_not_registered"
    assert len(requests) == 7


async def test_a_registration_names_what_it_has_to(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(httpx.Response(201, json={"registered": True}))
    assert await client.register_worker(worker_id="k", task_queue="q") == {"registered": True}
    assert body(requests[0]) == {
        "worker_id": "k",
        "task_queue": "q",
        "runtime": "python",
        "sdk_version": DEFAULT_SDK_VERSION,
        "supported_workflow_types": [],
        "supported_activity_types": [],
    }


async def test_a_registration_drops_empty_capabilities(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(httpx.Response(201, json={}))
    await client.register_worker(worker_id="k", task_queue="q", capabilities=["", "query_tasks"])
    assert body(requests[0])["capabilities"] == ["query_tasks"]


@pytest.mark.parametrize(
    "capacity", ["max_concurrent_workflow_tasks", "max_concurrent_activity_tasks"]
)
async def test_a_worker_without_slots_is_refused(
    client: Client, requests: Requests, capacity: str
) -> None:
    with pytest.raises(ValueError, match=capacity):
        await client.register_worker(
            worker_id="k",
            task_queue="q",
            **{capacity: 0},  # type: ignore[arg-type]  # one of the two
        )
    assert requests == []


LEASE: dict[str, Any] = {"task_id": "t", "lease_owner": "k", "workflow_task_attempt": 2}


async def test_a_page_of_history_is_asked_for_by_either_name_of_its_token(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.Response(200, json={"history_events": []}) for _ in range(3)]
    await client.workflow_task_history(**LEASE, next_history_page_token="p")
    await client.workflow_task_history(**LEASE, page_token="p")
    await client.workflow_task_history(**LEASE, next_history_page_token="p", page_token="p")
    assert [body(request)["next_history_page_token"] for request in requests] == ["p", "p", "p"]


@pytest.mark.parametrize(
    "tokens", [{}, {"next_history_page_token": "p", "page_token": "other"}, {"page_token": ""}]
)
async def test_without_one_token_nothing_is_asked(
    client: Client, requests: Requests, tokens: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="page_token"):
        await client.workflow_task_history(**LEASE, **tokens)
    assert requests == []


async def test_commands_and_failures_of_a_workflow_task(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.Response(200, json={}) for _ in range(4)]
    commands = [{"type": "complete_workflow", "result": None}]
    await client.complete_workflow_task(**LEASE, commands=commands)
    await client.complete_workflow_task(**LEASE, commands=commands, keep_history=True)
    await client.fail_workflow_task(**LEASE, message="m")
    await client.fail_workflow_task(**LEASE, message="m", failure_type="T", stack_trace="s")
    lease = {"lease_owner": "k", "workflow_task_attempt": 2}
    assert [body(request) for request in requests] == [
        {**lease, "commands": commands},
        {**lease, "commands": commands, "keep_history": True},
        {**lease, "failure": {"message": "m"}},
        {**lease, "failure": {"message": "m", "type": "T", "stack_trace": "s"}},
    ]


async def test_a_query_is_answered_twice_over(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.Response(200, json={}) for _ in range(2)]
    task: dict[str, Any] = {"query_task_id": "t", "lease_owner": "k", "query_task_attempt": 1}
    await client.complete_query_task(**task, result=None)
    await client.fail_query_task(**task, message="m", failure_type="T")
    lease = {"lease_owner": "k", "query_task_attempt": 1}
    assert [body(request) for request in requests] == [
        {**lease, "result": None, "result_envelope": {"codec": "avro", "blob": "AAhudWxsAg=="}},
        {**lease, "failure": {"message": "m", "reason": "query_rejected", "type": "T"}},
    ]


async def test_details_of_a_heartbeat_are_plain(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.Response(200, json={"cancel_requested": True}) for _ in range(2)]
    attempt: dict[str, Any] = {"task_id": "t", "activity_attempt_id": "a", "lease_owner": "k"}
    assert await client.heartbeat_activity_task(**attempt) == {"cancel_requested": True}
    await client.heartbeat_activity_task(**attempt, details={"done": 5})
    sent = {"activity_attempt_id": "a", "lease_owner": "k"}
    assert [body(r) for r in requests] == [sent, {**sent, "details": {"done": 5}}]
