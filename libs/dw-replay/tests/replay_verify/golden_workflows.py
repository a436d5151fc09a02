"""The workflows of the golden histories that an old release recorded."""

from collections.abc import Generator
from typing import Any

from durable_workflow import workflow
from durable_workflow.errors import ChildWorkflowFailed
from durable_workflow.workflow import WorkflowContext


@workflow.defn(name="golden.single-activity")
class SingleActivity:
    def run(self, ctx: WorkflowContext, name: str) -> Generator[Any, Any, Any]:
        return (yield ctx.schedule_activity("golden.greet", [name]))


@workflow.defn(name="golden.signal-wait")
class SignalWait:
    def __init__(self) -> None:
        self.by: str | None = None

    @workflow.signal("approve")
    def approve(self, by: str) -> None:
        self.by = by

    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, Any]:
        if not (yield ctx.wait_condition(lambda: self.by is not None, key="approval", timeout=30)):
            return "timed-out"
        result = yield ctx.schedule_activity("golden.notify", [self.by])
        return {"approved_by": self.by, "activity_result": result}


@workflow.defn(name="golden.timeout-wait")
class TimeoutWait:
    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, Any]:
        satisfied = yield ctx.wait_condition(lambda: False, key="approval", timeout=5)
        return "satisfied" if satisfied else "timed-out"


@workflow.defn(name="golden.version-marker")
class VersionMarker:
    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, Any]:
        version = yield ctx.get_version("golden-version", 1, 2)
        path = "golden.version-new-path" if version >= 2 else "golden.version-old-path"
        return (yield ctx.schedule_activity(path, []))


@workflow.defn(name="golden.saga-compensation")
class Saga:
    def run(self, ctx: WorkflowContext, order_id: str) -> Generator[Any, Any, Any]:
        reserved = yield ctx.schedule_activity("golden.reserve-inventory", [order_id])
        try:
            charged = yield ctx.start_child_workflow("golden.charge-customer", [order_id, reserved])
        except ChildWorkflowFailed as error:
            return (
                yield ctx.schedule_activity(
                    "golden.release-inventory", [order_id, reserved, str(error)]
                )
            )
        return [reserved, charged]


WORKFLOWS: list[type] = [SingleActivity, SignalWait, TimeoutWait, VersionMarker, Saga]


def workflows() -> list[type]:
    return WORKFLOWS
