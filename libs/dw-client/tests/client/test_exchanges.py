"""The recorded exchanges of the quickstart, step by step."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from durable_workflow.client import Client

MakeClient = Callable[..., Client]
Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]

# Sent by every HTTP library in its own way.
RECORDED = Path(__file__).resolve().parents[4] / "integration" / "contract" / "exchanges"
OF_THE_LIBRARY = {"accept-encoding", "connection", "user-agent", "host", "content-length"}
# Every start carries one; the recorded client has none.
ADDED = {"idempotency-key"}
# Made anew for each poll.
POLL_IDS = re.compile(r"(wf|activity|query)-poll-[0-9a-f]{32}")


@pytest.fixture
def exchanges() -> list[dict[str, Any]]:
    folder = RECORDED / "quickstart-0.4.84"
    return [json.loads(path.read_text()) for path in sorted(folder.iterdir())]


def invocation(request: dict[str, Any]) -> Callable[[Client], Awaitable[Any]]:
    """The call of a method that makes a recorded request."""
    body: dict[str, Any] = request["body"] or {}
    path = request["path"].removeprefix("/api").split("/")[1:]
    match request["method"], path:
        case "GET", ["cluster", "info"]:
            return lambda c: c.get_cluster_info()
        case "POST", ["workflows"]:
            arguments: dict[str, Any] = {**body, "input": ["world"]}
            return lambda c: c.start_workflow(**arguments)
        case "GET", ["workflows", workflow_id]:
            return lambda c: c.describe_workflow(workflow_id)
        case "GET", ["workflows", workflow_id, "runs", run_id, "history"]:
            return lambda c: c.get_history(workflow_id, run_id)
        case "POST", ["worker", "register"]:
            return lambda c: c.register_worker(**body)
        case "POST", ["worker", "heartbeat"]:
            return lambda c: c.heartbeat_worker(**body)
        case "POST", ["worker", "workflow-tasks", "poll"]:
            return lambda c: c.poll_workflow_task(
                worker_id=body["worker_id"], task_queue=body["task_queue"]
            )
        case "POST", ["worker", "activity-tasks", "poll"]:
            return lambda c: c.poll_activity_task(
                worker_id=body["worker_id"], task_queue=body["task_queue"]
            )
        case "POST", ["worker", "query-tasks", "poll"]:
            return lambda c: c.poll_query_task(
                worker_id=body["worker_id"], task_queue=body["task_queue"]
            )
        case "POST", ["worker", "workflow-tasks", task_id, "complete"]:
            return lambda c: c.complete_workflow_task(task_id=task_id, **body)
        case "POST", ["worker", "activity-tasks", task_id, "complete"]:
            arguments = {**body, "result": "hello, world"}
            return lambda c: c.complete_activity_task(task_id=task_id, **arguments)
        case unknown:
            raise AssertionError(f"no method makes {unknown}")


def without_poll_ids(body: Any) -> Any:
    return json.loads(POLL_IDS.sub(r"\1-poll", json.dumps(body)))


async def test_each_recorded_request_is_made_byte_for_byte(
    make_client: MakeClient,
    answers: Answers,
    requests: Requests,
    exchanges: list[dict[str, Any]],
) -> None:
    client = make_client(token="dev-token")
    assert len(exchanges) > 10
    for exchange in exchanges:
        recorded, response = exchange["request"], exchange["response"]
        answers.append(httpx.Response(response["status"], json=response["body"]))
        await invocation(recorded)(client)
        sent = requests[-1]
        assert (sent.method, sent.url.raw_path.decode()) == (recorded["method"], recorded["path"])
        headers = {k: v for k, v in sent.headers.items() if k not in OF_THE_LIBRARY | ADDED}
        assert headers == {k: v for k, v in recorded["headers"].items() if k not in OF_THE_LIBRARY}
        body = json.loads(sent.content) if sent.content else None
        assert without_poll_ids(body) == without_poll_ids(recorded["body"])


async def test_the_recorded_answers_are_understood(
    make_client: MakeClient, answers: Answers, exchanges: list[dict[str, Any]]
) -> None:
    client = make_client()
    results: list[Any] = []
    for exchange in exchanges:
        response = exchange["response"]
        answers.append(httpx.Response(response["status"], json=response["body"]))
        results.append((exchange["request"]["path"], await invocation(exchange["request"])(client)))
    started = results[0][1]
    assert started.run_id
    assert started.workflow_type == "greeter"
    described = [result for path, result in results if path.endswith(started.workflow_id)]
    assert described[0].input == ["world"]
    assert (described[-1].status, described[-1].output) == ("completed", "hello, world")
    tasks = [result for path, result in results if path.endswith("tasks/poll") and result]
    assert [task["workflow_id"] for task in tasks] == [started.workflow_id] * len(tasks)
    assert len(tasks) == 3


async def test_the_recorded_run_has_the_recorded_result(
    client: Client, answers: Answers, requests: Requests, exchanges: list[dict[str, Any]]
) -> None:
    described = [
        exchange["response"]["body"]
        for exchange in exchanges
        if exchange["request"]["method"] == "GET"
        and "output_envelope" in exchange["response"]["body"]
    ]
    answers += [httpx.Response(200, json=body) for body in described]
    handle = client.get_workflow_handle(described[0]["workflow_id"], run_id=described[0]["run_id"])
    assert await handle.result(poll_interval=0.0) == "hello, world"
    # Its description carries the output: the history stays where it is.
    assert [request.url.path for request in requests][-1] == f"/api/workflows/{handle.workflow_id}"
