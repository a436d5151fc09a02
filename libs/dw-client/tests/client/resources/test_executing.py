"""Starting a workflow and waiting for its end, in one request where the server can."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from durable_workflow import serializer
from durable_workflow.client import Client
from durable_workflow.errors import (
    WorkflowAlreadyStarted,
    WorkflowContinuedAsNew,
    WorkflowFailed,
)

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]


def answer(status: str = "completed", run_id: str = "r1", **members: Any) -> httpx.Response:
    body = {"workflow_id": "w", "run_id": run_id, "status": status, **members}
    return httpx.Response(201, json=body)


def ended(value: Any = None, run_id: str = "r1", **members: Any) -> httpx.Response:
    members = {"output_envelope": serializer.envelope(value), **members}
    return answer(run_id=run_id, is_terminal=True, **members)


def execute(client: Client, **options: Any) -> Any:
    options = {"workflow_type": "t", "task_queue": "q", "poll_interval": 0.001, **options}
    return client.execute_workflow(**options)


async def test_one_request_starts_and_tells_the_result(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(ended({"n": 1}))
    assert await execute(client, input=["x"], workflow_id="w") == {"n": 1}
    [request] = requests
    assert (request.method, request.url.path) == ("POST", "/api/workflows")
    assert request.headers["prefer"] == "wait=29, return=minimal"
    assert "duplicate_policy" not in json.loads(request.content)


async def test_it_makes_an_id_under_which_a_repetition_is_safe_everywhere(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.ReadError("torn"), ended(1)]
    assert await execute(client) == 1
    first, second = (json.loads(each.content) for each in requests)
    assert first == second
    assert first["workflow_id"]
    assert first["duplicate_policy"] == "use-existing"


async def test_where_it_ends_early_the_run_is_described(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [answer("running", is_terminal=False), answer("waiting"), ended(2)]
    assert await execute(client, workflow_id="w") == 2
    assert [each.method for each in requests] == ["POST", "GET", "GET"]


async def test_a_server_that_does_not_hold_starts_is_asked_for_the_end(
    client: Client, answers: Answers, requests: Requests
) -> None:
    # It says that an existing run is closed, and not how it ended.
    answers += [answer("completed", outcome="returned_existing_active"), ended(3)]
    assert await execute(client, workflow_id="w", duplicate_policy="use-existing") == 3
    assert len(requests) == 2


async def test_a_run_that_continued_is_followed(
    client: Client, answers: Answers, requests: Requests
) -> None:
    went_on = {"closed_reason": "continued", "continued_to_run_id": "r2"}
    answers += [ended(**went_on), ended(4, "r2")]
    assert await execute(client, workflow_id="w") == 4
    assert requests[1].url.path == "/api/workflows/w/runs/r2"

    answers.append(ended(**went_on))
    with pytest.raises(WorkflowContinuedAsNew):
        await execute(client, workflow_id="w", follow_runs=False)


async def test_what_it_raises(client: Client, answers: Answers) -> None:
    failure = {"message": "boom", "exception_class": "ValueError"}
    answers.append(answer("failed", is_terminal=True, closed_reason="failed", failure=failure))
    with pytest.raises(WorkflowFailed, match="boom"):
        await execute(client)

    refused = {"reason": "duplicate_not_allowed", "workflow_id": "w"}
    answers.append(httpx.Response(409, json=refused))
    with pytest.raises(WorkflowAlreadyStarted):
        await execute(client, workflow_id="w")

    answers += [answer("running", is_terminal=False)] * 2
    with pytest.raises(TimeoutError, match="workflow w did not finish within 0 s"):
        await execute(client, workflow_id="w", timeout=0)


async def test_the_start_is_sent_again_while_the_server_is_away(
    make_client: Callable[..., Client], answers: Answers, requests: Requests
) -> None:
    answers += [*[httpx.ConnectError("away")] * 6, ended(5)]
    assert await execute(make_client(), workflow_id="w") == 5
    keys = {each.headers["idempotency-key"] for each in requests}
    assert (len(requests), len(keys)) == (7, 1)
