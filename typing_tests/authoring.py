"""Writing workflows and activities: decorators leave what they decorate as it was."""

from collections.abc import Callable, Generator
from typing import Any, assert_type

from durable_workflow import (
    ActivityRetryPolicy,
    ContinueAsNew,
    NonRetryableError,
    activity,
    workflow,
)
from durable_workflow.workflow import ScheduleActivity, StartTimer, WorkflowContext


@activity.defn(name="greet")
async def greet(name: str) -> dict[str, int]:
    return {name: len(name)}


@activity.defn(name="count")
def count(names: list[str]) -> int:
    if not names:
        raise NonRetryableError("nobody to count")
    return len(names)


@activity.defn(name="long_running_task")
async def long_running_task(items: list[str]) -> None:
    ctx = activity.context()
    assert_type(ctx.info.attempt_number, int)
    assert_type(ctx.info.task_queue, str)
    assert_type(ctx.is_cancelled, bool)
    await ctx.heartbeat({"progress": len(items)})


@workflow.defn(name="greeter")
class Greeter:
    def run(self, ctx: WorkflowContext, *args: Any) -> Generator[Any, Any, dict[str, int]]:
        result: dict[str, int] = yield ctx.schedule_activity(
            "greet",
            list(args),
            retry_policy=ActivityRetryPolicy(max_attempts=4, initial_interval_seconds=1),
            start_to_close_timeout=120,
        )
        yield ctx.start_timer(seconds=60)
        return result


@workflow.defn(name="polling")
class Polling:
    def run(
        self, ctx: WorkflowContext, iteration: int = 0
    ) -> Generator[Any, Any, ContinueAsNew | int]:
        done: bool = yield ctx.schedule_activity("poll_source", [])
        return iteration if done else ContinueAsNew(arguments=[iteration + 1])


async def decorated_functions_keep_their_types() -> None:
    assert_type(await greet("world"), dict[str, int])
    assert_type(count(["world"]), int)
    counting: Callable[[list[str]], int] = count
    counting([])
    assert_type(Greeter(), Greeter)


def commands_are_typed(ctx: WorkflowContext) -> None:
    assert_type(ctx.schedule_activity("greet", ["world"]), ScheduleActivity)
    assert_type(ctx.start_timer(60), StartTimer)


class Charges:
    @activity.defn(name="charge")
    async def charge(self, order_id: str) -> int:
        return len(order_id)

    @activity.defn(name="refund")
    def refund(self, order_id: str, *, full: bool = True) -> bool:
        return full and bool(order_id)


@workflow.defn(name="approval")
class Approval:
    def __init__(self) -> None:
        self.approved = False

    @workflow.signal("approve")
    def approve(self, by: str, level: int = 1) -> None:
        self.approved = level > 0 and bool(by)

    @workflow.query("is_approved")
    def is_approved(self) -> bool:
        return self.approved

    @workflow.update("set_approval")
    def set_approval(self, approved: bool) -> dict[str, bool]:
        self.approved = approved
        return {"approved": approved}

    @set_approval.validator
    def check_approval(self, approved: bool) -> None:
        if not isinstance(approved, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError("approved must be a boolean")

    @workflow.update_validator("set_approval")
    def check_again(self, value: bool) -> bool:
        return value

    def run(self, ctx: WorkflowContext) -> Generator[Any, Any, bool]:
        yield ctx.wait_condition(lambda: self.approved)
        return self.approved


async def decorated_methods_keep_their_types(charges: Charges, approval: Approval) -> None:
    assert_type(await charges.charge("order-1"), int)
    assert_type(charges.refund("order-1", full=False), bool)
    assert_type(approval.is_approved(), bool)
    assert_type(approval.set_approval(True), dict[str, bool])
    assert_type(approval.set_approval(approved=True), dict[str, bool])
    assert_type(Approval.set_approval(approval, True), dict[str, bool])
    assert_type(approval.check_again(True), bool)
    approve: Callable[[str, int], None] = approval.approve
    approve("me", 2)
    approval.check_approval(True)


@activity.defn
async def ship(order_id: str) -> int:
    return len(order_id)


@activity.defn()
def pack(order_id: str) -> int:
    return len(order_id)


@workflow.defn
class Parcel:
    @workflow.signal
    def hold(self, why: str) -> None:
        return None

    @workflow.query
    def weight(self) -> int:
        return 1

    @workflow.update
    def address(self, to: str) -> bool:
        return bool(to)

    @address.validator
    def check_address(self, to: str) -> None:
        return None

    @workflow.update()
    def insure(self, value: int) -> int:
        return value


@workflow.defn()
class Letter:
    pass


async def bare_decorators_keep_types_too() -> None:
    assert_type(await ship("1"), int)
    assert_type(pack("1"), int)
    assert_type(Parcel().weight(), int)
    assert_type(Parcel().address("home"), bool)
    assert_type(Parcel().insure(2), int)
    assert_type(Letter(), Letter)
    Parcel().hold("customs")
