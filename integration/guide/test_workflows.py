# The programs stand in the guide's own words.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg, assignment"
# pyright: basic
"""The user guide's chapter on defining workflows."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from durable_workflow import (
    ActivityRetryPolicy,
    ChildWorkflowRetryPolicy,
    Client,
    ContinueAsNew,
    UpdateRejected,
    activity,
    workflow,
)
from durable_workflow.testing import RunningWorker, WorkflowTestServer
from integration.guide.conftest import serving


@activity.defn(name="validate_order")
async def validate_order(order: dict) -> dict:
    return {**order, "valid": True}


@activity.defn(name="process_payment")
async def process_payment(order: dict) -> dict:
    return {"paid": order["id"], "valid": order["valid"]}


async def test_an_order_with_a_timer_between_two_activities(
    dw_server: WorkflowTestServer, dw_client: Client, dw_worker: Callable[..., RunningWorker]
) -> None:
    @workflow.defn(name="order-processing")
    class OrderWorkflow:
        def run(self, ctx, *args):
            order = args[0] if args else {}

            # Schedule an activity and wait for the result
            validated = yield ctx.schedule_activity("validate_order", [order])

            # Start a timer (durable sleep)
            yield ctx.start_timer(seconds=60)

            # Schedule another activity
            receipt = yield ctx.schedule_activity("process_payment", [validated])

            return receipt

    async with dw_worker(workflows=[OrderWorkflow], activities=[validate_order, process_payment]):
        handle = await dw_client.start_workflow(
            workflow_type="order-processing", task_queue="default", input=[{"id": 7}]
        )
        before = dw_server.now()
        assert await handle.result(timeout=30) == {"paid": 7, "valid": True}
        assert dw_server.now() - before >= timedelta(seconds=60)


async def test_a_signal_is_dispatched_to_its_handler(client: Client) -> None:
    @workflow.defn(name="approval")
    class ApprovalWorkflow:
        def __init__(self) -> None:
            self.approved = False
            self.approved_by = None

        @workflow.signal("approve")
        def approve(self, by: str) -> None:
            self.approved = True
            self.approved_by = by

        def run(self, ctx, *args):
            yield ctx.schedule_activity("wait_for_approval", [])
            return {"approved": self.approved, "approved_by": self.approved_by}

    signalled = asyncio.Event()

    @activity.defn(name="wait_for_approval")
    async def wait_for_approval() -> None:
        await signalled.wait()

    async with serving(client, workflows=[ApprovalWorkflow], activities=[wait_for_approval]):
        handle = await client.start_workflow(workflow_type="approval", task_queue="default")
        await handle.signal("approve", ["alice"])
        signalled.set()
        assert await handle.result(timeout=30) == {"approved": True, "approved_by": "alice"}


async def test_queries_and_updates_are_answered_by_their_handlers(client: Client) -> None:
    @workflow.defn(name="approval")
    class ApprovalWorkflow:
        def __init__(self) -> None:
            self.approved = False

        @workflow.query("status")
        def status(self) -> dict:
            return {"approved": self.approved}

        @workflow.update("set_approval")
        def set_approval(self, approved: bool) -> dict:
            self.approved = approved
            return {"approved": self.approved}

        @set_approval.validator
        def validate_set_approval(self, approved: bool) -> None:
            if not isinstance(approved, bool):
                raise ValueError("approved must be boolean")

        def run(self, ctx):
            yield ctx.wait_condition(lambda: self.approved)

    async with serving(client, workflows=[ApprovalWorkflow], task_queue="updates"):
        handle = await client.start_workflow(workflow_type="approval", task_queue="updates")
        assert await handle.query("status") == {"approved": False}
        with pytest.raises(UpdateRejected, match="approved must be boolean"):
            await handle.update("set_approval", ["yes"])
        assert await handle.update("set_approval", [True]) == {"approved": True}
        await handle.result(timeout=30)


async def test_an_activity_has_a_retry_policy_and_timeouts(client: Client) -> None:
    attempts: list[int] = []

    @activity.defn(name="process_payment")
    async def fails_once(order: dict) -> dict:
        attempts.append(activity.context().info.attempt_number)
        if len(attempts) == 1:
            raise ConnectionError("the bank is away")
        return {"paid": order["id"]}

    @workflow.defn(name="pays")
    class Pays:
        def run(self, ctx, validated):
            receipt = yield ctx.schedule_activity(
                "process_payment",
                [validated],
                retry_policy=ActivityRetryPolicy(
                    max_attempts=4,
                    initial_interval_seconds=1,
                    backoff_coefficient=2,
                    maximum_interval_seconds=30,
                    non_retryable_error_types=["ValidationError"],
                ),
                start_to_close_timeout=120,
                schedule_to_close_timeout=300,
                heartbeat_timeout=15,
            )
            return receipt

    async with serving(client, workflows=[Pays], activities=[fails_once]):
        handle = await client.start_workflow(
            workflow_type="pays", task_queue="default", input=[{"id": 3}]
        )
        assert await handle.result(timeout=30) == {"paid": 3}
    assert attempts == [1, 2]


async def test_a_list_of_commands_runs_at_once(client: Client) -> None:
    @workflow.defn(name="fan-out-example")
    class FanOutWorkflow:
        def run(self, ctx, *args):
            items = args[0]

            # Schedule all activities at once
            results = yield [ctx.schedule_activity("process_item", [item]) for item in items]

            return results  # list of results in the same order

    everyone = asyncio.Barrier(3)

    @activity.defn(name="process_item")
    async def process_item(item: int) -> int:
        await everyone.wait()
        return item * 10

    async with serving(client, workflows=[FanOutWorkflow], activities=[process_item]):
        handle = await client.start_workflow(
            workflow_type="fan-out-example", task_queue="default", input=[[3, 1, 2]]
        )
        assert await handle.result(timeout=30) == [30, 10, 20]


async def test_a_child_has_a_queue_a_retry_policy_and_timeouts(client: Client) -> None:
    @workflow.defn(name="with-child")
    class WithChild:
        def run(self, ctx):
            result = yield ctx.start_child_workflow(
                "child-workflow-type",
                [{"input": "data"}],
                task_queue="child-queue",
                parent_close_policy="terminate",
                retry_policy=ChildWorkflowRetryPolicy(
                    max_attempts=3,
                    initial_interval_seconds=2,
                    backoff_coefficient=2,
                    non_retryable_error_types=["ValidationError"],
                ),
                execution_timeout_seconds=600,
                run_timeout_seconds=120,
            )
            return result

    @workflow.defn(name="child-workflow-type")
    class Child:
        def run(self, ctx, given: dict):
            yield ctx.side_effect(lambda: None)
            return {"child had": given["input"]}

    async with (
        serving(client, workflows=[WithChild]),
        serving(client, workflows=[Child], task_queue="child-queue"),
    ):
        handle = await client.start_workflow(workflow_type="with-child", task_queue="default")
        assert await handle.result(timeout=30) == {"child had": "data"}


async def test_a_workflow_continues_as_new_until_it_is_done(client: Client) -> None:
    @workflow.defn(name="polling-workflow")
    class PollingWorkflow:
        def run(self, ctx, *args):
            iteration = args[0] if args else 0

            result = yield ctx.schedule_activity("poll_source", [])

            if result.get("done"):
                return result

            # Continue with incremented iteration
            return ContinueAsNew(arguments=[iteration + 1])

    polled: list[int] = []

    @activity.defn(name="poll_source")
    async def poll_source() -> dict:
        polled.append(len(polled))
        return {"done": len(polled) == 3}

    async with serving(client, workflows=[PollingWorkflow], activities=[poll_source]):
        handle = await client.start_workflow(workflow_type="polling-workflow", task_queue="default")
        assert await handle.result(timeout=30) == {"done": True}
    runs = await client.list_workflow_runs(handle.workflow_id)
    assert len(runs.runs) == len(polled) == 3
