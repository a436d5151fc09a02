"""A workflow that is updated from outside."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from durable_workflow import workflow
from durable_workflow.workflow import WorkflowContext

UNLUCKY = 13


@workflow.defn(name="till")
class Till:
    """Add up what comes in."""

    def __init__(self) -> None:
        self.amounts: list[int] = []

    @workflow.update("add")
    def add(self, amount: int) -> int:
        if amount == UNLUCKY:
            raise ValueError("not this amount")
        self.amounts.append(amount)
        return sum(self.amounts)

    @workflow.update_validator("add")
    def check(self, amount: int) -> None:
        if amount < 0:
            raise ValueError("nothing is taken out")

    @workflow.query("total")
    def total(self) -> int:
        return sum(self.amounts)

    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, Any]:
        yield ctx.wait_condition(lambda: sum(self.amounts) > 100)
        return sum(self.amounts)


WORKFLOWS = [Till]
ACTIVITIES: list[Any] = []
