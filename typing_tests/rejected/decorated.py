"""Wrong uses of decorated functions and methods: decorators must not hide them.

A line that is marked with `# rejected` must be refused by mypy and by pyright, and no other line.
"""

from collections.abc import Generator
from typing import Any

from durable_workflow import activity, workflow
from durable_workflow.workflow import WorkflowContext


@activity.defn(name="greet")
async def greet(name: str) -> int:
    return len(name)


@activity.defn(name="count")
def count(names: list[str]) -> int:
    return len(names)


class Charges:
    @activity.defn(name="charge")
    async def charge(self, order_id: str) -> int:
        return len(order_id)


@workflow.defn(name="approval")
class Approval:
    approved = False

    @workflow.signal("approve")
    def approve(self, by: str) -> None:
        self.approved = bool(by)

    @workflow.query("is_approved")
    def is_approved(self) -> bool:
        return self.approved

    @workflow.update("set_approval")
    def set_approval(self, approved: bool) -> dict[str, bool]:
        return {"approved": approved}

    @set_approval.validator
    def check_approval(self, approved: bool) -> None:
        return None

    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, bool]:
        yield ctx.schedule_activity(1, [])  # rejected
        yield ctx.schedule_activity("greet", "world")  # rejected
        yield ctx.start_timer("soon")  # rejected
        yield ctx.wait_condition(self.approved)  # rejected
        return self.approved


async def functions(charges: Charges) -> None:
    await greet(1)  # rejected
    await greet()  # rejected
    count("world")  # rejected
    count([1])  # rejected
    wrong: str = count([])  # rejected
    await charges.charge(1)  # rejected
    await charges.charge("order", "more")  # rejected
    print(wrong)


def methods(approval: Approval) -> None:
    approval.approve(1)  # rejected
    approval.approve()  # rejected
    approval.is_approved("now")  # rejected
    wrong: str = approval.is_approved()  # rejected
    approval.set_approval("yes")  # rejected
    approval.set_approval()  # rejected
    approval.set_approval(agreed=True)  # rejected
    approval.set_approval(True).lower()  # rejected
    approval.check_approval("yes")  # rejected
    print(wrong)
