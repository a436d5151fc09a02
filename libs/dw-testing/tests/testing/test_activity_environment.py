"""One activity with a context."""

import asyncio
from typing import Any

import pytest

from durable_workflow import activity
from durable_workflow.activity import ActivityInfo
from durable_workflow.errors import ActivityCancelled
from durable_workflow.testing import ActivityEnvironment


@activity.defn(name="count")
def count(to: int) -> str:
    for number in range(to):
        activity.context().heartbeat_sync({"number": number})
    return f"{activity.context().info.activity_type} {to}"


@activity.defn(name="count_async")
async def count_async(to: int) -> str:
    for number in range(to):
        await activity.context().heartbeat({"number": number})
        await asyncio.sleep(0)
    return f"{activity.context().info.activity_type} {to}"


def test_a_plain_function_is_run() -> None:
    env = ActivityEnvironment()
    assert env.run(count, 2) == "count 2"
    assert env.heartbeats == [{"number": 0}, {"number": 1}]


async def test_a_coroutine_function_is_awaited() -> None:
    env = ActivityEnvironment()
    assert await env.run(count_async, 2) == "count_async 2"
    assert env.heartbeats == [{"number": 0}, {"number": 1}]


async def test_a_plain_function_is_run_in_a_test_that_is_a_coroutine() -> None:
    assert ActivityEnvironment().run(count, 2) == "count 2"


async def test_the_context_is_gone_afterwards() -> None:
    env = ActivityEnvironment()
    env.run(count, 1)
    await env.run(count_async, 1)
    with pytest.raises(RuntimeError, match="outside of an activity"):
        activity.context()


def test_info_is_made_up_or_given() -> None:
    def attempt() -> int:
        return activity.context().info.attempt_number

    info = ActivityInfo("task", "other", "attempt", 7, "queue", "worker")
    assert ActivityEnvironment().run(attempt) == 1
    assert ActivityEnvironment(attempt_number=3).run(attempt) == 3
    assert ActivityEnvironment(info=info).run(attempt) == 7


def test_an_attempt_begins_where_the_one_before_was() -> None:
    @activity.defn(name="resumes")
    def resumes() -> int:
        before = activity.context().info.heartbeat_details or {"row": 0}
        row = int(before["row"]) + 1
        activity.context().heartbeat_sync({"row": row})
        return row

    assert ActivityEnvironment().run(resumes) == 1
    env = ActivityEnvironment(attempt_number=2, heartbeat_details={"row": 6})
    assert env.run(resumes) == 7
    assert env.heartbeats == [{"row": 7}]


def test_it_is_cancelled_on_demand() -> None:
    env = ActivityEnvironment()

    def on_heartbeat(details: dict[str, Any] | None) -> None:
        if details == {"number": 1}:
            env.cancel()

    env.on_heartbeat = on_heartbeat
    with pytest.raises(ActivityCancelled):
        env.run(count, 5)
    assert len(env.heartbeats) == 2


async def test_a_coroutine_sees_that_it_is_cancelled() -> None:
    seen: list[bool] = []

    async def cleans_up() -> None:
        try:
            await activity.context().heartbeat()
        finally:
            seen.append(activity.context().is_cancelled)

    env = ActivityEnvironment()
    env.cancel()
    with pytest.raises(ActivityCancelled):
        await env.run(cleans_up)
    assert seen == [True]


def test_a_plain_function_sees_that_it_is_cancelled() -> None:
    def looks() -> bool:
        try:
            activity.context().heartbeat_sync()
        except ActivityCancelled:
            return activity.context().is_cancelled
        return False

    env = ActivityEnvironment()
    env.cancel()
    assert env.run(looks) is True


def test_details_that_are_not_json_are_refused() -> None:
    def beats() -> None:
        activity.context().heartbeat_sync({"at": object()})

    with pytest.raises(TypeError):
        ActivityEnvironment().run(beats)


async def test_a_coroutine_may_not_block_the_loop() -> None:
    async def blocks() -> None:
        activity.context().heartbeat_sync()

    with pytest.raises(RuntimeError, match="await heartbeat"):
        await ActivityEnvironment().run(blocks)
