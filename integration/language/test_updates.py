"""Updates: validated before they are accepted where a worker offers it, applied, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import InvalidArgument, UpdateRejected, workflow
from durable_workflow.client import WorkflowHandle
from durable_workflow.errors import DurableWorkflowError
from durable_workflow.worker._registration import Registration
from durable_workflow.workflow import WorkflowContext
from integration.language.activities import gate
from integration.language.scene import DEFAULT_CACHE, ELSEWHERE, Scene, payloads_of

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)


@workflow.defn(name="accounts")
class Accounts:
    """Take updates until the balance is what the caller wanted."""

    def __init__(self) -> None:
        self.balance = 0
        self.asked = 0

    @workflow.update("deposit")
    def deposit(self, amount: int) -> dict[str, int]:
        self.balance += amount
        return {"balance": self.balance}

    @deposit.validator
    def check_deposit(self, amount: int) -> None:
        if not isinstance(amount, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError("amount must be a number")
        if amount <= 0:
            raise ValueError("amount must be positive")

    @workflow.update("withdraw")
    def withdraw(self, amount: int) -> int:
        if amount > self.balance:
            raise LookupError(f"only {self.balance} left")
        self.balance -= amount
        return self.balance

    @workflow.update("frozen")
    def frozen(self) -> None:
        self.balance = -1

    @workflow.update_validator("frozen")
    def never(self) -> bool:
        return False

    @workflow.update("object")
    def returns_an_object(self) -> Any:
        return object()

    @workflow.query("balance")
    def tell(self) -> int:
        return self.balance

    def run(self, ctx: WorkflowContext, wanted: int, first: str | None = None) -> Steps:
        if first is not None:
            yield ctx.schedule_activity("later", [None, first, None])
        yield ctx.wait_condition(lambda: self.balance >= wanted, key="rich")
        return self.balance


@workflow.defn(name="busy")
class Busy:
    """Go through an activity, a wait and a timeout, whatever updates come meanwhile."""

    def __init__(self) -> None:
        self.poked = 0

    @workflow.update("poke")
    def poke(self) -> int:
        self.poked += 1
        return self.poked

    def run(self, ctx: WorkflowContext, gate: str) -> Steps:
        worked = yield ctx.schedule_activity("later", [1, gate, None])
        before = self.poked
        poked = yield ctx.wait_condition(lambda: self.poked > before, key="poked")
        never = yield ctx.wait_condition(lambda: False, key="never", timeout=1)
        return [worked, poked, never]


@every_cache
async def test_completed_updates_answer_and_change_the_state(scene: Scene) -> None:
    async def once() -> None:
        handle = await scene.start("accounts", 100)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        assert await handle.update("deposit", [10], wait_for="completed") == {"balance": 10}
        assert await handle.query("balance") == 10
        assert await handle.update("withdraw", [4], wait_for="completed") == 6
        assert await handle.update("deposit", [94], wait_for="completed") == {"balance": 100}
        assert await scene.result(handle) == 100
        events = await scene.types(handle)
        assert [events.count(f"Update{what}") for what in ("Accepted", "Applied", "Completed")] == [
            3,
            3,
            3,
        ]

    async with scene.working(Accounts):
        await scene.several(once)


@every_cache
async def test_accepted_update_returns_at_once_and_is_applied_later(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 5)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        assert await handle.update("deposit", [5], wait_for="accepted") is None
        assert await scene.result(handle) == 5


async def test_wait_that_ends_first_returns_nothing(scene: Scene) -> None:
    handle = await scene.start("accounts", 5)
    document = await handle.update(
        "deposit", [5], wait_for="completed", wait_timeout_seconds=1, raw=True
    )
    assert document["update_status"] == "accepted"
    assert document["wait_timed_out"] is True
    async with scene.working(Accounts):
        assert await scene.result(handle) == 5


@every_cache
async def test_update_before_the_first_task_and_during_an_activity(scene: Scene) -> None:
    handle = await scene.start("accounts", 6, "vault")
    await handle.update("deposit", [1], wait_for="accepted")
    async with scene.working(Accounts):
        await scene.until(handle, lambda seen: "ActivityStarted" in seen)
        assert await handle.update("deposit", [2], wait_for="completed") == {"balance": 3}
        assert await handle.query("balance") == 3
        gate("vault").set()
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        assert await handle.update("deposit", [3], wait_for="completed") == {"balance": 6}
        assert await scene.result(handle) == 6


@every_cache
async def test_validator_rejects_before_anything_is_recorded(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 5)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        for amount, says in [(0, "amount must be positive"), ("x", "amount must be a number")]:
            with pytest.raises(UpdateRejected, match=says) as rejected:
                await handle.update("deposit", [amount], wait_for="completed")
            assert rejected.value.reason == "update_rejected"
        with pytest.raises(UpdateRejected, match="returned false"):
            await handle.update("frozen")
        assert [name for name in await scene.types(handle) if name == "UpdateAccepted"] == []
        assert await handle.query("balance") == 0
        await handle.update("deposit", [5])
        assert await scene.result(handle) == 5


@pytest.fixture
def without_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that do not offer `update_validation`, as those of the reference."""
    known = Registration.capabilities

    def without(self: Registration) -> list[str]:
        return [each for each in known(self) if each != "update_validation"]

    monkeypatch.setattr(Registration, "capabilities", without)


