"""The carriers: requests and Lambda events."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable_workflow import serializer
from durable_workflow.invocable import (
    InvocableHttpResponse,
    handle_invocable_http_request,
    handle_invocable_lambda_event,
    lambda_invocable_activity_handler,
)

HANDLERS = {"charge": abs}
RESULT_TYPE = "application/vnd.durable-workflow.external-task-result+json"


def task() -> dict[str, Any]:
    lease = {
        "owner": "carrier",
        "expires_at": (datetime.now(UTC) + timedelta(minutes=1)).isoformat(),
        "heartbeat_endpoint": "/api/worker/activity-tasks/task-1/heartbeat",
    }
    identity = {
        "id": "task-1",
        "kind": "activity_task",
        "attempt": 1,
        "activity_attempt_id": "attempt-1",
        "task_queue": "q",
        "handler": "charge",
        "connection": None,
        "idempotency_key": "attempt-1",
    }
    names = ("schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat")
    return {
        "schema": "durable-workflow.v2.external-task-input",
        "version": 1,
        "task": identity,
        "workflow": {"id": "w", "run_id": "r"},
        "lease": lease,
        "payloads": {"arguments": serializer.envelope([-3])},
        "deadlines": dict.fromkeys(names),
        "headers": {},
    }


def as_bytes(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize("form", [json.dumps, as_bytes, dict])
async def test_a_body_is_bytes_text_or_an_object(form: Any) -> None:
    response = await handle_invocable_http_request(form(task()), HANDLERS)
    assert response.status_code == 200
    assert response.headers == {"content-type": RESULT_TYPE}
    assert response.json()["result"]["payload"] == serializer.envelope(3)
    compact = json.dumps(response.json(), sort_keys=True, separators=(",", ":"))
    assert response.body == compact


async def test_a_failed_task_is_a_response_like_any_other() -> None:
    response = await handle_invocable_http_request(task(), {})
    assert response.status_code == 200
    assert response.json()["outcome"]["status"] == "failed"


@pytest.mark.parametrize(
    "body", ["", "{", "[]", b"\xff", "{}", {"schema": "x"}, "[" * 100_000, None, [1], 5]
)
async def test_what_is_no_task_is_a_bad_request(body: Any) -> None:
    response = await handle_invocable_http_request(body, HANDLERS)
    assert response.status_code == 400
    assert response.headers == {"content-type": "application/json"}
    assert response.json()["error"] == "invalid_invocable_request"
    assert response.json()["message"]


async def test_an_event_has_its_body_as_text_or_in_base64() -> None:
    text = json.dumps(task())
    for event in (
        {"body": text},
        {"body": task()},
        {"body": text.encode(), "isBase64Encoded": "true"},
        {"body": base64.b64encode(text.encode()).decode(), "isBase64Encoded": True},
    ):
        answer = await handle_invocable_lambda_event(event, HANDLERS)
        assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
        assert answer["headers"] == {"content-type": RESULT_TYPE}
        assert json.loads(answer["body"])["outcome"]["status"] == "succeeded"


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        {"body": None},
        {"body": 5},
        {"body": "%", "isBase64Encoded": True},
        {"body": "[" * 100_000},
    ],
)
async def test_an_event_without_a_task_is_a_bad_request(event: Any) -> None:
    answer = await handle_invocable_lambda_event(event, HANDLERS)
    assert answer["statusCode"] == 400


def test_lambda_calls_a_plain_function() -> None:
    handler = lambda_invocable_activity_handler(HANDLERS, carrier="aws")
    for _ in range(2):
        answer = handler({"body": json.dumps(task())}, None)
        assert json.loads(answer["body"])["metadata"]["carrier"] == "aws"
    with pytest.raises(ValueError, match="result codec"):
        lambda_invocable_activity_handler(HANDLERS, result_codec="xml")


def test_a_response_that_is_no_object_says_so() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        InvocableHttpResponse(200, {}, "[]").json()
