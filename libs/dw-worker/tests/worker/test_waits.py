"""Condition waits: whether a wait is still the one that is open is said to servers that listen."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.worker import Worker


@workflow.defn(name="takes")
class Takes:
    def __init__(self) -> None:
        self.items: list[int] = []

    @workflow.signal("put")
    def put(self, item: int) -> None:
        self.items.append(item)

    def run(self, ctx: Any) -> Generator[Any, Any, None]:
        while True:
            yield ctx.wait_condition(lambda: sum(self.items) >= 5, key="five", timeout=30)
            self.items.clear()


def _task(pack: Any, *signals: int) -> dict[str, Any]:
    opened = {"sequence": 2, "condition_wait_id": "w", "condition_key": "five"}
    events: list[dict[str, Any]] = [
        {"event_type": "WorkflowStarted", "payload": {"clock": "event"}},
        {"event_type": "ConditionWaitOpened", "payload": opened},
    ]
    for number in signals:
        payload = {"signal_name": "put", "arguments": pack([number])}
        events.append({"event_type": "SignalReceived", "payload": payload})
    return {
        "task_id": "t",
        "workflow_id": "wf",
        "run_id": "run",
        "workflow_type": "takes",
        "payload_codec": "avro",
        "arguments": pack([]),
        "history_events": [{"sequence": n, **event} for n, event in enumerate(events, start=1)],
    }


async def _wait(worker: Worker, task: dict[str, Any]) -> dict[str, Any]:
    commands = await worker._run_workflow_task(task)
    assert commands is not None
    (command,) = commands
    assert command["type"] == "open_condition_wait"
    assert isinstance(command, dict)
    return command


@pytest.mark.parametrize("cached", [0, 10])
async def test_the_open_wait_is_named_until_it_was_passed(
    server: Any, info: Any, pack: Any, cached: int
) -> None:
    server.info = info(extensions={"sticky_history": 1})
    worker = Worker(server, task_queue="q", workflows=[Takes], max_cached_workflows=cached)
    await worker._register()
    assert (await _wait(worker, _task(pack)))["condition_wait_id"] == "w"
    assert (await _wait(worker, _task(pack, 1)))["condition_wait_id"] == "w"
    # It held, and this is the next one, of the same key.
    assert (await _wait(worker, _task(pack, 1, 4)))["condition_wait_id"] is None


async def test_a_server_without_extensions_is_told_nothing(
    server: Any, info: Any, pack: Any
) -> None:
    server.info = info()
    worker = Worker(server, task_queue="q", workflows=[Takes])
    await worker._register()
    assert "condition_wait_id" not in await _wait(worker, _task(pack, 1))
