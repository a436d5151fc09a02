"""A workflow with all that a workflow may have, and a client that takes it to its end.

Everything that a client sends has an id, so that it can be sent again when the answer was lost, and
must be done once all the same: the workflow counts what it gets.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from durable_workflow import Client, WorkflowAlreadyStarted, activity, workflow
from durable_workflow.workflow import WorkflowContext

Steps = Generator[Any, Any, Any]


@activity.defn(name="mixture-double")
async def double(number: int) -> int:
    """On the loop."""
    return 2 * number


@activity.defn(name="mixture-square")
def square(number: int) -> int:
    """In a thread."""
    return number * number


@workflow.defn(name="mixture-child")
class MixtureChild:
    """One activity in each of some runs."""

    def run(self, ctx: WorkflowContext, number: int, left: int) -> Steps:
        squared = yield ctx.schedule_activity("mixture-square", [number])
        if left:
            return ctx.continue_as_new(number, left - 1)
        return squared


@workflow.defn(name="mixture")
class Mixture:
    """Activities, a child, a timer, a recorded value, and waits for a signal and an update."""

    def __init__(self) -> None:
        self.paid: list[int] = []
        self.added: list[int] = []

    @workflow.signal("pay")
    def pay(self, amount: int) -> None:
        self.paid.append(amount)

    @workflow.update("add")
    def add(self, amount: int) -> int:
        self.added.append(amount)
        return sum(self.added)

    def run(self, ctx: WorkflowContext, number: int, seconds: int) -> Steps:
        doubled = yield ctx.schedule_activity("mixture-double", [number])
        recorded = yield ctx.side_effect(lambda: number)
        squared, _, again = yield [
            ctx.start_child_workflow("mixture-child", [number, number % 3]),
            ctx.start_timer(seconds),
            ctx.schedule_activity("mixture-double", [number + 1]),
        ]
        yield ctx.wait_condition(lambda: bool(self.paid and self.added), key="ready")
        return [doubled, recorded, squared, again, self.paid, self.added]


WORKFLOWS = [Mixture, MixtureChild]
ACTIVITIES = [double, square]


def workflow_id_of(number: int) -> str:
    return f"mixture-{number}"


def result_of(number: int) -> list[Any]:
    """What the workflow returns when everything happened once."""
    return [2 * number, number, number * number, 2 * number + 2, [number], [number]]


async def start(client: Client, number: int, queue: str, seconds: int = 0) -> bool:
    """Start one; False where an earlier try had done it."""
    try:
        await client.start_workflow(
            workflow_type="mixture",
            task_queue=queue,
            workflow_id=workflow_id_of(number),
            input=[number, seconds],
        )
    except WorkflowAlreadyStarted:
        return False
    return True


async def send(client: Client, number: int) -> None:
    """Send what it waits for. Sent again, it is not done again."""
    handle = client.get_workflow_handle(workflow_id_of(number))
    if (await handle.describe()).is_terminal:
        return
    await handle.signal("pay", [number], request_id=f"pay-{number}")
    await handle.update("add", [number], request_id=f"add-{number}", wait_for="accepted")


async def process_alone(client: Client, number: int, queue: str) -> int:
    """The result of a standalone activity, started where it is not yet."""
    try:
        handle = await client.start_activity(
            activity_type="mixture-square",
            task_queue=queue,
            activity_id=f"alone-{number}",
            input=[number],
        )
    except WorkflowAlreadyStarted:
        handle = client.get_activity_handle(f"alone-{number}")
    result: int = await handle.result(timeout=60)
    return result
