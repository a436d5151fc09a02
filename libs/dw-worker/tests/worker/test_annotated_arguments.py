"""Arguments of activities and workflows, converted by annotation."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.worker import Worker

AT = "2026-05-01T12:00:00+00:00"


@dataclass
class Order:
    due: datetime


async def later(order: Order, by: timedelta) -> Order:
    return Order(order.due + by)


def later_in_a_thread(order: Order, by: timedelta) -> Order:
    return Order(order.due + by)


async def as_given(order: Order) -> Any:
    return order


@workflow.defn(name="due")
class Due:
    def run(self, ctx: Any, order: Order) -> Any:
        yield ctx.start_timer(1)
        return order


def _task(pack: Any, activity_type: str, *args: Any) -> dict[str, Any]:
    return {
        "task_id": "t",
        "activity_attempt_id": "at",
        "activity_type": activity_type,
        "payload_codec": "avro",
        "arguments": pack(list(args)),
    }


@pytest.mark.parametrize("function", [later, later_in_a_thread])
async def test_activities_get_objects_and_may_return_them(
    server: Any, pack: Any, function: Any
) -> None:
    worker = Worker(server, task_queue="q", activities=[function])
    outcome = await worker._run_activity_task(_task(pack, function.__name__, {"due": AT}, "PT1H"))
    assert outcome == "completed"
    (sent,) = server.calls["complete_activity_task"]
    assert sent["result"] == Order(datetime.fromisoformat("2026-05-01T13:00:00+00:00"))


@pytest.mark.parametrize("function", [later, later_in_a_thread])
async def test_an_argument_that_does_not_fit_fails_for_good(
    server: Any, pack: Any, function: Any
) -> None:
    worker = Worker(server, task_queue="q", activities=[function])
    outcome = await worker._run_activity_task(_task(pack, function.__name__, {"due": "x"}, 1))
    assert outcome == "failed_non_retryable"
    (failure,) = server.calls["fail_activity_task"]
    assert failure["message"].startswith("order.due: expected a datetime in ISO 8601")
    assert (failure["failure_type"], failure["non_retryable"]) == ("ArgumentMismatch", True)


async def test_a_start_input_that_does_not_fit_fails_the_task_and_names_the_field(
    server: Any, pack: Any
) -> None:
    worker = Worker(server, task_queue="q", workflows=[Due])
    task: dict[str, Any] = {
        "task_id": "w",
        "workflow_id": "wf",
        "run_id": "r",
        "workflow_type": "due",
        "payload_codec": "avro",
        "arguments": pack([{"due": 1}]),
        "history_events": [],
    }
    assert await worker._run_workflow_task(task) is None
    (failure,) = server.calls["fail_workflow_task"]
    assert "order.due: expected a datetime in ISO 8601, got a number" in failure["message"]


async def test_one_switch_turns_it_off(server: Any, pack: Any) -> None:
    worker = Worker(
        server, task_queue="q", workflows=[Due], activities=[as_given], convert_arguments=False
    )
    await worker._run_activity_task(_task(pack, "as_given", {"due": "x"}))
    assert server.calls["complete_activity_task"][0]["result"] == {"due": "x"}
    assert not worker._payloads.converts


async def test_an_input_that_does_not_fit_is_logged_without_frames_of_the_worker(
    server: Any, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @workflow.defn(name="takes-an-order")
    class TakesAnOrder:
        def run(self, ctx: Any, order: Order) -> None: ...

    worker = Worker(server, task_queue="q", workflows=[TakesAnOrder])
    task: dict[str, Any] = {
        "task_id": "t", "workflow_id": "w", "run_id": "r", "workflow_type": "takes-an-order",
        "payload_codec": "avro", "history_events": [], "arguments": pack([{"due": "soon"}]),
    }  # fmt: skip
    assert await worker._run_workflow_task(task) is None
    [line] = [each for each in caplog.records if each.levelname == "ERROR"]
    assert line.getMessage().startswith("replay of workflow w (takes-an-order), run r failed: ")
    assert "order.due" in line.getMessage()
    assert line.exc_info is None
