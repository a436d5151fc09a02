# The programs stand in the guide's own words.
# mypy: disable-error-code="no-untyped-def, misc"
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false
"""The examples of the user guide's testing chapter, in its order."""

import json
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import NonDeterministicReplayError, WorkflowFailed
from durable_workflow.testing import WorkflowEnvironment, replay_history, replay_history_file
from durable_workflow.workflow import CompleteWorkflow


@workflow.defn(name="greeter")
class Greeter:
    def run(self, ctx, name: str):
        greeting = yield ctx.schedule_activity("greet", [name])
        return greeting


def test_greeter_returns_activity_result() -> None:
    env = WorkflowEnvironment()
    env.register_activity_result("greet", "hello, world")

    result = env.execute_workflow(Greeter, "world")

    assert result == "hello, world"


def test_callable_mock_captures_arguments() -> None:
    captured: list[str] = []

    def record_greet(name: str) -> str:
        captured.append(name)
        return f"greeted:{name}"

    env = WorkflowEnvironment()
    env.register_activity("greet", record_greet)

    assert env.execute_workflow(Greeter, "alice") == "greeted:alice"
    assert captured == ["alice"]


@workflow.defn(name="approval")
class Approval:
    def __init__(self) -> None:
        self.approved_by: str | None = None

    @workflow.signal("approve")
    def on_approve(self, by: str) -> None:
        self.approved_by = by

    def run(self, ctx):
        yield ctx.schedule_activity("wait", [])
        return {"approved_by": self.approved_by}


def test_signal_is_delivered_before_run_returns() -> None:
    env = WorkflowEnvironment()
    env.register_activity_result("wait", None)
    env.signal("approve", ["alice"])

    result = env.execute_workflow(Approval)

    assert result == {"approved_by": "alice"}


@workflow.defn(name="countdown")
class Countdown:
    def run(self, ctx, counter: int):
        yield ctx.schedule_activity("emit", [counter])
        if counter > 0:
            return ctx.continue_as_new(counter - 1)
        return {"final_counter": counter}


def test_chain_returns_final_run_result() -> None:
    env = WorkflowEnvironment()
    env.register_activity_result("emit", None)

    result = env.execute_workflow(Countdown, 3)

    assert result == {"final_counter": 0}
    assert env.run_count == 4
    assert [r.input for r in env.runs] == [[3], [2], [1], [0]]


@workflow.defn(name="stage-one")
class StageOne:
    def run(self, ctx):
        yield ctx.schedule_activity("stage_one", [])
        return ctx.continue_as_new(workflow_type="stage-two")


@workflow.defn(name="stage-two")
class StageTwo:
    def run(self, ctx):
        return (yield ctx.schedule_activity("stage_two", []))


def test_chain_can_switch_workflow_type() -> None:
    env = WorkflowEnvironment()
    env.register_workflow(StageTwo)
    env.register_activity_result("stage_one", None)
    env.register_activity_result("stage_two", "done")

    assert env.execute_workflow(StageOne) == "done"
    assert [r.workflow_type for r in env.runs] == ["stage-one", "stage-two"]


@workflow.defn(name="approval-by-link")
class ApprovalByLink:
    def __init__(self) -> None:
        self.approved_by: str | None = None

    @workflow.signal("approve")
    def on_approve(self, by: str) -> None:
        self.approved_by = by

    def run(self, ctx, link: int = 1):
        yield ctx.schedule_activity("wait", [])
        if link < 3 and self.approved_by is None:
            return ctx.continue_as_new(link + 1)
        return {"link": link, "approved_by": self.approved_by}


def test_a_signal_goes_to_the_link_that_it_names() -> None:
    env = WorkflowEnvironment()
    env.register_activity_result("wait", None)
    env.signal("approve", ["alice"], run=2)  # delivered to the second run

    assert env.execute_workflow(ApprovalByLink) == {"link": 2, "approved_by": "alice"}


@workflow.defn(name="failing")
class Failing:
    def run(self, ctx):
        yield ctx.schedule_activity("step", [])
        raise RuntimeError("boom")


def test_workflow_failure_surfaces_as_workflow_failed() -> None:
    env = WorkflowEnvironment()
    env.register_activity_result("step", None)

    with pytest.raises(WorkflowFailed) as exc_info:
        env.execute_workflow(Failing)

    assert "boom" in str(exc_info.value)


# --- replay testing against production history ------------------------------------------


@workflow.defn(name="order")
class OrderWorkflow:
    def run(self, ctx, order_id: str):
        charge = yield ctx.schedule_activity("charge", [order_id])
        yield ctx.schedule_activity("ship", [order_id])
        return charge


@workflow.defn(name="order-reordered")
class ReorderedOrderWorkflow:
    def run(self, ctx, order_id: str):
        yield ctx.schedule_activity("ship", [order_id])
        return (yield ctx.schedule_activity("charge", [order_id]))


@pytest.fixture
def history() -> dict[str, Any]:
    """What `get_history` returns for an order."""
    env = WorkflowEnvironment()
    env.register_activity_result("charge", "charge-1")
    env.register_activity_result("ship", None)
    assert env.execute_workflow(OrderWorkflow, "order-42") == "charge-1"
    return {"events": env.runs[0].history}


def test_a_history_replays_against_the_code_that_made_it(history: dict[str, Any]) -> None:
    outcome = replay_history(OrderWorkflow, history["events"], start_input=["order-42"])

    assert outcome.commands == [CompleteWorkflow("charge-1")]


def test_a_history_does_not_replay_against_code_that_diverges(history: dict[str, Any]) -> None:
    with pytest.raises(NonDeterministicReplayError):
        replay_history(ReorderedOrderWorkflow, history["events"], start_input=["order-42"])


@pytest.mark.parametrize("shape", ["list", "object"])
def test_a_history_is_replayed_from_a_file(
    history: dict[str, Any], shape: str, tmp_path: Path
) -> None:
    path = tmp_path / "order-42.json"
    path.write_text(json.dumps(history if shape == "object" else history["events"]))

    for name in (path, str(path)):
        outcome = replay_history_file(OrderWorkflow, name, start_input=["order-42"])
        assert outcome.commands == [CompleteWorkflow("charge-1")]
