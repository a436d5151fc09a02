"""Writing workflows and activities: decorators leave what they decorate as it was."""

from collections.abc import Callable, Generator
from typing import Any, assert_type

from durable_workflow import (
    ActivityRetryPolicy,
    ContinueAsNew,
    NonRetryableError,
    activity,
    workflow,
)
from durable_workflow.workflow import ScheduleActivity, StartTimer, WorkflowContext


@activity.defn(name="greet")
async def greet(name: str) -> dict[str, int]:
    return {name: len(name)}


@activity.defn(name="count")
def count(names: list[str]) -> int:
    if not names:
        raise NonRetryableError("nobody to count")
    return len(names)


@activity.defn(name="long_running_task")
async def long_running_task(items: list[str]) -> None:
    ctx = activity.context()
    assert_type(ctx.info.attempt_number, int)
    assert_type(ctx.info.task_queue, str)
    assert_type(ctx.is_cancelled, bool)
    await ctx.heartbeat({"progress": len(items)})


@workflow.defn(name="greeter")
class Greeter:
    def run(self, ctx: WorkflowContext, *args: Any) -> Generator[Any, Any, dict[str, int]]:
        result: dict[str, int] = yield ctx.schedule_activity(
            "greet",
            list(args),
            retry_policy=ActivityRetryPolicy(max_attempts=4, initial_interval_seconds=1),
            start_to_close_timeout=120,
        )
        yield ctx.start_timer(seconds=60)
        return result


@workflow.defn(name="polling")
class Polling:
    def run(
        self, ctx: WorkflowContext, iteration: int = 0
    ) -> Generator[Any, Any, ContinueAsNew | int]:
        done: bool = yield ctx.schedule_activity("poll_source", [])
        return iteration if done else ContinueAsNew(arguments=[iteration + 1])


async def decorated_functions_keep_their_types() -> None:
    assert_type(await greet("world"), dict[str, int])
    assert_type(count(["world"]), int)
    counting: Callable[[list[str]], int] = count
    counting([])
    assert_type(Greeter(), Greeter)


def commands_are_typed(ctx: WorkflowContext) -> None:
    assert_type(ctx.schedule_activity("greet", ["world"]), ScheduleActivity)
    assert_type(ctx.start_timer(60), StartTimer)


@workflow.defn(name="approval")
class Approval:
    @workflow.update("set_approval")
    def set_approval(self, approved: bool) -> dict[str, bool]:
        return {"approved": approved}

    @set_approval.validator
    def validate_set_approval(self, approved: bool) -> None:
        if not approved:
            raise ValueError("approved must be boolean")

    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, Any]:
        yield ctx.wait_condition(lambda: bool(self.set_approval(True)))
