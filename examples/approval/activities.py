"""The activity: pays. Here the bank is made up."""

from durable_workflow import activity

from .expenses import Expense


@activity.defn(name="pay_expense")
async def pay_expense(expense: Expense) -> str:
    """Pay an expense back and return the number of the payment, the same for each attempt."""
    return f"payment-of-{expense['expense_id']}"
