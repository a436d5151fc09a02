"""Rich values on every way through a real server: start, activity, child, signal, query, update."""

# pyright: reportUnknownVariableType=false
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import pydantic
import pytest

from durable_workflow import Replayer, activity, workflow
from durable_workflow.errors import QueryFailed, UpdateRejected, WorkflowFailed
from durable_workflow.testing import WorkflowEnvironment
from integration.language.scene import Scene, payloads_of

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


class State(Enum):
    OPEN = "open"
    PAID = "paid"


@dataclass
class Item:
    price: Decimal
    due: date | None = None


@dataclass
class Order:
    id: UUID
    items: list[Item]
    state: State = State.OPEN
    tags: set[str] = field(default_factory=set[str])


class Payment(pydantic.BaseModel):
    at: datetime
    amount: Decimal


class Parcel(msgspec.Struct):
    label: bytes


ORDER = Order(UUID(int=7), [Item(Decimal("9.90"), date(2026, 6, 1))], State.PAID, {"b", "a"})


@activity.defn(name="total")
async def total(order: Order) -> Decimal:
    assert isinstance(order.items[0].due, date)
    return sum((item.price for item in order.items), Decimal(0))


@activity.defn(name="pack")
def pack(order: Order, within: timedelta) -> Parcel:
    return Parcel(f"{order.id.int}/{within.days}".encode())


@workflow.defn(name="rich-child")
class Child:
    def run(self, ctx: Any, parcel: Parcel) -> bytes:
        return parcel.label


@workflow.defn(name="rich")
class Rich:
    def __init__(self) -> None:
        self.order: Order | None = None
        self.payments: list[Payment] = []
        self.closed_at: datetime | None = None

    @workflow.signal("paid")
    def paid(self, payment: Payment) -> None:
        self.payments.append(payment)

    @workflow.query("paid-after")
    def paid_after(self, at: datetime) -> list[Payment]:
        return [payment for payment in self.payments if payment.at > at]

    @workflow.update("close")
    def close(self, at: datetime) -> State:
        self.closed_at = at
        return State.PAID

    @workflow.update_validator("close")
    def may_close(self, at: datetime) -> None:
        if at.year < 2000:
            raise ValueError("too early")

    def run(self, ctx: Any, order: Order) -> Any:
        self.order = order
        owed = yield ctx.schedule_activity("total", [order])
        parcel = yield ctx.schedule_activity("pack", [order, timedelta(days=2)])
        label = yield ctx.start_child_workflow("rich-child", [parcel])
        yield ctx.wait_condition(lambda: bool(self.payments) and self.closed_at is not None)
        return {"owed": owed, "label": label, "order": order, "paid": self.payments}


@workflow.defn(name="careless")
class Careless:
    def run(self, ctx: Any) -> Any:
        return (yield ctx.schedule_activity("total", [{"id": "x", "items": []}]))


RESULT = {
    "owed": "9.90",
    "label": "Ny8y",
    "order": {
        "id": str(ORDER.id),
        "items": [{"price": "9.90", "due": "2026-06-01"}],
        "state": "paid",
        "tags": ["a", "b"],
    },
    "paid": [{"at": "2026-05-01T12:00:00Z", "amount": "9.90"}],
}
PAYMENT = Payment(at=AT, amount=Decimal("9.90"))


ACTIVITIES: list[Callable[..., Any]] = [total, pack]


async def test_rich_values_reach_everything_and_replay_alike(scene: Scene) -> None:
    handle = await scene.start("rich", ORDER)
    async with scene.working(Rich, Child, activities=ACTIVITIES):
        await handle.signal("paid", [PAYMENT])
        assert await handle.query("paid-after", [AT - timedelta(days=1)]) == RESULT["paid"]
        with pytest.raises(QueryFailed, match=r"at: expected a datetime"):
            await handle.query("paid-after", ["x"])
        with pytest.raises(UpdateRejected, match="too early"):
            await handle.update("close", [datetime(1999, 1, 1, tzinfo=UTC)])
        with pytest.raises(UpdateRejected, match=r"at: expected a datetime"):
            await handle.update("close", [1])
        assert await handle.update("close", [AT]) == "paid"
        assert await scene.result(handle) == RESULT
    history = await scene.history(handle)
    (end,) = Replayer(workflows=[Rich]).replay(history).commands
    assert isinstance(end, workflow.CompleteWorkflow)
    assert end.result["order"] == ORDER


async def test_an_activity_whose_argument_does_not_fit_is_not_tried_again(scene: Scene) -> None:
    handle = await scene.start("careless")
    async with scene.working(Careless, activities=ACTIVITIES):
        with pytest.raises(WorkflowFailed, match=r"order\.id: expected a UUID as text"):
            await handle.result(timeout=20)
    assert "ActivityRetryScheduled" not in await scene.types(handle)


async def test_a_start_input_that_does_not_fit_leaves_the_run_open_and_names_the_field(
    scene: Scene,
) -> None:
    handle = await scene.start("rich", {"id": "x", "items": []})
    async with scene.working(Rich, activities=ACTIVITIES):
        assert "order.id: expected a UUID as text, got other text" in await scene.task_error(handle)


async def test_a_signal_that_does_not_fit_is_passed_by(scene: Scene) -> None:
    handle = await scene.start("rich", ORDER)
    async with scene.working(Rich, Child, activities=ACTIVITIES):
        await handle.signal("paid", [{"at": "x"}])
        await handle.signal("paid", [PAYMENT])
        await handle.update("close", [AT])
        assert await scene.result(handle) == RESULT
    (passed,) = payloads_of(await scene.history(handle), "SignalNotApplied")
    assert passed["message"].startswith("payment.at: ")


def test_the_test_environment_converts_alike() -> None:
    env = WorkflowEnvironment()
    env.register_activities(*ACTIVITIES)
    env.register_workflow(Child)
    run = env.start_workflow(Rich, ORDER)
    run.signal("paid", [PAYMENT])
    with pytest.raises(UpdateRejected, match="too early"):
        run.update("close", [datetime(1999, 1, 1, tzinfo=UTC)])
    assert run.update("close", [AT]) == "paid"
    assert run.result() == RESULT


def test_the_test_environment_fails_an_attempt_for_good_that_a_worker_would_fail_so() -> None:
    env = WorkflowEnvironment()
    env.register_activities(*ACTIVITIES)
    with pytest.raises(WorkflowFailed, match=r"order\.id: expected a UUID as text"):
        env.execute_workflow(Careless)


async def test_what_cannot_be_encoded_is_named_by_the_client(scene: Scene) -> None:
    bad = Order(UUID(int=1), [Item(Decimal(1)), Item(Decimal(1), object())])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"workflow 'rich'.* at order\.items\[1\]\.due;"):
        await scene.start("rich", bad)
