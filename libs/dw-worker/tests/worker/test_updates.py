"""Update tasks: one update, nothing else."""

# pyright: reportPrivateUsage=false
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.worker import Worker


@workflow.defn(name="counter")
class Counter:
    started = 0

    def __init__(self) -> None:
        Counter.started += 1
        self.total = 0

    @workflow.update("add")
    def add(self, number: int) -> int:
        self.total += number
        return self.total

    @workflow.update("odd")
    def odd(self, number: int) -> object:
        return object()

    @workflow.update_validator("add")
    def check(self, number: int) -> None:
        if number < 0:
            raise ValueError("negative")

    def run(self, ctx: Any) -> Generator[Any, Any, int]:
        if (yield ctx.schedule_activity("a", [])) == "broken":
            yield "junk"
        yield ctx.wait_condition(lambda: self.total >= 10, key="enough")
        return self.total


@pytest.fixture
def worker(server: Any) -> Worker:
    return Worker(server, task_queue="q", workflows=[Counter])


def _task(pack: Any, *numbers: int, **changes: Any) -> dict[str, Any]:
    events: list[dict[str, Any]] = [
        {"event_type": "WorkflowStarted", "payload": {"clock": "event"}},
        {"event_type": "ActivityCompleted", "payload": {"sequence": 1, "result": pack("ok")}},
        {"event_type": "ConditionWaitOpened",
         "payload": {"sequence": 2, "condition_wait_id": "w", "condition_key": "enough"}},
    ]  # fmt: skip
    for index, number in enumerate(numbers):
        events.append(
            {
                "event_type": "UpdateAccepted",
                "payload": {
                    "update_id": f"u{index}",
                    "update_name": "add",
                    "arguments": pack([number]),
                },
            }
        )
    events = [{"sequence": n, **event} for n, event in enumerate(events, start=1)]
    return {
        "task_id": "t",
        "workflow_id": "wf",
        "run_id": "run",
        "workflow_type": "counter",
        "payload_codec": "avro",
        "arguments": pack([]),
        "history_events": events,
        "workflow_update_id": f"u{len(numbers) - 1}" if numbers else None,
    } | changes


async def test_an_update_is_completed_and_nothing_else(
    server: Any, worker: Worker, pack: Any
) -> None:
    commands = await worker._run_workflow_task(_task(pack, 4))
    assert commands == [{"type": "complete_update", "update_id": "u0", "result": pack(4)}]
    assert server.calls["complete_workflow_task"][0]["commands"] == commands


async def test_a_kept_machine_serves_updates_and_is_kept(
    server: Any, worker: Worker, pack: Any
) -> None:
    await worker._run_workflow_task(_task(pack))
    started = Counter.started
    commands = await worker._run_workflow_task(_task(pack, 4))
    assert commands is not None
    assert commands[0]["result"] == pack(4)
    task = _task(pack, 4, workflow_update_id=None)
    applied = {"update_id": "u0", "update_name": "add", "arguments": pack([4]), "sequence": 5}
    task["history_events"].append(
        {"sequence": 5, "event_type": "UpdateApplied", "payload": applied}
    )
    commands = await worker._run_workflow_task(task)
    assert commands is not None
    assert commands[0]["type"] == "open_condition_wait"
    assert Counter.started == started
    (kept,) = worker._machines._kept.values()
    assert kept.machine.instance.total == 4


async def test_a_machine_is_dropped_where_its_update_was_not_recorded(
    server: Any, worker: Worker, pack: Any
) -> None:
    await worker._run_workflow_task(_task(pack))
    await worker._run_workflow_task(_task(pack, 4))
    # As if the completion had been lost: the update is handed out once more.
    commands = await worker._run_workflow_task(_task(pack, 4))
    assert commands is not None
    assert commands[0]["result"] == pack(4)


@pytest.mark.parametrize(
    ("changes", "message", "kind"),
    [
        ({"workflow_update_id": "other"}, "was not present", "UpdateNotFound"),
        ({}, "update validator failed: negative", "ValueError"),
    ],
)
async def test_an_update_that_cannot_be_done_is_failed(
    server: Any, worker: Worker, pack: Any, changes: dict[str, Any], message: str, kind: str
) -> None:
    commands = await worker._run_workflow_task(_task(pack, -1, **changes))
    assert commands is not None
    (command,) = commands
    assert command["type"] == "fail_update"
    assert message in command["message"]
    assert command["exception_type"] == kind
    assert command["non_retryable"] is True
    assert server.count("fail_workflow_task") == 0


async def test_an_update_whose_result_cannot_be_encoded_is_failed(
    server: Any, worker: Worker, pack: Any
) -> None:
    task = _task(pack, 1)
    task["history_events"][-1]["payload"]["update_name"] = "odd"
    commands = await worker._run_workflow_task(task)
    assert commands is not None
    assert commands[0]["type"] == "fail_update"
    assert commands[0]["message"].startswith("update result cannot be encoded: ")
    assert commands[0]["exception_type"] == "TypeError"


async def test_an_update_of_a_run_that_cannot_be_replayed_is_failed(
    server: Any, worker: Worker, pack: Any
) -> None:
    task = _task(pack, 1)
    task["history_events"][1]["event_type"] = "TimerFired"
    commands = await worker._run_workflow_task(task)
    assert commands is not None
    assert commands[0]["type"] == "fail_update"
    assert commands[0]["message"].startswith("workflow replay failed before update: ")
    assert commands[0]["exception_type"] == "NonDeterministicReplayError"
