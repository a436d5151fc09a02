"""Activities as the workflow sees them: options, policies, failures, heartbeats."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import ActivityFailed, ActivityRetryPolicy, workflow
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.activities import ACTIVITIES, seen
from integration.language.scene import DEFAULT_CACHE, Scene, payloads_of

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)


@workflow.defn(name="calls")
class Calls:
    """Call an activity with options, and return what became of it."""

    def run(
        self, ctx: WorkflowContext, name: str, arguments: list[Any], options: dict[str, Any]
    ) -> Steps:
        if "retry" in options:
            options["retry_policy"] = ActivityRetryPolicy(**options.pop("retry"))
        try:
            result = yield ctx.schedule_activity(name, arguments, **options)
        except ActivityFailed as error:
            return {
                "says": str(error),
                "type": error.exception_type,
                "activity_type": error.activity_type,
                "category": error.failure_category,
                "non_retryable": error.non_retryable,
            }
        return {"returned": result}


@workflow.defn(name="compensates")
class Compensates:
    """A saga: what was done is undone when a later step fails."""

    def run(self, ctx: WorkflowContext) -> Steps:
        done = [(yield ctx.schedule_activity("echo", ["reserved"]))]
        try:
            done.append((yield ctx.schedule_activity("fails", ["no money"])))
        except ActivityFailed as error:
            done.append((yield ctx.schedule_activity("echo", [f"released: {error}"])))
        return done


@workflow.defn(name="lets-through")
class LetsThrough:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("fails", ["all the way"])


@every_cache
async def test_policy_object_retries_until_it_answers(scene: Scene) -> None:
    policy = {"max_attempts": 3, "initial_interval_seconds": 0}
    async with scene.working(Calls):
        handle = await scene.start("calls", "fails-until", [3], {"retry": policy})
        assert await scene.result(handle) == {"returned": 3}
    events = await scene.history(handle)
    assert len(payloads_of(events, "ActivityRetryScheduled")) == 2
    assert len(payloads_of(events, "ActivityStarted")) == 3


async def test_an_attempt_goes_on_from_the_heartbeats_of_the_one_before(scene: Scene) -> None:
    policy = {"max_attempts": 5, "initial_interval_seconds": 0}
    async with scene.working(Calls):
        assert await scene.outcome("calls", "resumes", [3], {"retry": policy}) == {
            "returned": [3, 2]
        }


async def test_policy_is_expanded_into_its_pauses(scene: Scene) -> None:
    policy = {
        "max_attempts": 4,
        "initial_interval_seconds": 1,
        "backoff_coefficient": 2,
        "maximum_interval_seconds": 3,
        "non_retryable_error_types": [" ValidationError ", ""],
    }
    async with scene.working(Calls):
        handle = await scene.start("calls", "echo", [1], {"retry": policy})
        await scene.result(handle)
    scheduled = payloads_of(await scene.history(handle), "ActivityScheduled")[0]
    recorded = scheduled["activity"]["retry_policy"]
    assert recorded["max_attempts"] == 4
    assert recorded["backoff_seconds"] == [1, 2, 3]
    assert recorded["non_retryable_error_types"] == ["ValidationError"]


@pytest.mark.parametrize(("attempts", "kept"), [(34, 33), (100, 99), (1000, 33)])
async def test_waits_may_double_for_as_many_attempts_as_are_asked(
    scene: Scene, attempts: int, kept: int
) -> None:
    async with scene.working(Calls):
        handle = await scene.start("calls", "echo", [1], {"retry": {"max_attempts": attempts}})
        assert await scene.result(handle) == {"returned": 1}
    scheduled = payloads_of(await scene.history(handle), "ActivityScheduled")[0]
    waits = scheduled["activity"]["retry_policy"]["backoff_seconds"]
    assert (waits[:3], waits[-1], len(waits)) == ([1, 2, 4], 100 * 366 * 86_400, kept)


@every_cache
async def test_failure_without_a_policy_is_final(scene: Scene) -> None:
    async with scene.working(Calls):
        result = await scene.outcome("calls", "fails", ["broken"], {})
    assert result["says"] == "broken"
    assert result["type"] == "ValueError"
    assert result["activity_type"] == "fails"
    assert result["non_retryable"] is False


async def test_refusal_is_final_whatever_the_policy(scene: Scene) -> None:
    async with scene.working(Calls):
        handle = await scene.start("calls", "refuses", [], {"retry": {"max_attempts": 5}})
        assert (await scene.result(handle))["non_retryable"] is True
    assert (await scene.types(handle)).count("ActivityStarted") == 1


async def test_options_reach_the_server(scene: Scene) -> None:
    options = {
        "start_to_close_timeout": 20,
        "schedule_to_start_timeout": 30,
        "schedule_to_close_timeout": 40,
        "heartbeat_timeout": 10,
        "queue": "elsewhere",
    }
    async with scene.working(Calls), scene.working(task_queue="elsewhere", activities=ACTIVITIES):
        handle = await scene.start("calls", "describes", [], options)
        returned = (await scene.result(handle))["returned"]
    assert returned == {
        "activity_type": "describes",
        "attempt_number": 1,
        "task_queue": "elsewhere",
        "has_ids": True,
        "is_cancelled": False,
    }


@pytest.mark.parametrize(
    "options",
    [
        {"start_to_close_timeout": 0},
        {"start_to_close_timeout": 5, "heartbeat_timeout": 10},
        {"start_to_close_timeout": 50, "schedule_to_close_timeout": 10},
        {"retry_policy": {"max_attempts": 0}},
    ],
)
async def test_options_out_of_range_fail_the_task_with_a_reason(
    scene: Scene, options: dict[str, Any]
) -> None:
    async with scene.working(Calls):
        handle = await scene.start("calls", "echo", [1], options)
        other = await scene.start("calls", "echo", [1], {})
        error = await scene.task_error(handle)
        assert any(word in error for word in ("timeout", "max_attempts"))
        assert await scene.result(other) == {"returned": 1}
        await handle.terminate()


async def test_heartbeat_details_are_recorded(scene: Scene) -> None:
    async with scene.working(Calls):
        handle = await scene.start("calls", "beats", ["details"], {"heartbeat_timeout": 30})
        await scene.until(handle, lambda types: "ActivityHeartbeatRecorded" in types)
        beat = payloads_of(await scene.history(handle), "ActivityHeartbeatRecorded")[0]
        assert "beat" in repr(beat)
        await handle.terminate()
        await eventually(lambda: _end_of("details"), bool)


@pytest.mark.parametrize("end", ["cancel", "terminate"])
async def test_activity_of_an_ended_run_is_told_at_its_heartbeat(scene: Scene, end: str) -> None:
    async with scene.working(Calls):
        handle = await scene.start("calls", "beats", [end], {"heartbeat_timeout": 30})
        await eventually(lambda: _seen(end), bool)
        await getattr(handle, end)()
        ended = await eventually(lambda: _end_of(end), bool)
    assert ended == [("ActivityCancelled", True)]
    assert "ActivityCancelled" in await scene.types(handle)
    await scene.examine(handle)


async def _seen(name: str) -> list[Any]:
    return seen.get(name, [])


async def _end_of(name: str) -> list[Any]:
    return [each for each in seen.get(name, []) if each != "beat"]


@every_cache
async def test_caught_failure_is_compensated(scene: Scene) -> None:
    async def once() -> None:
        assert await scene.outcome("compensates") == ["reserved", "released: no money"]

    async with scene.working(Compensates):
        await scene.several(once)


async def test_failure_that_nobody_catches_fails_the_workflow(scene: Scene) -> None:
    async with scene.working(LetsThrough):
        handle = await scene.start("lets-through")
        described = await eventually(
            lambda: scene.describe(handle), lambda shown: bool(shown["is_terminal"])
        )
        assert described["failure"]["message"] == "all the way"
        await scene.examine(handle)
    failed = payloads_of(await scene.history(handle), "WorkflowFailed")
    assert failed[0]["exception_type"] == "ActivityFailed"


async def test_result_that_cannot_be_encoded_fails_the_activity(scene: Scene) -> None:
    async with scene.working(Calls):
        result = await scene.outcome("calls", "unencodable", [], {})
    assert "says" in result
    assert result["activity_type"] == "unencodable"


async def test_unknown_activity_type_fails_it_with_its_name(scene: Scene) -> None:
    async with scene.working(Calls, activities=[]):
        handle = await scene.start("calls", "nobody-has-this", [], {"queue": "nobody"})
        async with scene.working(task_queue="nobody", activities=[], worker_id="has-nothing"):
            result = await scene.result(handle)
    assert "nobody-has-this" in result["says"]
