"""The workflow: waits for a decision, and pays if it is a yes."""

from collections.abc import Generator
from typing import Any

from durable_workflow import ActivityRetryPolicy, workflow
from durable_workflow.workflow import WorkflowContext

from .expenses import Decision, Expense, State

RETRIES = ActivityRetryPolicy(max_attempts=10, initial_interval_seconds=1, backoff_coefficient=2)


@workflow.defn(name="approve-expense")
class ApproveExpense:
    """Ask for a decision about an expense, for at most `seconds_to_decide`."""

    def __init__(self) -> None:
        self.expense: Expense | None = None
        self.state: State = {"status": "waiting", "by": None, "reason": None, "payment": None}

    def run(
        self, ctx: WorkflowContext, expense: Expense, seconds_to_decide: int
    ) -> Generator[Any, Any, State]:
        self.expense = expense
        yield ctx.wait_condition(
            lambda: self.state["status"] != "waiting", key="decided", timeout=seconds_to_decide
        )
        # Not what the wait returns, but the state decides: a decision that came together with the
        # time-out was accepted, and its caller was told so.
        if self.state["status"] == "waiting":
            self.state["status"] = "expired"
        if self.state["status"] == "approved":
            self.state["payment"] = yield ctx.schedule_activity(
                "pay_expense", [expense], retry_policy=RETRIES
            )
        return self.state

    @workflow.query("state")
    def current_state(self) -> State:
        return self.state

    @workflow.update("decide")
    def decide(self, decision: Decision) -> State:
        """Take the decision. What this returns is what the caller gets."""
        self.state["status"] = "approved" if decision["approved"] else "rejected"
        self.state["by"] = decision["by"]
        self.state["reason"] = decision["reason"]
        return self.state

    @decide.validator
    def check_decision(self, decision: Decision) -> None:
        """Refuse an update before it is recorded: what this raises is what the caller gets."""
        if self.state["status"] != "waiting":
            raise ValueError(f"it is {self.state['status']} already")
        if self.expense is not None and decision["by"] == self.expense["employee"]:
            raise ValueError("nobody approves an expense of their own")
        if not decision["approved"] and not decision["reason"]:
            raise ValueError("a rejection needs a reason")
