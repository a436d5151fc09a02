"""Testing workflows and activities."""

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any, assert_type

from durable_workflow import Client, Worker, workflow
from durable_workflow.testing import (
    ActivityEnvironment,
    RunningWorker,
    WorkflowEnvironment,
    WorkflowRunRecord,
    WorkflowTestHandle,
    WorkflowTestServer,
    replay_history,
)
from durable_workflow.workflow import ReplayOutcome


@workflow.defn(name="typed")
class Typed:
    def run(self, ctx: workflow.WorkflowContext, name: str) -> Generator[Any, Any, str]:
        greeting: str = yield ctx.schedule_activity("greet", [name])
        return greeting


async def double(number: int) -> int:
    return 2 * number


def length(text: str) -> int:
    return len(text)


def environment() -> None:
    env = WorkflowEnvironment(iteration_limit=10, start_time=datetime.now().astimezone())
    env.register_activity("greet", length, takes=timedelta(minutes=1))
    env.signal("go", ["now"], after=3600)
    env.after(timedelta(days=1), lambda run: run.update("set", [1]))
    env.after(60, lambda run: run.kill_worker())
    run = env.start_workflow(Typed, "you")
    assert_type(run, WorkflowTestHandle)
    assert_type(run.now(), datetime)
    assert_type(env.runs, list[WorkflowRunRecord])
    assert_type(replay_history(Typed, run.history, ["you"]), ReplayOutcome)


async def activities() -> None:
    env = ActivityEnvironment(attempt_number=2)
    assert_type(await env.run(double, 2), int)
    assert_type(env.run(length, "text"), int)
    assert_type(env.heartbeats, list[dict[str, Any] | None])


async def server() -> None:
    with WorkflowTestServer(time_skipping=True) as server:
        async with server.client() as client, server.worker(workflows=[Typed]) as worker:
            assert_type(client, Client)
            assert_type(worker, RunningWorker)
            assert_type(worker.worker, Worker)
            worker.fail_next_activity("greet", ValueError("no"), times=2)
            worker.kill_worker(restart=False)
            await server.advance(timedelta(days=1))
        server.advance(60).wait(timeout=5)
        assert_type(server.now(), datetime)
