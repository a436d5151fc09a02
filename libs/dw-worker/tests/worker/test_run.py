"""A worker from registration to drain."""
# pyright: reportPrivateUsage=false

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import activity, workflow
from durable_workflow.metrics import WORKER_POLLS, WORKER_TASKS, InMemoryMetrics
from durable_workflow.worker import Worker, _polling
from durable_workflow.workflow import WorkflowContext


@activity.defn(name="greet")
async def greet(name: str) -> dict[str, Any]:
    return {"greeting": f"Hello, {name}!", "length": len(name)}


@workflow.defn(name="greeter")
class Greeter:
    def run(self, ctx: WorkflowContext, *args: Any) -> Generator[Any, Any, Any]:
        result = yield ctx.schedule_activity("greet", list(args))
        return result


@workflow.defn(name="adder")
class Adder:
    def run(self, ctx: WorkflowContext, count: int) -> Generator[Any, Any, int]:
        total = 0
        for number in range(count):
            total += yield ctx.schedule_activity("double", [number])
        return total


@activity.defn(name="double")
def double(number: int) -> int:
    return 2 * number


async def test_runs_a_workflow_to_its_end(server: Any) -> None:
    run = server.start("greeter", "world")
    worker = Worker(server, task_queue="q", workflows=[Greeter], activities=[greet])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: run.status == "completed")
    await worker.stop()
    await running
    assert run.result == {"greeting": "Hello, world!", "length": 5}


async def test_serves_many_runs_side_by_side(server: Any) -> None:
    runs = [server.start("adder", 5) for _ in range(20)]
    worker = Worker(server, task_queue="q", workflows=[Adder], activities=[double])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: all(run.status == "completed" for run in runs))
    await worker.stop()
    await running
    assert {run.result for run in runs} == {20}


async def test_a_second_run_beside_the_first_is_refused(server: Any) -> None:
    run = server.start("greeter", "world")
    worker = Worker(server, task_queue="q", workflows=[Greeter], activities=[greet], worker_id="w")
    running = asyncio.create_task(worker.run())
    await server.until(lambda: bool(server.calls["poll_workflow_task"]))
    with pytest.raises(RuntimeError, match="worker w runs already"):
        await worker.run()
    await server.until(lambda: run.status == "completed")
    await worker.stop()
    await running


async def test_run_until_returns_the_ended_execution(server: Any) -> None:
    run = server.start("greeter", "world")
    worker = Worker(server, task_queue="q", workflows=[Greeter], activities=[greet])
    execution = await worker.run_until(workflow_id=run.workflow_id, timeout=10)
    assert execution.status == "completed"
    assert worker._stop.is_set()


async def test_run_until_gives_up_at_its_deadline(server: Any) -> None:
    run = server.start("greeter", "world")
    worker = Worker(server, task_queue="q", workflows=[Greeter], activities=[greet])
    with pytest.raises(TimeoutError, match="wf-1"):
        await worker.run_until(workflow_id=run.workflow_id, timeout=0)


async def test_counts_polls_and_tasks(server: Any) -> None:
    metrics = InMemoryMetrics()
    run = server.start("greeter", "world")
    worker = Worker(
        server, task_queue="q", workflows=[Greeter], activities=[greet], metrics=metrics
    )
    await worker.run_until(workflow_id=run.workflow_id, timeout=10)
    tags = {"task_queue": "q", "task_kind": "workflow"}
    assert metrics.counter_value(WORKER_TASKS, tags | {"outcome": "completed"}) == 2
    assert metrics.counter_value(WORKER_POLLS, tags | {"outcome": "task"}) == 2
    tags["task_kind"] = "activity"
    assert metrics.counter_value(WORKER_TASKS, tags | {"outcome": "completed"}) == 1


@pytest.mark.parametrize("method", ["describe_workflow", "poll_workflow_task"])
async def test_run_until_goes_on_after_the_server_was_away(
    server: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_polling, "_FIRST_PAUSE_SECONDS", 0.001)

    def away(**_: Any) -> None:
        if server.count(method) <= 3:
            raise ConnectionError("away")

    server.on[method] = away
    run = server.start("greeter", "world")
    worker = Worker(server, task_queue="q", workflows=[Greeter], activities=[greet])
    execution = await worker.run_until(workflow_id=run.workflow_id, timeout=20)
    assert execution.status == "completed"


async def test_run_until_gives_up_a_server_that_stays_away_at_its_deadline(server: Any) -> None:
    def away(**_: Any) -> None:
        raise ConnectionError("away")

    server.on["describe_workflow"] = away
    run = server.start("nothing")
    with pytest.raises(TimeoutError, match=f"{run.workflow_id} has not ended in 0.05 s") as raised:
        await Worker(server, task_queue="q").run_until(workflow_id=run.workflow_id, timeout=0.05)
    assert isinstance(raised.value.__cause__, ConnectionError)
