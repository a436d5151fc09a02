"""Queries: answered by replay, of open and of closed runs, and refused with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from durable_workflow import ActivityFailed, QueryFailed, workflow
from durable_workflow.server.settings import Settings
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.activities import gate
from integration.language.scene import DEFAULT_CACHE, QUEUE, Scene, open_scene

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)


@workflow.defn(name="answers")
class Answers:
    """Count steps, and tell about it."""

    def __init__(self) -> None:
        self.steps = 0
        self.drawn: list[str] = []
        self.done = False

    @workflow.signal("finish")
    def finish(self) -> None:
        self.done = True

    @workflow.query("steps")
    def tell_steps(self) -> int:
        return self.steps

    @workflow.query("state")
    def tell_state(self, prefix: str, *more: Any) -> dict[str, Any]:
        return {"prefix": prefix, "more": list(more), "steps": self.steps}

    @workflow.query("raises")
    def raises(self) -> None:
        raise LookupError("no such thing")

    @workflow.query("silent")
    def raises_without_words(self) -> None:
        raise LookupError

    @workflow.query("later")
    async def answers_later(self) -> str:
        await asyncio.sleep(0)
        return f"{self.steps} steps"

    @workflow.query("object")
    def returns_an_object(self) -> Any:
        return object()

    @workflow.query("long")
    def tells_at_length(self, characters: int) -> str:
        return "x" * characters

    @workflow.query("meddles")
    def meddles(self) -> int:
        self.steps += 100
        return self.steps

    def run(self, ctx: WorkflowContext, count: int, ends: str = "returns") -> Steps:
        for number in range(count):
            yield ctx.schedule_activity("echo", [number])
            self.steps += 1
        yield ctx.wait_condition(lambda: self.done, key="finish")
        if ends == "raises":
            raise ValueError("the end")
        return self.steps


@workflow.defn(name="slow-answers")
class SlowAnswers:
    """Stand in an activity, so that the run never waits for signals."""

    def __init__(self) -> None:
        self.at = "start"

    @workflow.query("at")
    def tell(self) -> str:
        return self.at

    def run(self, ctx: WorkflowContext, name: str) -> Steps:
        self.at = "activity"
        try:
            yield ctx.schedule_activity("later", [1, name, None])
        except ActivityFailed:
            self.at = "failed"
        yield ctx.sleep(60)


@every_cache
async def test_running_and_closed_runs_answer(scene: Scene) -> None:
    async def once() -> None:
        handle = await scene.start("answers", 3)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        for _ in range(3):
            assert await handle.query("steps") == 3
            told = await handle.query("state", ["p", {"x": 1}, None])
            assert told == {"prefix": "p", "more": [{"x": 1}, None], "steps": 3}
        events = await scene.types(handle)
        await handle.signal("finish")
        assert await scene.result(handle) == 3
        assert await handle.query("steps") == 3
        # Nothing of it is history.
        assert (await scene.types(handle))[: len(events)] == events

    async with scene.working(Answers):
        await scene.several(once)


@every_cache
async def test_failed_run_answers_from_where_it_failed(scene: Scene) -> None:
    async with scene.working(Answers):
        handle = await scene.start("answers", 2, "raises")
        await handle.signal("finish")
        await eventually(lambda: scene.describe(handle), lambda seen: seen["status"] == "failed")
        assert await handle.query("steps") == 2


async def test_terminated_run_answers(scene: Scene) -> None:
    async with scene.working(Answers):
        handle = await scene.start("answers", 2)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.terminate()
        assert await handle.query("steps") == 2


@every_cache
async def test_state_while_an_activity_runs(scene: Scene) -> None:
    async with scene.working(SlowAnswers):
        handle = await scene.start("slow-answers", "slow")
        await scene.until(handle, lambda seen: "ActivityStarted" in seen)
        assert await handle.query("at") == "activity"
        gate("slow").set()
        await scene.until(handle, lambda seen: "TimerScheduled" in seen)
        assert await handle.query("at") == "activity"


@every_cache
@pytest.mark.parametrize(
    ("name", "reason", "says"),
    [
        ("nothing", "rejected_unknown_query", "unknown query 'nothing'"),
        ("raises", "query_rejected", "no such thing"),
        ("silent", "query_rejected", ""),
        ("object", "query_result_encode_failed", ""),
    ],
)
async def test_refusals_have_a_reason_and_harm_nothing(
    scene: Scene, name: str, reason: str, says: str
) -> None:
    async with scene.working(Answers):
        handle = await scene.start("answers", 1)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(QueryFailed) as refused:
            await handle.query(name)
        assert refused.value.reason == reason
        assert says in str(refused.value)
        assert await handle.query("steps") == 1
        await handle.signal("finish")
        assert await scene.result(handle) == 1


async def test_wrong_arguments_are_refused(scene: Scene) -> None:
    async with scene.working(Answers):
        handle = await scene.start("answers", 1)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(QueryFailed, match="argument"):
            await handle.query("state")


@every_cache
async def test_awaitable_answer_is_awaited(scene: Scene) -> None:
    async with scene.working(Answers):
        handle = await scene.start("answers", 1)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        assert await handle.query("later") == "1 steps"


@every_cache
async def test_query_that_meddles_changes_nothing(scene: Scene) -> None:
    async with scene.working(Answers):
        handle = await scene.start("answers", 1)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        assert [await handle.query("meddles") for _ in range(2)] == [101, 101]
        await handle.signal("finish")
        assert await scene.result(handle) == 1


async def test_raw_answer_is_the_document(scene: Scene) -> None:
    async with scene.working(Answers):
        handle = await scene.start("answers", 0)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        document = await handle.query("steps", raw=True)
        assert document["result"] == 0
        assert document["query_name"] == "steps"
        assert document["result_envelope"]["codec"] == "avro"


async def test_an_answer_may_be_as_large_as_a_payload(scene: Scene) -> None:
    async with scene.working(Answers):
        handle = await scene.start("answers", 0)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        document = await handle.query("long", [1_400_000], raw=True)
        assert len(document["result"]) == 1_400_000
        assert len(await handle.query("long", [1_400_000])) == 1_400_000
        with pytest.raises(QueryFailed, match="external storage"):
            await handle.query("long", [1_700_000])


async def test_no_worker_is_said_at_once(scene: Scene) -> None:
    handle = await scene.start("answers", 1)
    with pytest.raises(QueryFailed) as refused:
        await handle.query("steps")
    assert refused.value.reason == "query_worker_unavailable"
    assert refused.value.status == 409
    said = "No live worker of task queue 'language' answers queries of workflow type 'answers'"
    assert said in str(refused.value)


async def test_worker_without_the_type_is_none(scene: Scene) -> None:
    async with scene.working(SlowAnswers):
        handle = await scene.start("answers", 1)
        with pytest.raises(QueryFailed) as refused:
            await handle.query("steps")
        assert refused.value.reason == "query_worker_unavailable"


async def test_answer_that_never_comes_is_a_timeout(tmp_path: Path) -> None:
    plain = Settings()
    services = msgspec.structs.replace(plain.services, query_timeout_seconds=0.5)
    settings = msgspec.structs.replace(plain, services=services)
    async with open_scene(tmp_path / "state.db", settings=settings) as scene:
        handle = await scene.start("answers", 1)
        # Registered like a worker, and never seen again.
        await scene.client.register_worker(
            worker_id="gone",
            task_queue=QUEUE,
            supported_workflow_types=["answers"],
            capabilities=["query_tasks"],
        )
        with pytest.raises(QueryFailed) as refused:
            await handle.query("steps")
        assert refused.value.status == 504
        assert refused.value.reason == "query_worker_timeout"


async def test_many_queries_at_once(scene: Scene) -> None:
    async with scene.working(Answers):
        handles = [await scene.start("answers", number) for number in range(5)]
        for handle in handles:
            await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        asked = [handle.query("steps") for handle in handles for _ in range(10)]
        assert await asyncio.gather(*asked) == [n for n in range(5) for _ in range(10)]
