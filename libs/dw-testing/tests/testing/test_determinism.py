"""Code that is not the same each time is found by its test."""

import itertools
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import NonDeterministicReplayError, WorkflowFailed
from durable_workflow.testing import WorkflowEnvironment, replay_history
from durable_workflow.workflow import CompleteWorkflow, WorkflowContext

Code = Generator[Any, Any, Any]
_chance = itertools.count()


@workflow.defn(name="by-chance")
class ByChance:
    def run(self, ctx: WorkflowContext) -> Code:
        yield ctx.schedule_activity("even" if next(_chance) % 2 == 0 else "odd", [])
        return "done"


@workflow.defn(name="another-result")
class AnotherResult:
    def run(self, ctx: WorkflowContext) -> Code:
        yield ctx.sleep(1)
        return next(_chance)


def environment(*, check_determinism: bool = True) -> WorkflowEnvironment:
    env = WorkflowEnvironment(check_determinism=check_determinism)
    env.register_activity_result("even", None)
    env.register_activity_result("odd", None)
    return env


@pytest.mark.parametrize("workflow_cls", [ByChance, AnotherResult])
def test_another_replay_that_does_something_else_is_reported(workflow_cls: type) -> None:
    with pytest.raises(NonDeterministicReplayError) as caught:
        environment().execute_workflow(workflow_cls)
    if workflow_cls is ByChance:  # the line that asked for something else
        [note] = caught.value.__notes__
        assert __file__ in note


def test_the_check_can_be_left_out() -> None:
    assert environment(check_determinism=False).execute_workflow(ByChance) == "done"


def test_chance_of_the_context_is_the_same_each_time() -> None:
    @workflow.defn(name="fair")
    class Fair:
        def run(self, ctx: WorkflowContext) -> Code:
            yield ctx.sleep(ctx.random().random() * 10)
            return [str(ctx.uuid4()), ctx.now().isoformat()]

    env = environment()
    result = env.execute_workflow(Fair)
    [record] = env.runs
    outcome = replay_history(Fair, record.history, record.input, run_id="test-run")
    assert outcome.commands == [CompleteWorkflow(result)]


def test_a_workflow_that_fails_the_same_way_is_deterministic() -> None:
    @workflow.defn(name="fails")
    class Fails:
        def run(self, ctx: WorkflowContext) -> Code:
            yield ctx.sleep(1)
            raise ValueError(f"at {object()}")

    with pytest.raises(WorkflowFailed):
        environment().execute_workflow(Fails)
