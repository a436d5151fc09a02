"""Faults that a test injects."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from durable_workflow import activity, workflow
from durable_workflow.errors import ActivityFailed
from durable_workflow.testing import WorkflowEnvironment
from durable_workflow.workflow import ActivityRetryPolicy, WorkflowContext

Code = Generator[Any, Any, Any]


@workflow.defn(name="stubborn")
class Stubborn:
    def run(self, ctx: WorkflowContext) -> Code:
        policy = ActivityRetryPolicy(max_attempts=3)
        try:
            return (yield ctx.schedule_activity("one", [], retry_policy=policy))
        except ActivityFailed as error:
            return f"{error.failure_category}: {error}"


@pytest.fixture
def env() -> WorkflowEnvironment:
    return WorkflowEnvironment()


@pytest.fixture
def calls(env: WorkflowEnvironment) -> list[str]:
    calls: list[str] = []

    def one() -> str:
        calls.append("called")
        return "done"

    env.register_activity("one", one)
    return calls


def test_the_next_attempts_fail(env: WorkflowEnvironment, calls: list[str]) -> None:
    env.fail_next_activity("one", times=2)
    assert env.execute_workflow(Stubborn) == "done"
    assert calls == ["called"]


def test_they_fail_with_the_error_that_is_given(env: WorkflowEnvironment, calls: list[str]) -> None:
    env.fail_next_activity("one", ConnectionError("away"), times=3)
    assert env.execute_workflow(Stubborn) == "activity: away"
    assert calls == []


def test_the_next_attempts_time_out(env: WorkflowEnvironment, calls: list[str]) -> None:
    env.time_out_next_activity("one", times=3)
    assert env.execute_workflow(Stubborn) == (
        "timeout: Activity one exceeded its start_to_close timeout."
    )
    env.time_out_next_activity("one", "schedule_to_close")
    assert env.execute_workflow(Stubborn).endswith("schedule_to_close timeout.")
    assert calls == []


def test_an_attempt_is_told_what_the_one_before_reported_last(env: WorkflowEnvironment) -> None:
    told: list[Any] = []

    def one() -> str:
        context = activity.context()
        told.append(context.info.heartbeat_details)
        if len(told) == 1:
            context.heartbeat_sync({"row": 1})
            context.heartbeat_sync({"row": 2})
            context.heartbeat_sync()
            raise RuntimeError("halfway")
        if len(told) == 2:
            env.kill_worker()
        return "done"

    env.register_activity("one", one)
    assert env.execute_workflow(Stubborn) == "done"
    assert told == [None, {"row": 2}, {"row": 2}]


def test_faults_are_checked(env: WorkflowEnvironment) -> None:
    with pytest.raises(ValueError, match="kind must be one of"):
        env.time_out_next_activity("one", "soon")
    with pytest.raises(ValueError, match="times must be at least 1"):
        env.fail_next_activity("one", times=0)


def test_an_attempt_whose_worker_dies_is_made_again(env: WorkflowEnvironment) -> None:
    calls: list[str] = []

    def one() -> str:
        calls.append("called")
        if len(calls) == 1:
            env.kill_worker()
        return f"done {len(calls)}"

    env.register_activity("one", one)
    assert env.execute_workflow(Stubborn) == "done 2"


def test_a_workflow_whose_worker_dies_is_rebuilt_from_history() -> None:
    begun: list[str] = []

    @workflow.defn(name="long")
    class Long:
        def run(self, ctx: WorkflowContext) -> Code:
            begun.append("begun")
            yield ctx.sleep(10)
            yield ctx.sleep(10)
            return "done"

    env = WorkflowEnvironment(check_determinism=False)
    env.after(timedelta(seconds=5), lambda run: run.kill_worker())
    assert env.execute_workflow(Long) == "done"
    assert begun == ["begun", "begun"]
