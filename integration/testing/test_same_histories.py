"""The environment records what the real server records, and code sees the same in both."""

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest

from durable_workflow import Client, activity, workflow
from durable_workflow.errors import ActivityFailed, WorkflowFailed
from durable_workflow.testing import RunningWorker, WorkflowEnvironment, WorkflowTestServer
from durable_workflow.workflow import ActivityRetryPolicy, WorkflowContext

Code = Generator[Any, Any, Any]
StartWorker = Callable[..., RunningWorker]
HOUR = 3600

# What the server writes besides, and what one of the two has no word for.
ONLY_SERVER = {"StartAccepted", "ActivityHeartbeatRecorded"}
# Ids, times and snapshots differ; what is left must be the same.
COMPARED = {
    "activity_type", "attempt_number", "condition_key", "delay_seconds", "exception_type",
    "message", "non_retryable", "retry_backoff_seconds", "max_attempts", "timeout_kind",
    "timer_kind", "timeout_seconds", "signal_name", "update_name", "change_id", "version",
    "attributes", "failure_category", "workflow_type", "child_workflow_type", "clock",
}  # fmt: skip


@activity.defn(name="same-double")
def double(number: int) -> int:
    return 2 * number


@activity.defn(name="same-fails")
def fails() -> None:
    raise ValueError("no")


@workflow.defn(name="same-child")
class Child:
    def run(self, ctx: WorkflowContext, number: int) -> Code:
        yield ctx.sleep(HOUR)
        return (yield ctx.schedule_activity("same-double", [number]))


@workflow.defn(name="same-steps")
class Steps:
    """One of each step."""

    def run(self, ctx: WorkflowContext) -> Code:
        started = ctx.now()
        yield ctx.side_effect(lambda: 7)
        yield ctx.get_version("change", 1, 2)
        yield ctx.upsert_search_attributes({"Region": "eu"})
        doubled = yield [
            ctx.schedule_activity("same-double", [1]),
            ctx.sleep(2 * HOUR),
            ctx.schedule_activity("same-double", [2]),
        ]
        child = yield ctx.start_child_workflow("same-child", [3])
        try:
            yield ctx.schedule_activity(
                "same-fails",
                [],
                retry_policy=ActivityRetryPolicy(max_attempts=3, backoff_seconds=[HOUR]),
            )
            failure = None
        except ActivityFailed as error:
            failure = [error.exception_type, str(error), error.non_retryable]
        timed_out = yield ctx.wait_condition(lambda: False, key="never", timeout=HOUR)
        hours = (ctx.now() - started) / timedelta(hours=1)
        return [doubled, child, failure, timed_out, round(hours, 3)]


@workflow.defn(name="same-waits")
class Waits:
    """Waits that signals and an update satisfy."""

    def __init__(self) -> None:
        self.words: list[str] = []

    @workflow.signal("say")
    def say(self, word: str) -> None:
        self.words.append(word)

    @workflow.update("add")
    def add(self, word: str) -> int:
        self.words.append(word)
        return len(self.words)

    def run(self, ctx: WorkflowContext) -> Code:
        yield ctx.wait_condition(lambda: len(self.words) >= 2, key="two", timeout=HOUR)
        yield ctx.wait_condition(lambda: len(self.words) >= 3, key="three")
        if "fail" in self.words:
            raise ValueError("told to")
        return self.words


def shown(events: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Events without what may differ."""
    return [
        (
            event["event_type"],
            {key: value for key, value in event["payload"].items() if key in COMPARED and value},
        )
        for event in events
        if event["event_type"] not in ONLY_SERVER
    ]


def environment() -> WorkflowEnvironment:
    env = WorkflowEnvironment()
    env.register_activities(double, fails)
    env.register_workflow(Child)
    return env


async def start(client: Client, workflow_type: str) -> Any:
    return await client.start_workflow(
        workflow_type=workflow_type, task_queue="default", workflow_id=workflow_type, input=[]
    )


async def recorded(client: Client, handle: Any) -> list[tuple[str, dict[str, Any]]]:
    execution = await client.describe_workflow(handle.workflow_id)
    history = await client.get_history(handle.workflow_id, run_id=execution.run_id or "")
    return shown(history["events"])


async def test_steps(dw_client: Client, dw_worker: StartWorker) -> None:
    env = environment()
    expected = env.execute_workflow(Steps)
    async with dw_worker(workflows=[Steps, Child], activities=[double, fails]):
        handle = await start(dw_client, "same-steps")
        assert await handle.result(timeout=30) == expected
        assert await recorded(dw_client, handle) == shown(env.runs[0].history)


@pytest.mark.parametrize("last", ["done", "fail"])
async def test_waits(
    dw_server: WorkflowTestServer, dw_client: Client, dw_worker: StartWorker, last: str
) -> None:
    env = environment()
    run = env.start_workflow(Waits)
    run.signal("say", ["a"])
    assert run.update("add", ["b"]) == 2
    run.signal("say", [last])
    async with dw_worker(workflows=[Waits]):
        handle = await start(dw_client, "same-waits")
        await dw_server.advance(0)
        await handle.signal("say", ["a"])
        await dw_server.advance(0)
        assert await handle.update("add", ["b"], wait_for="completed") == 2
        await dw_server.advance(0)
        await handle.signal("say", [last])
        try:
            assert await handle.result(timeout=30) == run.result()
        except WorkflowFailed as error:
            with pytest.raises(WorkflowFailed, match=str(error)):
                run.result()
        assert await recorded(dw_client, handle) == shown(env.runs[0].history)
