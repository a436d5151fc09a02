"""Three expenses: one is approved, one rejected, one forgotten. python -m approval"""

import asyncio
import os

from durable_workflow import Client, UpdateRejected
from durable_workflow.client import WorkflowHandle

from .expenses import Decision, Expense, State

URL = os.environ.get("DURABLE_WORKFLOW_SERVER_URL", "http://127.0.0.1:8080")
DAY = 24 * 3600


async def hand_in(client: Client, expense: Expense, seconds_to_decide: int = DAY) -> WorkflowHandle:
    """Start the workflow of an expense, anew if there was one of its id before."""
    return await client.start_workflow(
        workflow_type="approve-expense",
        task_queue="approvals",
        workflow_id=expense["expense_id"],
        input=[expense, seconds_to_decide],
        duplicate_policy="terminate_existing",
    )


async def decide(handle: WorkflowHandle, by: str, *, approved: bool, reason: str = "") -> None:
    """Decide about an expense, and print what was made of that."""
    decision: Decision = {"approved": approved, "by": by, "reason": reason}
    try:
        state: State = await handle.update("decide", [decision])
    except UpdateRejected as error:
        print(f"{handle.workflow_id}: {by} was refused: {error}")
    else:
        print(f"{handle.workflow_id}: {state['status']} by {by}")


async def main() -> None:
    """Hand in three expenses and see each to its end."""
    async with Client(URL) as client:
        dinner = await hand_in(client, {"expense_id": "dinner", "employee": "ada", "amount": 80})
        yacht = await hand_in(client, {"expense_id": "yacht", "employee": "bob", "amount": 90_000})
        taxi = await hand_in(client, {"expense_id": "taxi", "employee": "cy", "amount": 20}, 1)

        await decide(dinner, "ada", approved=True)
        await decide(dinner, "bob", approved=True)
        await decide(yacht, "ada", approved=False)
        await decide(yacht, "ada", approved=False, reason="we have one")

        for handle in (dinner, yacht, taxi):
            state: State = await handle.result()
            print(
                f"{handle.workflow_id} ended: {state['status']}, {state['payment'] or 'not paid'}"
            )


if __name__ == "__main__":
    asyncio.run(main())