@every_cache
async def test_validator_rejects_at_apply_time_where_nobody_asks_before(
    scene: Scene, without_validation: None
) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 5)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(UpdateRejected, match="amount must be positive"):
            await handle.update("deposit", [0], wait_for="completed")
        completed = payloads_of(await scene.history(handle), "UpdateCompleted")
        assert "amount must be positive" in completed[0]["message"]
        await handle.update("deposit", [5], wait_for="completed")
        assert await scene.result(handle) == 5


async def test_unknown_update_is_refused(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 1)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(DurableWorkflowError, match="unknown update 'nothing'"):
            await handle.update("nothing", wait_for="completed")
        await handle.update("deposit", [1])
        assert await scene.result(handle) == 1


@every_cache
async def test_handler_that_raises_fails_the_update_alone(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 5)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(InvalidArgument, match="only 0 left"):
            await handle.update("withdraw", [1], wait_for="completed")
        assert await handle.update("deposit", [5], wait_for="completed") == {"balance": 5}
        assert await scene.result(handle) == 5
        completed = payloads_of(await scene.history(handle), "UpdateCompleted")
        assert completed[0]["message"] == "update handler failed: only 0 left"
        assert (await scene.types(handle)).count("UpdateApplied") == 1


async def test_update_result_that_cannot_be_encoded(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 5)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(DurableWorkflowError):
            await handle.update("object", wait_for="completed", wait_timeout_seconds=5)
        await handle.update("deposit", [5])
        assert await scene.result(handle) == 5


@every_cache
async def test_several_updates_are_applied_in_the_order_of_acceptance(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 55)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        answers = await asyncio.gather(
            *[handle.update("deposit", [n], wait_for="completed") for n in range(1, 11)]
        )
        assert max(answer["balance"] for answer in answers) == 55
        assert await scene.result(handle) == 55
        events = await scene.history(handle)
        accepted = [payload["update_id"] for payload in payloads_of(events, "UpdateAccepted")]
        assert [
            payload["update_id"] for payload in payloads_of(events, "UpdateApplied")
        ] == accepted


async def test_update_asked_for_twice_is_applied_once(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 10)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        for _ in range(2):
            answer = await handle.update(
                "deposit", [7], wait_for="completed", request_id="the same"
            )
            assert answer == {"balance": 7}
        assert await handle.query("balance") == 7
        await handle.update("deposit", [3], wait_for="completed", request_id="another")
        assert await scene.result(handle) == 10


async def test_update_that_does_not_decode_is_answered_and_harms_nothing(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 5)
        other = await scene.start("accounts", 5)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        answer = await scene.post(
            f"/api/workflows/{handle.workflow_id}/update/deposit",
            {"input": ELSEWHERE, "wait_for": "completed", "wait_timeout_seconds": 5},
        )
        assert answer.status_code in {409, 422}, answer.text
        await other.update("deposit", [5])
        assert await scene.result(other) == 5
        await handle.update("deposit", [5])
        assert await scene.result(handle) == 5


async def test_update_of_a_closed_run_is_refused(scene: Scene) -> None:
    async with scene.working(Accounts):
        handle = await scene.start("accounts", 1)
        await handle.update("deposit", [1])
        await scene.result(handle)
        with pytest.raises(DurableWorkflowError) as refused:
            await handle.update("deposit", [1], wait_for="completed")
        assert "run_not_active" in repr(vars(refused.value))


@every_cache
async def test_updates_that_never_end_do_not_hold_up_their_run(scene: Scene) -> None:
    refused: list[str] = []

    async def poke(handle: WorkflowHandle) -> None:
        while True:
            try:
                await handle.update("poke", wait_for="completed")
            except DurableWorkflowError as error:
                refused.append(repr(vars(error)))  # the run is closed
                return

    async with scene.working(Busy):
        handle = await scene.start("busy", "busy")
        await scene.until(handle, lambda seen: "ActivityStarted" in seen)
        poking = [asyncio.create_task(poke(handle)) for _ in range(4)]
        await scene.until(handle, lambda seen: seen.count("UpdateCompleted") > 10)
        gate("busy").set()
        try:
            assert await scene.result(handle) == [1, True, False]
            await asyncio.wait_for(asyncio.gather(*poking), 10)
        finally:
            for each in poking:
                each.cancel()
    assert len(refused) == 4
    events = await scene.types(handle)
    # What resolves the run is dealt with after the updates that were there, not after them all.
    assert events.index("ConditionWaitOpened") - events.index("ActivityCompleted") < 60
