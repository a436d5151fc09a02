"""What the tests of a program may do with dw-testing."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from durable_workflow import activity, workflow
from durable_workflow.testing import ActivityEnvironment, WorkflowEnvironment, WorkflowRunRecord


@activity.defn(name="double")
def double(number: int) -> int:
    return 2 * number


@workflow.defn(name="later")
class Later:
    def run(self, ctx: workflow.WorkflowContext, number: int) -> Generator[Any, Any, int]:
        yield ctx.sleep(3600)
        doubled: int = yield ctx.schedule_activity("double", [number])
        return doubled


def test_later() -> None:
    env = WorkflowEnvironment()
    env.register_activities(double)
    assert env.execute_workflow(Later, 21) == 42
    record: WorkflowRunRecord = env.runs[0]
    assert record.input == [21]


def test_step_by_step() -> None:
    env = WorkflowEnvironment()
    env.register_activity_result("double", 42, takes=timedelta(minutes=5))
    run = env.start_workflow(Later, 21)
    run.advance(timedelta(minutes=64))
    assert not run.is_closed
    assert run.result() == 42


def test_double() -> None:
    result: int = ActivityEnvironment().run(double, 21)
    assert result == 42


if __name__ == "__main__":
    test_later()
    test_step_by_step()
    test_double()
