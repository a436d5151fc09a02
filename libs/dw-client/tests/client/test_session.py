"""What every call has in common: headers, time-outs, retries, errors, metrics."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from durable_workflow.client import Client
from durable_workflow.errors import (
    DurableWorkflowError,
    InvalidResponse,
    NamespaceNotFound,
    QueryFailed,
    ServerError,
    Unauthorized,
    WorkflowNotFound,
)
from durable_workflow.metrics import (
    CLIENT_REQUEST_DURATION_SECONDS,
    CLIENT_REQUESTS,
    InMemoryMetrics,
)
from durable_workflow.retry_policy import TransportRetryPolicy

MakeClient = Callable[..., Client]
Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]

OK = {"status": "ok"}


def ok(body: Any = None) -> httpx.Response:
    return httpx.Response(200, json={} if body is None else body)


# --- headers and tokens ---------------------------------------------------------------


async def test_control_plane_headers(
    make_client: MakeClient, answers: Answers, requests: Requests
) -> None:
    answers.append(ok())
    await make_client(token="t", namespace="billing").health()
    sent = requests[0].headers
    assert sent["content-type"] == "application/json"
    assert sent["accept"] == "application/json"
    assert sent["authorization"] == "Bearer t"
    assert sent["x-namespace"] == "billing"
    assert sent["x-durable-workflow-control-plane-version"] == "2"
    assert "x-durable-workflow-protocol-version" not in sent


async def test_worker_plane_headers(
    make_client: MakeClient, answers: Answers, requests: Requests
) -> None:
    answers.append(ok())
    await make_client().heartbeat_worker(worker_id="w")
    sent = requests[0].headers
    assert sent["x-durable-workflow-protocol-version"] == "1.1"
    assert "x-durable-workflow-control-plane-version" not in sent
    assert "authorization" not in sent


@pytest.mark.parametrize(
    ("tokens", "control", "worker"),
    [
        ({"token": "t"}, "t", "t"),
        ({"token": "t", "control_token": "c", "worker_token": "w"}, "c", "w"),
        ({"control_token": "c"}, "c", "c"),
        ({"worker_token": "w"}, "w", "w"),
        ({"token": "t", "control_token": "", "worker_token": ""}, "t", "t"),
    ],
)
async def test_each_plane_takes_its_token_first(
    make_client: MakeClient,
    answers: Answers,
    requests: Requests,
    tokens: dict[str, str],
    control: str,
    worker: str,
) -> None:
    client = make_client(**tokens)
    answers += [ok(), ok()]
    await client.health()
    await client.heartbeat_worker(worker_id="w")
    sent = [request.headers["authorization"] for request in requests]
    assert sent == [f"Bearer {control}", f"Bearer {worker}"]


async def test_the_environment_replaces_the_versions_for_each_request(
    client: Client, answers: Answers, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers += [ok(), ok(), ok(), ok()]
    monkeypatch.setenv("DURABLE_WORKFLOW_CONTROL_PLANE_VERSION", " 3 ")
    monkeypatch.setenv("DURABLE_WORKFLOW_WORKER_PROTOCOL_VERSION", "1.9")
    await client.health()
    await client.heartbeat_worker(worker_id="w")
    monkeypatch.setenv("DURABLE_WORKFLOW_CONTROL_PLANE_VERSION", "  ")
    monkeypatch.delenv("DURABLE_WORKFLOW_WORKER_PROTOCOL_VERSION")
    await client.health()
    await client.heartbeat_worker(worker_id="w")
    control, worker = (
        "x-durable-workflow-control-plane-version",
        "x-durable-workflow-protocol-version",
    )
    assert [request.headers.get(control) for request in requests] == ["3", None, "2", None]
    assert [request.headers.get(worker) for request in requests] == [None, "1.9", None, "1.1"]


async def test_a_token_that_is_replaced_counts_from_the_next_request_on(
    make_client: MakeClient, answers: Answers, requests: Requests
) -> None:
    client = make_client(token="old")
    answers += [ok(), ok()]
    await client.health()
    client.token = "new"
    await client.health()
    assert [r.headers["authorization"] for r in requests] == ["Bearer old", "Bearer new"]


async def test_bodies_are_compact_json_and_other_requests_have_none(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [ok({"name": "größe"}), ok()]
    await client.create_namespace("größe")
    await client.health()
    body = '{"name":"größe","description":null,"retention_days":30}'
    assert requests[0].content == body.encode()
    assert requests[1].content == b""


# --- time-outs ------------------------------------------------------------------------


async def test_a_request_has_the_time_out_of_the_client(
    make_client: MakeClient, answers: Answers, requests: Requests
) -> None:
    answers += [ok(), ok()]
    await make_client(timeout=7.5).health()
    await make_client(timeout=None).health()
    assert [set(r.extensions["timeout"].values()) for r in requests] == [{7.5}, {None}]


async def test_an_update_may_be_held_longer_than_the_time_out_of_the_client(
    make_client: MakeClient, answers: Answers, requests: Requests
) -> None:
    client = make_client(timeout=10.0)
    answers += [ok(), ok(), ok(), ok()]
    await client.update_workflow("w", "u", wait_timeout_seconds=90)
    await client.update_workflow("w", "u", wait_for="completed", wait_timeout_seconds=2)
    await client.update_workflow("w", "u")  # held for ten seconds by a server that is told nothing
    await client.update_workflow("w", "u", wait_for="accepted", wait_timeout_seconds=90)
    assert [r.extensions["timeout"]["read"] for r in requests] == [95.0, 10.0, 15.0, 10.0]


# --- retries --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("torn"),
        httpx.RemoteProtocolError("closed before an answer"),
        httpx.Response(500, json={"reason": "server_error"}),
        httpx.Response(503, text="starting"),
        httpx.Response(429, json={"reason": "query_task_queue_full"}),
        httpx.Response(504, text="gateway"),
    ],
)
async def test_a_passing_failure_is_tried_again(
    client: Client, answers: Answers, requests: Requests, failure: httpx.Response | Exception
) -> None:
    answers += [failure, ok(OK)]
    assert await client.health() == OK
    assert len(requests) == 2


async def test_the_last_failure_is_raised_unchanged(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.ConnectError("1"), httpx.ReadError("2"), httpx.ConnectError("3")]
    with pytest.raises(httpx.ConnectError, match="3"):
        await client.health()
    assert len(requests) == 3


async def test_a_refusal_is_mapped_once_the_attempts_are_used_up(
    client: Client, answers: Answers
) -> None:
    answers += [httpx.Response(503, json={"reason": "storage_pressure"}) for _ in range(3)]
    with pytest.raises(ServerError) as caught:
        await client.health()
    assert (caught.value.status, caught.value.reason()) == (503, "storage_pressure")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_a_refusal_for_good_is_not_tried_again(
    client: Client, answers: Answers, requests: Requests, status: int
) -> None:
    answers.append(httpx.Response(status, json={"reason": "whatever", "message": "no"}))
    with pytest.raises(DurableWorkflowError):
        await client.list_workers()
    assert len(requests) == 1


@pytest.mark.parametrize(
    "reason", ["query_worker_timeout", "query_worker_execution_timeout", "query_task_not_claimed"]
)
async def test_a_query_that_timed_out_is_not_run_again(
    client: Client, answers: Answers, requests: Requests, reason: str
) -> None:
    answers.append(httpx.Response(504, json={"reason": reason, "message": "too late"}))
    with pytest.raises(QueryFailed) as caught:
        await client.query_workflow("w", "state")
    assert caught.value.reason == reason
    assert len(requests) == 1


async def test_a_retry_policy_without_attempts_sends_nothing(
    make_client: MakeClient, requests: Requests
) -> None:
    with pytest.raises(RuntimeError, match="max_attempts"):
        await make_client(retry_policy=TransportRetryPolicy(max_attempts=0)).health()
    assert requests == []


async def test_an_application_policy_sees_every_status(
    make_client: MakeClient, answers: Answers, requests: Requests
) -> None:
    class OnConflict(TransportRetryPolicy):
        def should_retry(self, exc: Exception, attempt: int) -> bool:
            is_conflict = isinstance(exc, httpx.HTTPStatusError) and exc.response.status_code == 409
            return is_conflict and attempt < 2

    client = make_client(retry_policy=OnConflict(initial_backoff_seconds=0.0))
    answers += [httpx.Response(409, json={"reason": "run_not_active"}), ok()]
    await client.cancel_workflow("w")
    assert len(requests) == 2


# --- answers --------------------------------------------------------------------------


async def test_an_answer_without_content_is_nothing(client: Client, answers: Answers) -> None:
    answers += [httpx.Response(204), httpx.Response(200)]
    assert await client.get_history("w", "r") is None
    with pytest.raises(InvalidResponse, match="server returned 200 with an empty body"):
        await client.get_history("w", "r")


async def test_a_refusal_that_is_no_json_keeps_its_text(client: Client, answers: Answers) -> None:
    answers.append(httpx.Response(418, text="<html>teapot"))
    with pytest.raises(ServerError) as caught:
        await client.health()
    assert caught.value.body == "<html>teapot"


async def test_a_redirect_is_an_error_and_not_a_command_that_was_lost(
    client: Client, answers: Answers
) -> None:
    answers.append(httpx.Response(301, headers={"location": "https://elsewhere.test"}))
    with pytest.raises(ServerError) as caught:
        await client.signal_workflow("w", "go")
    assert caught.value.status == 301


READS: list[Callable[[Client], Any]] = [
    lambda c: c.list_workflows(),
    lambda c: c.describe_workflow("w"),
    lambda c: c.list_workflow_runs("w"),
    lambda c: c.describe_workflow_run("w", "r"),
    lambda c: c.list_schedules(),
    lambda c: c.describe_schedule("s"),
    lambda c: c.list_activities(),
    lambda c: c.describe_activity("a"),
    lambda c: c.start_workflow(workflow_type="t", task_queue="q"),
]


@pytest.mark.parametrize("call", READS)
async def test_an_empty_answer_where_there_has_to_be_one_is_a_server_error(
    client: Client, answers: Answers, call: Callable[[Client], Any]
) -> None:
    answers.append(httpx.Response(204))
    with pytest.raises(ServerError) as caught:
        await call(client)
    assert (caught.value.status, caught.value.reason()) == (200, "invalid_response")


async def test_401_is_unauthorized(client: Client, answers: Answers) -> None:
    answers.append(httpx.Response(401, json={"message": "who are you"}))
    with pytest.raises(Unauthorized, match="who are you"):
        await client.health()


async def test_a_namespace_called_workflow_is_still_a_namespace(
    client: Client, answers: Answers
) -> None:
    answers += [
        httpx.Response(404, json={"reason": "namespace_not_found", "namespace": "my-workflows"}),
        httpx.Response(404, text="not here"),
    ]
    with pytest.raises(NamespaceNotFound):
        await client.describe_namespace("my-workflows")
    with pytest.raises(ServerError):
        await client.describe_namespace("my-workflows")


async def test_a_silent_404_about_a_workflow_is_a_missing_workflow(
    client: Client, answers: Answers
) -> None:
    answers.append(httpx.Response(404))
    with pytest.raises(WorkflowNotFound) as caught:
        await client.describe_workflow("my-workflow-1")
    assert caught.value.workflow_id == "my-workflow-1"


# --- secrets --------------------------------------------------------------------------


async def test_tokens_reach_neither_logs_nor_errors_nor_representations(
    make_client: MakeClient, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = {"token": "s3cret-1", "control_token": "s3cret-2", "worker_token": "s3cret-3"}
    client = make_client(**secrets)
    answers += [httpx.ConnectError("refused"), httpx.Response(403, json={"reason": "forbidden"})]
    with caplog.at_level(logging.DEBUG), pytest.raises(ServerError) as caught:
        await client.health()
    handle = client.get_workflow_handle("w")
    texts = [caplog.text, repr(client), repr(handle), str(caught.value), repr(caught.value)]
    assert "s3cret" not in " ".join(texts)


# --- metrics --------------------------------------------------------------------------


def tags(**changed: str) -> dict[str, str]:
    usual = {"method": "GET", "route": "/health", "plane": "control", "status_code": "200"}
    return usual | {"outcome": "ok"} | changed


async def test_one_call_is_one_observation_whatever_it_took(
    make_client: MakeClient, answers: Answers
) -> None:
    metrics = InMemoryMetrics()
    answers += [httpx.ConnectError("refused"), httpx.Response(503), ok()]
    await make_client(metrics=metrics).health()
    assert metrics.counter_value(CLIENT_REQUESTS, tags()) == 1.0
    assert sum(metrics.counters.values()) == 1.0
    [seconds] = metrics.observations(CLIENT_REQUEST_DURATION_SECONDS, tags())
    assert seconds >= 0.0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(404, json={}), tags(status_code="404", outcome="http_error")),
        (httpx.Response(301), tags(status_code="301", outcome="http_error")),
        (httpx.Response(200, text="x"), tags(outcome="InvalidResponse")),
        (httpx.UnsupportedProtocol("x"), tags(status_code="none", outcome="UnsupportedProtocol")),
    ],
)
async def test_what_went_wrong_is_told_apart(
    make_client: MakeClient,
    answers: Answers,
    answer: httpx.Response | Exception,
    expected: dict[str, str],
) -> None:
    metrics = InMemoryMetrics()
    answers.append(answer)
    with pytest.raises(Exception):  # noqa: B017, PT011
        await make_client(metrics=metrics).health()
    assert metrics.counter_value(CLIENT_REQUESTS, expected) == 1.0


async def test_a_call_that_is_cancelled_stays_pending() -> None:
    class Silent:
        async def send(self, *_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

        def clone(self) -> "Silent":
            return self

        async def aclose(self) -> None: ...

    metrics = InMemoryMetrics()
    client = Client("http://server.test", transport=Silent(), metrics=metrics)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await client.health()
    expected = tags(status_code="none", outcome="pending")
    assert metrics.counter_value(CLIENT_REQUESTS, expected) == 1.0


async def test_ids_do_not_reach_the_labels(make_client: MakeClient, answers: Answers) -> None:
    metrics = InMemoryMetrics()
    client = make_client(metrics=metrics)
    answers += [ok() for _ in range(7)]
    await client.signal_workflow("id-1", "id-2")
    await client.list_workflows(query="id-3", page_size=5)
    await client.describe_task_queue("id-4")
    await client.drain_task_queue_build_id("id-5", "id-6")
    await client.describe_activity("id-7")
    await client.poll_workflow_task(worker_id="id-8", task_queue="id-9")
    await client.send_webhook_bridge_event(
        "id-10", action="signal_workflow", idempotency_key="k", target={}
    )
    routes = {dict(labels)["route"] for _, labels in metrics.counters}
    assert routes == {
        "/workflows/{workflow_id}/signal/{name}",
        "/workflows",
        "/task-queues/{task_queue}",
        "/task-queues/{task_queue}/build-ids/drain",
        "/activities/{activity_id}",
        "/worker/workflow-tasks/poll",
        "/bridge-adapters/webhook/{adapter}",
    }


async def test_a_rejected_bridge_event_has_an_outcome_of_its_own(
    make_client: MakeClient, answers: Answers
) -> None:
    metrics = InMemoryMetrics()
    answers.append(httpx.Response(422, json={"outcome": "rejected"}))
    await make_client(metrics=metrics).send_webhook_bridge_event(
        "a", action="x", idempotency_key="k", target={}
    )
    [(_, labels)] = list(metrics.counters)
    assert dict(labels)["outcome"] == "bridge_rejected"
    assert dict(labels)["status_code"] == "422"
