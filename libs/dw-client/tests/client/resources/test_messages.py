import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import httpx
import pytest

from durable_workflow import serializer
from durable_workflow.client import Client
from durable_workflow.errors import (
    ArgumentMismatch,
    InvalidArgument,
    QueryFailed,
    SignalFailed,
    UpdateRejected,
    WorkflowNotFound,
)

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


def ok(**members: Any) -> httpx.Response:
    return httpx.Response(200, json=members)


# --- repetition -----------------------------------------------------------------------

SENT: dict[str, Callable[[Client], Awaitable[Any]]] = {
    "signal": lambda c: c.signal_workflow("w", "n"),
    "update": lambda c: c.update_workflow("w", "n"),
}


@pytest.mark.parametrize("kind", SENT)
async def test_a_repetition_carries_the_same_request_id(
    client: Client, answers: Answers, requests: Requests, kind: str
) -> None:
    answers += [httpx.ReadTimeout("lost"), httpx.Response(503), ok(), ok()]
    await SENT[kind](client)
    await SENT[kind](client)
    first, *again, other = [body(request)["request_id"] for request in requests]
    assert again == [first, first]
    assert other != first
    assert first.startswith(f"sdk-python-{kind}-")


async def test_the_request_id_of_the_caller_is_kept(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [ok(), ok()]
    await client.signal_workflow("w", "n", request_id="mine")
    await client.update_workflow("w", "n", request_id="mine")
    assert [body(request)["request_id"] for request in requests] == ["mine", "mine"]


# --- arguments ------------------------------------------------------------------------


@pytest.mark.parametrize("args", [None, []])
async def test_without_arguments_there_is_no_input(
    client: Client, answers: Answers, requests: Requests, args: list[Any] | None
) -> None:
    answers += [ok(), ok(), ok()]
    await client.signal_workflow("w", "n", args=args, request_id="r")
    await client.query_workflow("w", "n", args=args)
    await client.update_workflow("w", "n", args=args, request_id="r")
    bodies = [body(request) for request in requests]
    assert bodies == [{"request_id": "r"}, {}, {"request_id": "r", "wait_for": "completed"}]


async def test_arguments_go_as_one_envelope(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [ok(), ok(), ok()]
    await client.signal_workflow("w", "n", args=["maria"])
    await client.query_workflow("w", "n", args=["maria"])
    await client.update_workflow("w", "n", args=["maria"])
    envelope = {"codec": "avro", "blob": "ABJbIm1hcmlhIl0C"}
    assert [body(request)["input"] for request in requests] == [envelope] * 3


# --- results --------------------------------------------------------------------------


@pytest.mark.parametrize("value", [{"balance": 1}, [1], "x", 0, False, None])
async def test_the_decoded_value_is_returned(client: Client, answers: Answers, value: Any) -> None:
    document = {"result": "a copy", "result_envelope": serializer.envelope(value)}
    answers += [ok(**document), ok(**document)]
    assert await client.query_workflow("w", "q") == value
    assert await client.update_workflow("w", "u", wait_for="completed") == value


@pytest.mark.parametrize(
    ("given", "sent"), [(None, "completed"), ("completed", "completed"), ("accepted", "accepted")]
)
async def test_an_update_asks_for_its_result_unless_told_otherwise(
    client: Client, answers: Answers, requests: Requests, given: str | None, sent: str
) -> None:
    answers += [ok(), ok()]
    await client.update_workflow("w", "u", wait_for=given)
    await client.get_workflow_handle("w").update("u", wait_for=given)
    assert [body(request)["wait_for"] for request in requests] == [sent, sent]


async def test_a_result_without_an_envelope_came_decoded(client: Client, answers: Answers) -> None:
    answers += [ok(result={"n": 1}), ok(result={"n": 1}, result_envelope=None)]
    assert await client.query_workflow("w", "q") == {"n": 1}
    assert await client.update_workflow("w", "u") == {"n": 1}


async def test_a_result_is_converted_to_the_type_that_is_asked_for(
    client: Client, answers: Answers
) -> None:
    answers += [ok(result="2026-11-29"), ok(result=["2026-11-29"]), ok(result="soon"), ok()]
    assert await client.query_workflow("w", "q", result_type=date) == date(2026, 11, 29)
    handle = client.get_workflow_handle("w")
    assert await handle.update("u", result_type=tuple[date]) == (date(2026, 11, 29),)
    with pytest.raises(ArgumentMismatch, match="result: "):
        await handle.query("q", result_type=date)
    assert await client.update_workflow("w", "u", wait_for="accepted", result_type=date) is None


async def test_the_whole_document_can_be_had(client: Client, answers: Answers) -> None:
    document = {"result": 1, "result_envelope": serializer.envelope(1), "run_id": "r"}
    answers += [ok(**document), ok(**document)]
    assert await client.query_workflow("w", "q", raw=True) == document
    assert await client.update_workflow("w", "u", raw=True) == document


@pytest.mark.parametrize("wait_timed_out", [False, True])
async def test_an_update_that_was_only_accepted_returns_none(
    client: Client, answers: Answers, wait_timed_out: bool
) -> None:
    document = {
        "update_status": "accepted",
        "result": None,
        "result_envelope": None,
        "wait_timed_out": wait_timed_out,
    }
    answers += [httpx.Response(202, json=document) for _ in range(2)]
    assert await client.update_workflow("w", "u", wait_for="completed") is None
    assert await client.update_workflow("w", "u", wait_for="completed", raw=True) == document


async def test_a_signal_returns_nothing(client: Client, answers: Answers) -> None:
    answers.append(httpx.Response(202, json={"outcome": "signal_received"}))
    sent: Any = await client.signal_workflow("w", "n")  # type: ignore[func-returns-value]
    assert sent is None


# --- refusals -------------------------------------------------------------------------


def refused(status: int, reason: str, operation: str = "x", **members: Any) -> httpx.Response:
    control_plane = {"operation": operation}
    document = {"reason": reason, "message": "no", "control_plane": control_plane, **members}
    return httpx.Response(status, json=document)


async def test_a_refused_signal(client: Client, answers: Answers) -> None:
    errors = {"amount": ["must be a number"]}
    answers += [
        refused(409, "run_not_active", "signal"),
        refused(404, "unknown_signal", "signal"),
        refused(422, "invalid_signal_arguments", "signal", validation_errors=errors),
    ]
    for reason in ("run_not_active", "unknown_signal", "invalid_signal_arguments"):
        with pytest.raises(SignalFailed) as caught:
            await client.signal_workflow("w", "n")
        assert caught.value.reason == reason
    assert isinstance(caught.value, InvalidArgument)
    assert caught.value.validation_errors == errors


async def test_a_refused_query(client: Client, answers: Answers) -> None:
    answers += [
        refused(409, "query_worker_unavailable"),
        refused(409, "run_not_active", "query"),
        refused(404, "instance_not_found"),
    ]
    for _ in range(2):
        with pytest.raises(QueryFailed):
            await client.query_workflow("w", "q")
    with pytest.raises(WorkflowNotFound):
        await client.query_workflow("w", "q")


async def test_a_refused_update(client: Client, answers: Answers) -> None:
    answers += [
        refused(409, "update_rejected"),
        refused(422, "validation_failed", errors={"input": ["x"]}),
    ]
    with pytest.raises(UpdateRejected):
        await client.update_workflow("w", "u")
    with pytest.raises(InvalidArgument):
        await client.update_workflow("w", "u")
