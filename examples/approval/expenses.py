"""What an expense is, what may be decided about it, and what becomes of it."""

from typing import Literal, TypedDict


class Expense(TypedDict):
    """The input of the workflow."""

    expense_id: str
    employee: str
    amount: int


class Decision(TypedDict):
    """The argument of the update."""

    approved: bool
    by: str
    reason: str


class State(TypedDict):
    """What the query and the workflow return."""

    status: Literal["waiting", "approved", "rejected", "expired"]
    by: str | None
    reason: str | None
    payment: str | None
