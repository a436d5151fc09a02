"""What a program may do with dw-core alone."""

from collections.abc import Generator
from typing import Any, assert_type

import durable_workflow
from durable_workflow import ActivityRetryPolicy, activity, workflow
from durable_workflow.errors import DurableWorkflowError, WorkflowFailed
from durable_workflow.workflow import WorkflowContext


@activity.defn(name="double")
def double(number: int) -> int:
    return 2 * number


@workflow.defn(name="doubler")
class Doubler:
    def run(self, ctx: WorkflowContext, number: int) -> Generator[Any, Any, int]:
        doubled: int = yield ctx.schedule_activity("double", [number])
        return doubled


assert_type(durable_workflow.__version__, str)
assert_type(double(2), int)
assert_type(ActivityRetryPolicy().max_attempts, int)
failure: DurableWorkflowError = WorkflowFailed("no")
