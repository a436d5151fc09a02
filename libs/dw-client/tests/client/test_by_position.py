"""The guide's tables give many arguments by position: they are taken so, in both clients."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from durable_workflow import sync
from durable_workflow.client import Client, WorkflowHandle

# What stands before the dots of the tables, by method.
DOCUMENTED = {
    "activity_timeout_pass": "execution_ids limit",
    "archive_workflow": "workflow_id reason",
    "cancel_workflow": "workflow_id reason",
    "create_namespace": "name description retention_days",
    "get_result": "handle poll_interval timeout",
    "get_workflow_handle": "workflow_id run_id workflow_type",
    "list_workers": "task_queue status",
    "pause_schedule": "schedule_id note",
    "query_workflow": "workflow_id query_name args",
    "repair_pass": "run_ids instance_id",
    "resume_schedule": "schedule_id note",
    "retention_pass": "run_ids limit",
    "signal_workflow": "workflow_id signal_name args",
    "terminate_workflow": "workflow_id reason",
    "test_external_storage": "driver small_payload_bytes large_payload_bytes",
    "trigger_schedule": "schedule_id overlap_policy",
    "update_namespace": "name description retention_days",
    "update_workflow": "workflow_id update_name args",
}


@pytest.mark.parametrize("method", DOCUMENTED)
@pytest.mark.parametrize("client", [Client, sync.Client])
def test_documented_arguments_may_stand_by_position(client: type, method: str) -> None:
    names = DOCUMENTED[method].split()
    bound = inspect.signature(getattr(client, method)).bind(None, *names)
    assert bound.arguments == {"self": None, **{name: name for name in names}}


@pytest.mark.parametrize("handle", [WorkflowHandle, sync.SyncWorkflowHandle])
@pytest.mark.parametrize("method", ["cancel", "terminate"])
def test_a_handle_takes_a_reason_by_position(handle: type, method: str) -> None:
    bound = inspect.signature(getattr(handle, method)).bind(None, "why")
    assert bound.arguments["reason"] == "why"


async def test_arguments_by_position_are_sent(
    make_client: Callable[..., Client],
    answers: list[httpx.Response | Exception],
    requests: list[httpx.Request],
) -> None:
    client = make_client()
    answers += [httpx.Response(200, json={"workers": [], "name": "n"}) for _ in range(4)]
    await client.signal_workflow("w", "go", ["ann"])
    await client.terminate_workflow("w", "because")
    await client.create_namespace("n", "what for", 7)
    await client.list_workers("q", "active")

    def body(number: int) -> Any:
        return json.loads(requests[number].content)

    assert body(0)["input"]["codec"] == "avro"
    assert body(1)["reason"] == "because"
    assert body(2) == {"name": "n", "description": "what for", "retention_days": 7}
    assert requests[3].url.query == b"task_queue=q&status=active"
