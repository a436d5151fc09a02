"""The workflows that are measured: one activity, and many in sequence."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from durable_workflow import activity, workflow
from durable_workflow.workflow import WorkflowContext

Steps = Generator[Any, Any, Any]


@activity.defn(name="echo")
async def echo(value: Any) -> Any:
    return value


@workflow.defn(name="one-activity")
class OneActivity:
    def run(self, ctx: WorkflowContext, value: Any) -> Steps:
        result = yield ctx.schedule_activity("echo", [value])
        return result


@workflow.defn(name="sequence")
class Sequence:
    def run(self, ctx: WorkflowContext, count: int) -> Steps:
        for number in range(count):
            yield ctx.schedule_activity("echo", [number])
        return count


@workflow.defn(name="fan")
class Fan:
    def run(self, ctx: WorkflowContext, width: int) -> Steps:
        results = yield [ctx.schedule_activity("echo", [number]) for number in range(width)]
        return len(results)


@workflow.defn(name="listener")
class Listener:
    """Has some history behind it, and then answers queries and updates until it is told to end."""

    def __init__(self) -> None:
        self.updates = 0
        self.over = False

    @workflow.query("updates")
    def asked(self) -> int:
        return self.updates

    @workflow.update("count")
    def count(self) -> int:
        self.updates += 1
        return self.updates

    @workflow.signal("end")
    def end(self) -> None:
        self.over = True

    def run(self, ctx: WorkflowContext, steps: int) -> Steps:
        for number in range(steps):
            yield ctx.schedule_activity("echo", [number])
        yield ctx.wait_condition(lambda: self.over, key="end")
        return steps


WORKFLOWS = [OneActivity, Sequence, Fan, Listener]
ACTIVITIES = [echo]
