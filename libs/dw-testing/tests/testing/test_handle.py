# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
"""A workflow that is driven step by step."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from durable_workflow import activity, workflow
from durable_workflow.errors import (
    ActivityCancelled,
    DurableWorkflowError,
    QueryFailed,
    UpdateRejected,
    WorkflowCancelled,
    WorkflowTerminated,
)
from durable_workflow.testing import WorkflowEnvironment, WorkflowTestHandle
from durable_workflow.workflow import WorkflowContext

Code = Generator[Any, Any, Any]


@workflow.defn(name="subscription")
class Subscription:
    def __init__(self) -> None:
        self.months = 0
        self.plan = "basic"
        self.ended = False

    @workflow.signal("end")
    def end(self) -> None:
        self.ended = True

    @workflow.query("state")
    def state(self, *fields: str) -> Any:
        return {field: getattr(self, field) for field in fields or ("months", "plan")}

    @workflow.update("change_plan")
    def change_plan(self, plan: str) -> Any:
        before, self.plan = self.plan, plan
        return {"before": before, "after": plan}

    @change_plan.validator
    def check_plan(self, plan: str) -> None:
        if plan == self.plan:
            raise ValueError(f"the plan is {plan} already")

    @workflow.update("break")
    def breaks(self) -> None:
        raise RuntimeError("broken")

    def run(self, ctx: WorkflowContext, months: int) -> Code:
        while self.months < months:
            if (yield ctx.wait_condition(lambda: self.ended, timeout=30 * 24 * 3600)):
                return f"ended in month {self.months}"
            yield ctx.schedule_activity("bill", [self.plan])
            self.months += 1
        return f"paid {self.months} months of {self.plan}"


@pytest.fixture
def bills() -> list[str]:
    return []


@pytest.fixture
def env(bills: list[str]) -> WorkflowEnvironment:
    env = WorkflowEnvironment()
    env.register_activity("bill", bills.append)
    return env


@pytest.fixture
def run(env: WorkflowEnvironment) -> WorkflowTestHandle:
    return env.start_workflow(Subscription, 12)


def test_nothing_happens_before_its_time(run: WorkflowTestHandle, bills: list[str]) -> None:
    started = run.now()
    run.advance(timedelta(days=30) - timedelta(seconds=1))
    assert bills == []
    run.advance(1)
    assert bills == ["basic"]
    assert run.now() == started + timedelta(days=30)
    assert not run.is_closed


def test_advancing_goes_past_everything_that_falls_due(
    run: WorkflowTestHandle, bills: list[str]
) -> None:
    run.advance(timedelta(days=30 * 5))
    assert len(bills) == 5
    run.advance(timedelta(days=1000))
    assert run.is_closed
    assert run.result() == "paid 12 months of basic"


def test_it_is_queried_at_any_time(run: WorkflowTestHandle) -> None:
    run.advance(timedelta(days=61))
    assert run.query("state") == {"months": 2, "plan": "basic"}
    assert run.query("state", ["plan"]) == {"plan": "basic"}
    run.result()
    assert run.query("state")["months"] == 12


def test_queries_that_cannot_be_answered(run: WorkflowTestHandle) -> None:
    with pytest.raises(QueryFailed, match="unknown query 'nothing'"):
        run.query("nothing")
    with pytest.raises(QueryFailed, match="no attribute 'nothing'"):
        run.query("state", ["nothing"])


def test_an_update_changes_it_and_is_answered(run: WorkflowTestHandle, bills: list[str]) -> None:
    assert run.update("change_plan", ["pro"]) == {"before": "basic", "after": "pro"}
    run.advance(timedelta(days=30))
    assert bills == ["pro"]
    assert run.result() == "paid 12 months of pro"


def test_an_update_that_its_validator_refuses_leaves_nothing(run: WorkflowTestHandle) -> None:
    before = run.history
    with pytest.raises(UpdateRejected, match="the plan is basic already"):
        run.update("change_plan", ["basic"])
    assert run.history == before


@pytest.mark.parametrize(
    ("name", "message"), [("break", "broken"), ("nothing", "unknown update 'nothing'")]
)
def test_an_update_that_fails_says_why(run: WorkflowTestHandle, name: str, message: str) -> None:
    with pytest.raises(DurableWorkflowError, match=message):
        run.update(name)
    assert run.update("change_plan", ["pro"])
    assert run.result() == "paid 12 months of pro"


def test_a_signal_is_answered_at_once(run: WorkflowTestHandle) -> None:
    run.advance(timedelta(days=31))
    run.signal("end")
    assert run.is_closed
    assert run.result() == "ended in month 1"


def test_updates_and_queries_come_at_chosen_moments(env: WorkflowEnvironment) -> None:
    seen: list[Any] = []
    env.after(timedelta(days=45), lambda run: run.update("change_plan", ["pro"]))
    env.after(timedelta(days=100), lambda run: seen.append(run.query("state")))
    assert env.execute_workflow(Subscription, 4) == "paid 4 months of pro"
    assert seen == [{"months": 3, "plan": "pro"}]


def test_a_mock_may_ask_its_workflow(env: WorkflowEnvironment) -> None:
    seen: list[Any] = []
    env.register_activity("bill", lambda _: seen.append(env.query("state")["months"]))
    env.execute_workflow(Subscription, 3)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    ("method", "error", "last"),
    [
        ("cancel", WorkflowCancelled, "WorkflowCancelled"),
        ("terminate", WorkflowTerminated, "WorkflowTerminated"),
    ],
)
def test_it_is_closed_from_outside(
    env: WorkflowEnvironment,
    run: WorkflowTestHandle,
    method: str,
    error: type[BaseException],
    last: str,
) -> None:
    getattr(run, method)("enough")
    assert run.is_closed
    with pytest.raises(error, match="enough"):
        run.result()
    assert run.history[-1]["event_type"] == last
    assert isinstance(env.runs[0].terminal, error)


@pytest.mark.parametrize("method", ["signal", "update"])
def test_a_closed_workflow_takes_nothing(run: WorkflowTestHandle, method: str) -> None:
    run.result()
    with pytest.raises(DurableWorkflowError, match="has ended"):
        getattr(run, method)("end")


def test_an_activity_of_a_cancelled_workflow_is_asked_to_stop(env: WorkflowEnvironment) -> None:
    seen: list[str] = []

    def bill(_: str) -> None:
        activity.context().heartbeat_sync()
        handle.cancel("enough")
        try:
            activity.context().heartbeat_sync()
        except ActivityCancelled:
            seen.append("asked to stop")
            raise

    env.register_activity("bill", bill)
    handle = env.start_workflow(Subscription, 1)
    with pytest.raises(WorkflowCancelled, match="enough"):
        handle.result()
    assert seen == ["asked to stop"]
    assert handle.history[-1]["event_type"] == "WorkflowCancelled"


def test_code_of_the_workflow_may_not_drive_it(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="curious")
    class Curious:
        def run(self, ctx: WorkflowContext) -> Code:
            return (yield ctx.side_effect(lambda: env.query("state")))

    with pytest.raises(DurableWorkflowError, match="called by the workflow's own code"):
        env.execute_workflow(Curious)


def test_an_environment_without_a_workflow_says_so() -> None:
    with pytest.raises(RuntimeError, match="no workflow was started"):
        WorkflowEnvironment().query("state")
