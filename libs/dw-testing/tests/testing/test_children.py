# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
"""Child workflows: canned, functions, and classes whose code is run."""

from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import ChildWorkflowFailed
from durable_workflow.testing import WorkflowEnvironment
from durable_workflow.workflow import ChildWorkflowRetryPolicy, WorkflowContext

Code = Generator[Any, Any, Any]


@workflow.defn(name="parent")
class Parent:
    def run(self, ctx: WorkflowContext, *args: Any) -> Code:
        return (yield ctx.start_child_workflow("child", list(args)))


@workflow.defn(name="careful-parent")
class CarefulParent:
    def run(self, ctx: WorkflowContext, attempts: int, timeout: int | None = None) -> Code:
        started = ctx.now()
        policy = ChildWorkflowRetryPolicy(max_attempts=attempts)
        try:
            return (
                yield ctx.start_child_workflow(
                    "child", [], retry_policy=policy, run_timeout_seconds=timeout
                )
            )
        except ChildWorkflowFailed as error:
            return [str(error), error.exception_class, (ctx.now() - started).total_seconds()]


@workflow.defn(name="child")
class Child:
    def run(self, ctx: WorkflowContext, links: int = 0) -> Code:
        yield ctx.sleep(3600)
        found = yield ctx.schedule_activity("one", [links])
        if links:
            return ctx.continue_as_new(links - 1)
        return found


@pytest.fixture
def env() -> WorkflowEnvironment:
    return WorkflowEnvironment()


def test_a_canned_result(env: WorkflowEnvironment) -> None:
    env.register_child_workflow_result("child", ("a",))
    assert env.execute_workflow(Parent, 1) == ["a"]


def test_a_function(env: WorkflowEnvironment) -> None:
    env.register_child_workflow("child", lambda number: number + 1)
    assert env.execute_workflow(Parent, 1) == 2


def test_a_missing_child_is_a_key_error(env: WorkflowEnvironment) -> None:
    with pytest.raises(KeyError, match="no mock for child workflow 'child'"):
        env.execute_workflow(Parent)


def test_a_function_that_raises_fails_the_child(env: WorkflowEnvironment) -> None:
    calls: list[int] = []

    def child() -> None:
        calls.append(1)
        raise ValueError("no")

    env.register_child_workflow("child", child)
    assert env.execute_workflow(CarefulParent, 3) == ["no", "ValueError", 1.0 + 2.0]
    assert len(calls) == 3


def test_each_run_of_a_child_has_one_id_in_every_event(env: WorkflowEnvironment) -> None:
    env.register_workflow(Child)
    env.register_activity_result("one", "done")
    env.fail_next_activity("one")
    env.execute_workflow(CarefulParent, 2)
    events = [event for event in env.runs[0].history if "Child" in event["event_type"]]
    named = [(event["event_type"], event["payload"]["child_workflow_run_id"]) for event in events]
    first = "test-run/child-1"
    assert named == [
        ("ChildWorkflowScheduled", first),
        ("ChildRunStarted", first),
        ("ChildRunStarted", f"{first}-2"),
        ("ChildRunCompleted", f"{first}-2"),
    ]


def test_a_class_is_run(env: WorkflowEnvironment) -> None:
    env.register_workflow(Child)
    env.register_activity("one", lambda links: f"done {links}")
    assert env.execute_workflow(Parent, 2) == "done 0"
    assert env.run_count == 1  # the parent's


def test_a_class_that_fails_is_retried(env: WorkflowEnvironment) -> None:
    env.register_workflow(Child)
    env.register_activity_result("one", "done")
    env.fail_next_activity("one", times=2)
    assert env.execute_workflow(CarefulParent, 3) == "done"


def test_a_child_that_takes_too_long_is_timed_out(env: WorkflowEnvironment) -> None:
    env.register_workflow(Child)
    env.register_activity_result("one", "done")
    [message, _, after] = env.execute_workflow(CarefulParent, 1, 60)
    assert "run timeout" in message
    assert after == 60.0
