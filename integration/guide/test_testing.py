# The programs stand in the guide's own words.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg"
# pyright: basic
"""Replay of recorded histories, from the user guide's chapter on testing.

The examples without a server are in dw-testing: `libs/dw-testing/tests/testing/test_guide.py`.
"""

import pytest

from durable_workflow import Client, Replayer, ReplayOutcome, activity, workflow
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.testing import replay_history
from durable_workflow.workflow import CompleteWorkflow
from integration.guide.conftest import serving


@activity.defn(name="charge")
async def charge(order_id: str) -> str:
    return f"charged {order_id}"


@workflow.defn(name="order")
class OrderWorkflow:
    def run(self, ctx, order_id: str):
        return (yield ctx.schedule_activity("charge", [order_id]))


@workflow.defn(name="refund")
class RefundWorkflow:
    def run(self, ctx, order_id: str):
        yield ctx.sleep(1)


@pytest.fixture
async def run_id(client: Client) -> str:
    """The run of an order that was processed."""
    async with serving(client, workflows=[OrderWorkflow], activities=[charge]):
        handle = await client.start_workflow(
            workflow_type="order",
            task_queue="default",
            workflow_id="order-42",
            input=["order-42"],
            duplicate_policy="allow",
        )
        await handle.result(timeout=30)
    assert handle.run_id is not None
    return handle.run_id


async def test_a_history_of_the_server_is_replayed(url: str, token: str, run_id: str) -> None:
    async with Client(url, token=token) as client:
        history = await client.get_history("order-42", run_id=run_id)

    replay_history(OrderWorkflow, history["events"], start_input=["order-42"])

    with pytest.raises(NonDeterministicReplayError):
        replay_history(RefundWorkflow, history["events"], start_input=["order-42"])


async def test_a_replayer_serves_several_types(client: Client, run_id: str) -> None:
    history = await client.get_history("order-42", run_id=run_id)

    replayer = Replayer(workflows=[OrderWorkflow, RefundWorkflow])

    # Explicit type and input — equivalent to replay_history(OrderWorkflow, ...).
    outcome: ReplayOutcome = replayer.replay(
        history["events"],
        start_input=["order-42"],
        workflow_type="order",
    )

    # Type and start input inferred from a WorkflowStarted event in the history.
    outcome = replayer.replay(history)  # history may be an events list or a
    # dict with an "events" key

    for command in outcome.commands:  # noqa: B007
        # Inspect commands the replayed workflow would have emitted next.
        ...

    assert outcome.commands == [CompleteWorkflow("charged order-42")]
