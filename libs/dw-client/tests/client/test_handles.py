from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock, MagicMock, call

import httpx
import pytest

from durable_workflow.client import (
    Client,
    ScheduleAction,
    ScheduleHandle,
    ScheduleSpec,
    StandaloneActivityHandle,
    WorkflowHandle,
)

SPEC, ACTION = ScheduleSpec(), ScheduleAction("t")
# What a handle answers with None, whatever the client answers; all else it hands on.
SILENT = {
    *("signal_workflow", "cancel_workflow", "terminate_workflow"),
    *("update_schedule", "pause_schedule", "resume_schedule", "delete_schedule"),
}


def check_answer(client: AsyncMock, method: str, answer: Any) -> None:
    expected = None if method in SILENT else getattr(client, method).return_value
    assert answer is expected


ON_WORKFLOW: list[tuple[Callable[[WorkflowHandle], Awaitable[Any]], str, Any]] = [
    (lambda h: h.describe(), "describe_workflow", call("w")),
    (lambda h: h.get_history(), "get_history", call("w", "r")),
    (lambda h: h.debug(), "debug_workflow_run", call("w", "r")),
    (lambda h: h.export_history(), "export_history", call("w", "r")),
    (lambda h: h.list_runs(), "list_workflow_runs", call("w")),
    (lambda h: h.describe_run(), "describe_workflow_run", call("w", "r")),
    (lambda h: h.describe_run("r2"), "describe_workflow_run", call("w", "r2")),
    (lambda h: h.signal("s"), "signal_workflow", call("w", "s", args=None)),
    (
        lambda h: h.signal("s", [1], request_id="k"),
        "signal_workflow",
        call("w", "s", args=[1], request_id="k"),
    ),
    (lambda h: h.query("q", [1]), "query_workflow", call("w", "q", args=[1])),
    (lambda h: h.query("q", raw=True), "query_workflow", call("w", "q", args=None, raw=True)),
    (lambda h: h.cancel(reason="x"), "cancel_workflow", call("w", reason="x")),
    (lambda h: h.terminate(), "terminate_workflow", call("w", reason=None)),
    (lambda h: h.repair(), "repair_workflow", call("w")),
    (lambda h: h.archive(reason="x"), "archive_workflow", call("w", reason="x")),
    (
        lambda h: h.update(
            "u", [1], wait_for="completed", wait_timeout_seconds=2, request_id="k", raw=True
        ),
        "update_workflow",
        call(
            "w",
            "u",
            args=[1],
            wait_for="completed",
            wait_timeout_seconds=2,
            request_id="k",
            raw=True,
        ),
    ),
]


@pytest.mark.parametrize(("use", "method", "expected"), ON_WORKFLOW)
async def test_a_workflow_handle_forwards(
    use: Callable[[WorkflowHandle], Awaitable[Any]], method: str, expected: Any
) -> None:
    client = AsyncMock(spec=Client)
    answer = await use(WorkflowHandle(client, "w", "r", "t"))
    assert getattr(client, method).await_args_list == [expected]
    check_answer(client, method, answer)


async def test_a_handle_hands_itself_to_the_waiting_method() -> None:
    client = AsyncMock(spec=Client)
    workflow, activity = WorkflowHandle(client, "w"), StandaloneActivityHandle(client, "a")
    ended = await workflow.result(poll_interval=1.0, timeout=2.0, follow_runs=False)
    assert ended is client.get_result.return_value
    assert await activity.result(timeout=2.0) is client.get_activity_result.return_value
    client.get_result.assert_awaited_once_with(
        workflow, poll_interval=1.0, timeout=2.0, follow_runs=False
    )
    client.get_activity_result.assert_awaited_once_with(activity, poll_interval=0.5, timeout=2.0)


