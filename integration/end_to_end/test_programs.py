"""What workflows may say, on a real server, with a worker and a client in other processes."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import Client, WorkflowFailed
from durable_workflow.client import WorkflowHandle
from durable_workflow.errors import WorkflowContinuedAsNew, WorkflowTimedOut
from integration.end_to_end.conftest import PROGRAMS, QUEUE
from integration.harness.histories import types, violations
from integration.harness.processes import ServerProcess, worker_process
from integration.harness.waiting import eventually
from integration.harness.wire import Wire


async def start(client: Client, workflow_type: str, *args: Any, **options: Any) -> WorkflowHandle:
    return await client.start_workflow(
        workflow_type=workflow_type,
        task_queue=options.pop("task_queue", QUEUE),
        workflow_id=options.pop("workflow_id", f"{workflow_type}-{uuid.uuid4().hex}"),
        input=list(args),
        **options,
    )


async def outcome(client: Client, workflow_type: str, *args: Any, **options: Any) -> Any:
    handle = await start(client, workflow_type, *args, **options)
    result = await client.get_result(handle, timeout=40)
    assert violations(await history_of(client, handle)) == []
    return result


async def history_of(client: Client, handle: WorkflowHandle) -> list[dict[str, Any]]:
    run_id = handle.run_id
    assert run_id is not None
    document = await client.get_history(handle.workflow_id, run_id)
    events: list[dict[str, Any]] = document["events"]
    return events


async def test_greeter_of_the_guide(client: Client) -> None:
    result = await outcome(client, "greeter", "world")
    assert result == {"greeting": "Hello, world!", "length": 5}


async def test_activity_is_retried_until_it_answers(client: Client) -> None:
    policy = {"max_attempts": 4, "backoff_seconds": [0, 0, 1]}
    handle = await start(client, "retries", 4, policy)
    assert await client.get_result(handle, timeout=30) == 4
    history = await history_of(client, handle)
    assert types(history).count("ActivityRetryScheduled") == 3
    assert types(history).count("ActivityScheduled") == 1
    assert violations(history) == []


async def test_activity_that_fails_for_good_is_thrown_into_the_workflow(client: Client) -> None:
    policy = {"max_attempts": 2, "backoff_seconds": [0]}
    result = await outcome(client, "catches", "fail_until", [9], {"retry_policy": policy})
    assert result["failed"] == "attempt 2 is too early"
    assert result["type"] == "ValueError"


async def test_non_retryable_error_is_not_retried(client: Client) -> None:
    policy = {"max_attempts": 5, "backoff_seconds": [0]}
    handle = await start(client, "catches", "refuse", [], {"retry_policy": policy})
    result = await client.get_result(handle, timeout=30)
    assert result["failed"] == "never again"
    assert result["non_retryable"] is True
    assert types(await history_of(client, handle)).count("ActivityStarted") == 1


async def test_error_type_that_the_policy_names_is_not_retried(client: Client) -> None:
    policy = {"max_attempts": 5, "non_retryable_error_types": ["ValueError"]}
    handle = await start(client, "catches", "fail_until", [3], {"retry_policy": policy})
    assert (await client.get_result(handle, timeout=30))["failed"] == "attempt 1 is too early"


@pytest.mark.parametrize(
    ("kind", "activity_type", "arguments", "options"),
    [
        ("start_to_close", "hang", [9], {"start_to_close_timeout": 1}),
        ("schedule_to_close", "hang", [9], {"schedule_to_close_timeout": 1}),
        ("schedule_to_start", "greet", ["x"], {"schedule_to_start_timeout": 1, "queue": "nobody"}),
        ("heartbeat", "hang", [9], {"heartbeat_timeout": 1}),
    ],
)
async def test_each_activity_timeout_ends_the_activity(
    client: Client, kind: str, activity_type: str, arguments: list[Any], options: dict[str, Any]
) -> None:
    handle = await start(client, "catches", activity_type, arguments, options)
    result = await client.get_result(handle, timeout=30)
    assert result["category"] == "timeout"
    history = await history_of(client, handle)
    timed_out = [event for event in history if event["event_type"] == "ActivityTimedOut"]
    assert [event["payload"]["timeout_kind"] for event in timed_out] == [kind]
    assert violations(history) == []


@pytest.mark.parametrize("option", ["start_to_close_timeout", "heartbeat_timeout"])
async def test_attempt_that_times_out_is_retried(client: Client, option: str) -> None:
    policy = {"max_attempts": 2, "backoff_seconds": [0]}
    options = {option: 1, "retry_policy": policy}
    result = await outcome(client, "catches", "hang", [1], options)
    assert result == {"returned": 2}


async def test_heartbeats_keep_an_attempt_alive(client: Client) -> None:
    result = await outcome(client, "catches", "beat", [14, 0.3], {"heartbeat_timeout": 3})
    assert result == {"returned": 14}


async def test_timers_fire_one_after_the_other(client: Client) -> None:
    handle = await start(client, "naps", 1, 0, 1)
    assert await client.get_result(handle, timeout=30) == 3
    history = await history_of(client, handle)
    assert types(history).count("TimerFired") == 3
    assert violations(history) == []


async def test_chain_of_new_runs_is_followed_to_its_last(client: Client) -> None:
    handle = await start(client, "count-down", 4)
    assert await client.get_result(handle, timeout=40) == {"runs": 5}
    runs = (await client.list_workflow_runs(handle.workflow_id)).runs
    assert [run.status for run in runs] == ["completed"] * 5
    for run in runs:
        document = await client.get_history(handle.workflow_id, run.run_id)
        assert violations(document["events"]) == []
        last = document["events"][-1]["event_type"]
        expected = "WorkflowCompleted" if run is runs[-1] else "WorkflowContinuedAsNew"
        assert last == expected


async def test_chain_of_new_runs_is_not_followed_on_request(client: Client) -> None:
    handle = await start(client, "count-down", 1)
    await client.get_result(handle, timeout=30)
    first, second = (await client.list_workflow_runs(handle.workflow_id)).runs
    pinned = client.get_workflow_handle(handle.workflow_id, run_id=first.run_id)
    with pytest.raises(WorkflowContinuedAsNew) as raised:
        await client.get_result(pinned, timeout=30, follow_runs=False)
    assert raised.value.new_run_id == second.run_id


async def test_sync_activities_run_in_threads_beside_each_other(client: Client) -> None:
    names = await outcome(client, "fan-out", "meet_in_threads", [[], []])
    assert len(set(names)) == 2
    assert "MainThread" not in names


async def test_fan_out_returns_results_in_the_order_of_the_list(client: Client) -> None:
    names = [["x" * (number * 7 % 40)] for number in range(40)]
    results = await outcome(client, "fan-out", "greet", names)
    assert [result["length"] for result in results] == [len(name) for (name,) in names]


async def test_two_workers_share_a_queue(
    client: Client, shared_server: ServerProcess, tmp_path: Path
) -> None:
    queue = f"two-{uuid.uuid4().hex}"
    with (
        worker_process(shared_server.url, PROGRAMS, task_queue=queue, concurrency=1) as one,
        worker_process(shared_server.url, PROGRAMS, task_queue=queue, concurrency=1) as other,
    ):
        folder = str(tmp_path)
        handle = await start(
            client, "fan-out", "meet_in_processes", [[folder], [folder]], task_queue=queue
        )
        assert set(await client.get_result(handle, timeout=40)) == {one.pid, other.pid}


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        ("run_timeout_seconds", "run_timeout"),
        ("execution_timeout_seconds", "execution_timeout"),
    ],
)
async def test_run_past_its_deadline_raises_workflow_timed_out(
    client: Client, option: str, kind: str
) -> None:
    handle = await start(client, "naps", 3600, **{option: 1})
    with pytest.raises(WorkflowTimedOut) as raised:
        await client.get_result(handle, timeout=30)
    assert raised.value.timeout_kind == kind
    history = await history_of(client, handle)
    assert types(history)[-1] == "WorkflowTimedOut"
    assert violations(history) == []


async def test_workflow_that_raises_fails_with_its_message(client: Client) -> None:
    handle = await start(client, "raises")
    with pytest.raises(WorkflowFailed, match="nothing to be found") as raised:
        await client.get_result(handle, timeout=30)
    assert raised.value.exception_class is not None
    assert "LookupError" in raised.value.exception_class


async def test_hundred_steps_give_a_dense_history(client: Client) -> None:
    handle = await start(client, "steps", 100)
    assert await client.get_result(handle, timeout=60) == sum(n % 7 for n in range(100))
    history = await history_of(client, handle)
    assert violations(history) == []
    assert len(history) == 2 + 3 * 100 + 1


async def test_many_workflows_side_by_side(client: Client) -> None:
    results = await asyncio.gather(
        *(outcome(client, "greeter", f"name-{number}") for number in range(30))
    )
    assert [result["greeting"] for result in results] == [f"Hello, name-{n}!" for n in range(30)]


async def test_unknown_type_is_visible_and_retried_until_somebody_knows_it(
    client: Client, shared_server: ServerProcess
) -> None:
    queue = f"unknown-{uuid.uuid4().hex}"
    handle = await start(client, "greeter", "late", task_queue=queue)
    with worker_process(shared_server.url, "integration.end_to_end.nothing", task_queue=queue):

        async def described() -> str:
            return str(await raw_description(client, handle.workflow_id))

        seen = await eventually(described, lambda text: "no workflow registered" in text)
        assert "'greeter'" in seen
    assert (await client.describe_workflow(handle.workflow_id)).status not in {"failed"}
    with worker_process(shared_server.url, PROGRAMS, task_queue=queue):
        result = await client.get_result(handle, timeout=60)
    assert result == {"greeting": "Hello, late!", "length": 4}


async def raw_description(client: Client, workflow_id: str) -> dict[str, Any]:
    """Return the description as it is on the wire: operators read more of it than the SDK does."""

    def read() -> dict[str, Any]:
        with Wire(str(client.base_url)) as wire:
            return wire.describe(workflow_id)

    return await asyncio.to_thread(read)
