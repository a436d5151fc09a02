"""Starting a workflow and waiting for its end, in one request where the server can."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from durable_workflow import serializer
from durable_workflow.client import Client
from durable_workflow.errors import (
    ArgumentMismatch,
    UnsendableArgument,
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


@pytest.mark.parametrize("blank", ["", "  "])
async def test_no_id_is_made_in_place_of_a_blank_one(
    client: Client, requests: Requests, blank: str
) -> None:
    with pytest.raises(UnsendableArgument, match="workflow_id must not be blank"):
        await execute(client, workflow_id=blank)
    assert requests == []


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


def cluster(*extensions: str) -> httpx.Response:
    capabilities = {"extensions": dict.fromkeys(extensions, 1)}
    return httpx.Response(200, json={"worker_protocol": {"server_capabilities": capabilities}})


async def test_a_keyed_start_waits_for_a_server_that_is_away_and_knows_keys(
    client: Client, answers: Answers, requests: Requests
) -> None:
    torn = httpx.ReadError("torn")
    # The start, then four times the question about keys: each ends under the retry policy.
    answers += [torn] * 2 + [httpx.ConnectError("away")] * 6
    answers += [cluster("idempotency_key"), ended(1)]
    assert await execute(client, workflow_id="w", duplicate_policy="allow") == 1
    starts = [each for each in requests if each.method == "POST"]
    assert len(starts) == 2
    assert len({each.headers["idempotency-key"] for each in starts}) == 1


async def test_a_keyed_start_is_not_repeated_where_the_server_knows_no_keys(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.ReadError("torn"), cluster(), cluster()]
    with pytest.raises(httpx.ReadError):
        await execute(client, workflow_id="w", duplicate_policy="terminate_existing")
    assert [each.method for each in requests].count("POST") == 1


@dataclass
class Line:
    due: date


@dataclass
class Order:
    id: UUID
    lines: list[Line]


ORDER = {"id": "00000000-0000-0000-0000-000000000007", "lines": [{"due": "2026-11-29"}]}


async def test_the_output_is_converted_to_the_type_that_is_asked_for(
    client: Client, answers: Answers
) -> None:
    answers += [ended(ORDER), ended([ORDER]), ended({"n": 1}), ended(None)]
    wanted = Order(UUID(int=7), [Line(date(2026, 11, 29))])
    assert await execute(client, result_type=Order) == wanted
    assert await execute(client, result_type=list[Order]) == [wanted]
    assert await execute(client, result_type=dict) == {"n": 1}
    assert await execute(client, result_type=Order | None) is None


async def test_an_output_that_does_not_fit_names_the_place(
    client: Client, answers: Answers
) -> None:
    answers.append(ended({**ORDER, "lines": [{"due": "soon"}]}))
    with pytest.raises(ArgumentMismatch, match=r"result\.lines\[0\]\.due: "):
        await execute(client, result_type=Order)


async def test_a_type_that_is_text_is_refused_before_anything_is_sent(
    client: Client, requests: Requests
) -> None:
    with pytest.raises(TypeError, match="result_type must be a type, not the text 'Order'"):
        await execute(client, result_type="Order")
    assert requests == []