async def test_a_client_that_knows_no_newer_arguments_is_not_given_their_defaults() -> None:
    client = AsyncMock(spec=Client)
    handle = WorkflowHandle(client, "w")
    await handle.result()
    await handle.update("u", [1])
    client.get_result.assert_awaited_once_with(handle, poll_interval=0.5, timeout=30.0)
    client.update_workflow.assert_awaited_once_with(
        "w", "u", args=[1], wait_for=None, wait_timeout_seconds=None, request_id=None
    )


ON_RUN: list[Callable[[WorkflowHandle], Awaitable[Any]]] = [
    lambda h: h.get_history(),
    lambda h: h.export_history(),
    lambda h: h.describe_run(),
]


@pytest.mark.parametrize("use", ON_RUN)
async def test_what_is_about_a_run_needs_one(
    use: Callable[[WorkflowHandle], Awaitable[Any]],
) -> None:
    with pytest.raises(ValueError, match="no run id"):
        await use(WorkflowHandle(AsyncMock(spec=Client), "w"))


ON_SCHEDULE: list[tuple[Callable[[ScheduleHandle], Awaitable[Any]], str, Any]] = [
    (lambda h: h.describe(), "describe_schedule", call("s")),
    (
        lambda h: h.update(spec=SPEC, action=ACTION, note="n"),
        "update_schedule",
        call(
            "s",
            spec=SPEC,
            action=ACTION,
            overlap_policy=None,
            jitter_seconds=None,
            max_runs=None,
            memo=None,
            search_attributes=None,
            note="n",
        ),
    ),
    (lambda h: h.pause(note="n"), "pause_schedule", call("s", note="n")),
    (lambda h: h.resume(), "resume_schedule", call("s", note=None)),
    (
        lambda h: h.trigger(overlap_policy="skip"),
        "trigger_schedule",
        call("s", overlap_policy="skip"),
    ),
    (lambda h: h.delete(), "delete_schedule", call("s")),
    (
        lambda h: h.backfill(start_time="a", end_time="b"),
        "backfill_schedule",
        call("s", start_time="a", end_time="b", overlap_policy=None),
    ),
    (
        lambda h: h.history(limit=1, after_sequence=2),
        "get_schedule_history",
        call("s", limit=1, after_sequence=2),
    ),
]


@pytest.mark.parametrize(("use", "method", "expected"), ON_SCHEDULE)
async def test_a_schedule_handle_forwards(
    use: Callable[[ScheduleHandle], Awaitable[Any]], method: str, expected: Any
) -> None:
    client = AsyncMock(spec=Client)
    answer = await use(ScheduleHandle(client, "s"))
    assert getattr(client, method).await_args_list == [expected]
    check_answer(client, method, answer)


def test_the_history_of_a_schedule_is_iterated_without_awaiting() -> None:
    client = MagicMock(spec=Client)
    events = ScheduleHandle(client, "s").iter_history(limit=3)
    assert events is client.iter_schedule_history.return_value
    client.iter_schedule_history.assert_called_once_with("s", limit=3, after_sequence=None)


async def test_an_activity_handle_forwards() -> None:
    client = AsyncMock(spec=Client)
    handle = StandaloneActivityHandle(client, "a", activity_type="t")
    assert await handle.describe() is client.describe_activity.return_value
    await handle.cancel(reason="x")
    client.describe_activity.assert_awaited_once_with("a")
    client.cancel_workflow.assert_awaited_once_with("a", reason="x")


async def test_handles_are_made_without_asking_anybody(
    client: Client, requests: list[httpx.Request]
) -> None:
    workflow = client.get_workflow_handle("w", run_id="r", workflow_type="t")
    activity = client.get_activity_handle("a", workflow_run_id="r", activity_execution_id="e")
    schedule = client.get_schedule_handle("s")
    assert repr(workflow) == "WorkflowHandle(workflow_id='w', run_id='r', workflow_type='t')"
    assert (activity.activity_id, activity.workflow_run_id, activity.workflow_type) == (
        "a",
        "r",
        "",
    )
    assert repr(activity) == "StandaloneActivityHandle(activity_id='a', activity_type='')"
    assert repr(schedule) == "ScheduleHandle(schedule_id='s')"
    assert requests == []
