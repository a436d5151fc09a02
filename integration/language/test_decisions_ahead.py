"""Decisions that a worker sends with the result of an activity, before a task asks for them."""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.interceptors import PassthroughWorkerInterceptor
from durable_workflow.metrics import WORKER_POLLS, WORKER_TASKS, InMemoryMetrics
from durable_workflow.workflow import WorkflowContext
from integration.harness.quick_code import keep_code_quick
from integration.language.activities import gate
from integration.language.scene import CARRIER, Scene

Steps = Generator[Any, Any, Any]
STREAMS = CARRIER == "stream"


@pytest.fixture(autouse=True)
def quick_code(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_code_quick(monkeypatch)


@workflow.defn(name="steps-ahead")
class StepsAhead:
    """Take steps; at some look at the clock, draw, or wait until told to go on."""

    def __init__(self) -> None:
        self.steps = 0
        self.open = False
        self.ctx: WorkflowContext | None = None

    @workflow.signal("open")
    def on_open(self) -> None:
        self.open = True

    @workflow.query("clock")
    def clock(self) -> str:
        assert self.ctx is not None
        return self.ctx.now().isoformat()

    @workflow.query("steps")
    def tell_steps(self) -> int:
        return self.steps

    def run(self, ctx: WorkflowContext, words: list[str]) -> Steps:
        self.ctx = ctx
        seen: list[Any] = []
        for word in words:
            if word == "now":
                seen.append(ctx.now().isoformat())
            elif word == "draw":
                seen.append(str(ctx.uuid4()))
            elif word == "wait":
                yield ctx.wait_condition(lambda: self.open)
            elif word == "gate":
                seen.append((yield ctx.schedule_activity("later", ["v", "go", "there"])))
            else:
                seen.append((yield ctx.schedule_activity("echo", [word])))
            self.steps += 1
        return seen


@workflow.defn(name="echo-ahead")
class EchoAhead:
    """Return what an activity returns."""

    def run(self, ctx: WorkflowContext, words: str) -> Steps:
        return (yield ctx.schedule_activity("echo", [words]))


def counted(metrics: InMemoryMetrics, name: str, outcome: str) -> float:
    """How many workflow tasks were counted with an outcome."""
    wanted = {("task_kind", "workflow"), ("outcome", outcome)}
    return sum(n for (of, tags), n in metrics.counters.items() if of == name and wanted <= {*tags})


async def test_steps_need_no_workflow_task_and_are_counted_as_ever(scene: Scene) -> None:
    metrics = InMemoryMetrics()
    words = [f"w{number}" for number in range(20)]
    async with scene.working(StepsAhead, metrics=metrics):
        handle = await scene.start("steps-ahead", words)
        assert await scene.result(handle) == words
    assert (await scene.types(handle)).count("ActivityCompleted") == 20
    assert counted(metrics, WORKER_TASKS, "completed") == 21
    if STREAMS:
        assert counted(metrics, WORKER_POLLS, "task") < 20


async def test_a_large_result_that_the_workflow_returns_needs_no_workflow_task(
    scene: Scene,
) -> None:
    metrics = InMemoryMetrics()
    words = random.Random(3).randbytes(2**19).hex()
    async with scene.working(StepsAhead, EchoAhead, metrics=metrics):
        for _ in range(4):  # the first of them show that they are quick
            assert await scene.outcome("echo-ahead", words) == words
    assert counted(metrics, WORKER_TASKS, "completed") == 8
    if STREAMS:
        assert counted(metrics, WORKER_POLLS, "task") < 8


async def test_code_that_asks_for_the_time_sees_that_of_the_event(scene: Scene) -> None:
    async with scene.working(StepsAhead):
        handle = await scene.start("steps-ahead", ["a", "now", "b", "draw", "now", "c", "now"])
        result = await scene.result(handle)
    events = await scene.history(handle)
    ended = [each["timestamp"] for each in events if each["event_type"] == "ActivityCompleted"]
    times = [result[1], result[4], result[6]]
    assert [time[:26] for time in times] == [ended[0][:26], ended[1][:26], ended[2][:26]]


async def test_a_query_behind_a_decision_sees_the_time_of_the_result(scene: Scene) -> None:
    async with scene.working(StepsAhead):
        handle = await scene.start("steps-ahead", ["a", "b", "c", "wait"])
        await scene.until(handle, lambda types: types[-1] == "ConditionWaitOpened")
        events = await scene.history(handle)
        ended = [each["timestamp"] for each in events if each["event_type"] == "ActivityCompleted"]
        assert await handle.query("steps") == 3
        assert (await handle.query("clock"))[:26] == ended[-1][:26]
        await handle.signal("open")
        assert await scene.result(handle) == ["a", "b", "c"]


async def test_what_happened_during_the_activity_is_seen_before_its_result_is_used(
    scene: Scene,
) -> None:
    async with scene.working(StepsAhead):
        for _ in range(5):
            gate("go").clear()
            handle = await scene.start("steps-ahead", ["a", "gate", "wait", "b"])
            await scene.until(handle, lambda types: types.count("ActivityStarted") == 2)
            await handle.signal("open")
            gate("go").set()
            assert await scene.result(handle) == ["a", "v", "b"]


async def test_interceptors_see_every_workflow_task(scene: Scene) -> None:
    class Counts(PassthroughWorkerInterceptor):
        """Counts the tasks that pass."""

        passed = 0

        async def execute_workflow_task(self, context: Any, next: Any) -> Any:
            self.passed += 1
            return await super().execute_workflow_task(context, next)

    counts = Counts()
    async with scene.working(StepsAhead, interceptors=[counts]):
        assert await scene.outcome("steps-ahead", ["a", "b", "c"]) == ["a", "b", "c"]
    assert counts.passed == 4


async def test_runs_side_by_side_decide_ahead_of_each_other(scene: Scene) -> None:
    async with scene.working(StepsAhead):
        handles = [
            await scene.start("steps-ahead", [f"{run}-{step}" for step in range(run)])
            for run in range(12)
        ]
        for run, handle in enumerate(handles):
            assert await scene.result(handle) == [f"{run}-{step}" for step in range(run)]
