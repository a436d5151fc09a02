"""The workflows of a run: lists of steps that a seed draws, and the results that they must have."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator
from typing import Any, Final

from durable_workflow import (
    ActivityFailed,
    ActivityRetryPolicy,
    NonRetryableError,
    activity,
    workflow,
)
from durable_workflow.errors import ChildWorkflowFailed
from durable_workflow.workflow import WorkflowContext

Step = list[Any]
Steps = Generator[Any, Any, Any]

# Lost attempts count, and a bad hour loses many.
_PATIENT: Final = ActivityRetryPolicy(
    max_attempts=100, initial_interval_seconds=1, maximum_interval_seconds=2
)


# What nobody ends ends by itself.
_ABANDONED_SECONDS: Final = 50


@activity.defn(name="double")
async def double(number: int) -> int:
    """Twice the number, after a moment."""
    await asyncio.sleep(0.05 * (number % 5))
    return 2 * number


@activity.defn(name="triple")
def triple(number: int) -> int:
    """Three times the number, in a thread."""
    return 3 * number


@activity.defn(name="flaky")
async def flaky(number: int, failures: int) -> int:
    """Fail in the first attempts."""
    if activity.context().info.attempt_number <= failures:
        raise ValueError("not yet")
    return number


@activity.defn(name="doomed")
async def doomed() -> None:
    """Fail for good."""
    raise NonRetryableError("never")


@activity.defn(name="slow")
async def slow(seconds: int) -> int:
    """Take longer than the heartbeat timeout, by heartbeats."""
    for _ in range(seconds):
        await activity.context().heartbeat({"alive": True})
        await asyncio.sleep(1)
    return seconds


@workflow.defn(name="broken")
class Broken:
    """Fail behind an activity."""

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("double", [1], retry_policy=_PATIENT)
        raise ValueError("broken")


@workflow.defn(name="endless")
class Endless:
    """Wait for ever, with a child that does too."""

    def run(self, ctx: WorkflowContext, children: int, policy: str) -> Steps:
        waits: list[Any] = [
            ctx.start_child_workflow(
                "endless",
                [children - 1, policy],
                parent_close_policy=policy,
                execution_timeout_seconds=_ABANDONED_SECONDS,
            )
            for _ in range(min(children, 1))
        ]
        yield [*waits, ctx.start_timer(100_000)]


@workflow.defn(name="scripted")
class Scripted:
    """Take the steps of a list, and return what each of them gave."""

    def __init__(self) -> None:
        self.signals: list[int] = []
        self.added: list[int] = []

    @workflow.signal("note")
    def note(self, number: int) -> None:
        self.signals.append(number)

    @workflow.update("add")
    def add(self, number: int) -> int:
        self.added.append(number)
        return 10 * number

    def run(
        self,
        ctx: WorkflowContext,
        steps: list[Step],
        results: list[Any],
        signals: list[int],
        added: list[int],
    ) -> Steps:
        # What the run before had not seen may have come already.
        self.signals[:0] = signals
        self.added[:0] = added
        for at, (kind, *given) in enumerate(steps):
            if kind == "again":
                return ctx.continue_as_new(
                    steps[at + 1 :], [*results, "again"], self.signals, self.added
                )
            results.append((yield from _TAKEN[kind](self, ctx, *given)))
        return {
            "results": results,
            "signals": sorted(self.signals),
            "added": sorted(self.added),
        }

    def take_activity(self, ctx: WorkflowContext, name: str, *given: Any) -> Steps:
        try:
            value = yield ctx.schedule_activity(
                name,
                list(given),
                retry_policy=_PATIENT,
                heartbeat_timeout=4 if name == "slow" else None,
            )
        except ActivityFailed:
            return "failed"
        return value

    def take_fan(self, ctx: WorkflowContext, members: list[Step]) -> Steps:
        values = yield [_member(ctx, *each) for each in members]
        return values

    def take_sleep(self, ctx: WorkflowContext, seconds: int) -> Steps:
        yield ctx.start_timer(seconds)
        return "slept"

    def take_child(self, ctx: WorkflowContext, steps: list[Step]) -> Steps:
        value = yield ctx.start_child_workflow("scripted", [steps, [], [], []])
        return value

    def take_broken(self, ctx: WorkflowContext) -> Steps:
        try:
            yield ctx.start_child_workflow("broken", [])
        except ChildWorkflowFailed:
            return "child failed"
        return "child did not fail"

    def take_side(self, ctx: WorkflowContext) -> Steps:
        value = yield ctx.side_effect(lambda: 7)
        version = yield ctx.get_version("change", 1, 2)
        return [value, version]

    def take_wait(self, ctx: WorkflowContext, seconds: int) -> Steps:
        held = yield ctx.wait_condition(lambda: False, key="never", timeout=seconds)
        return held

    def take_signals(self, ctx: WorkflowContext, count: int) -> Steps:
        held = yield ctx.wait_condition(lambda: len(self.signals) >= count, key="signals")
        return held

    def take_updates(self, ctx: WorkflowContext, count: int) -> Steps:
        held = yield ctx.wait_condition(lambda: len(self.added) >= count, key="updates")
        return held


def _member(ctx: WorkflowContext, kind: str, *given: Any) -> Any:
    if kind == "sleep":
        return ctx.start_timer(given[0])
    if kind == "child":
        return ctx.start_child_workflow("scripted", [given[0], [], [], []])
    return ctx.schedule_activity(given[0], list(given[1:]), retry_policy=_PATIENT)


_TAKEN: Final[dict[str, Callable[..., Steps]]] = {
    "activity": Scripted.take_activity,
    "fan": Scripted.take_fan,
    "sleep": Scripted.take_sleep,
    "child": Scripted.take_child,
    "broken": Scripted.take_broken,
    "side": Scripted.take_side,
    "wait": Scripted.take_wait,
    "signals": Scripted.take_signals,
    "updates": Scripted.take_updates,
}

WORKFLOWS: Final = [Scripted, Broken, Endless]
ACTIVITIES: Final[list[Callable[..., Any]]] = [double, triple, flaky, doomed, slow]


# --- what a seed draws, and what must come of it ---------------------------------------------


def draw_steps(dice: random.Random, depth: int = 0) -> list[Step]:
    """A list of steps."""
    steps: list[Step] = []
    signals = updates = 0
    for _ in range(dice.randint(1, 4 if depth else 6)):
        kind = dice.choice(_KINDS if not depth else _KINDS_OF_CHILDREN)
        if kind == "signals":
            signals += dice.randint(1, 3)
            steps.append(["signals", signals])
        elif kind == "updates":
            updates += dice.randint(1, 2)
            steps.append(["updates", updates])
        else:
            steps.append(_draw_step(dice, kind, depth))
    return steps


_KINDS_OF_CHILDREN: Final = ("activity", "activity", "fan", "sleep", "side", "wait", "again")
_KINDS: Final = (*_KINDS_OF_CHILDREN, "child", "broken", "signals", "updates", "signals", "updates")


def _draw_step(dice: random.Random, kind: str, depth: int) -> Step:
    if kind == "activity":
        return ["activity", *draw_activity(dice)]
    if kind == "fan":
        return ["fan", [_draw_member(dice, depth) for _ in range(dice.randint(2, 6))]]
    if kind in ("sleep", "wait"):
        return [kind, dice.randint(1, 5)]
    if kind == "child":
        return ["child", draw_steps(dice, depth + 1)]
    return [kind]


def draw_activity(dice: random.Random) -> list[Any]:
    """An activity and its arguments."""
    name = dice.choice(("double", "triple", "flaky", "doomed", "slow"))
    if name == "flaky":
        return [name, dice.randint(1, 99), dice.randint(1, 3)]
    if name == "doomed":
        return [name]
    return [name, dice.randint(1, 8 if name == "slow" else 99)]


def _draw_member(dice: random.Random, depth: int) -> Step:
    kind = dice.choice(("activity", "activity", "sleep", "child"))
    if kind == "sleep":
        return [kind, dice.randint(1, 4)]
    if kind == "child" and not depth:
        return [kind, draw_steps(dice, depth + 1)]
    return ["activity", dice.choice(("double", "triple")), dice.randint(1, 99)]


def needed(steps: list[Step], kind: str) -> int:
    """How many signals, or updates, a workflow waits for."""
    return max((given[0] for name, *given in steps if name == kind), default=0)


def expected(steps: list[Step]) -> dict[str, Any]:
    """What a workflow returns that got the signals 0, 1, ... and the updates 0, 1, ..."""
    return {
        "results": [_result(*step) for step in steps],
        "signals": list(range(needed(steps, "signals"))),
        "added": list(range(needed(steps, "updates"))),
    }


def _result(kind: str, *given: Any) -> Any:
    if kind == "activity":
        return activity_result(*given)
    if kind == "fan":
        return [None if each[0] == "sleep" else _result(*each) for each in given[0]]
    if kind == "child":
        return expected(given[0])
    return {
        "sleep": "slept",
        "broken": "child failed",
        "side": [7, 2],
        "wait": False,
        "signals": True,
        "updates": True,
        "again": "again",
    }[kind]


def activity_result(name: str, *given: int) -> Any:
    """What comes of an activity."""
    factors = {"double": 2, "triple": 3}
    if name == "doomed":
        return "failed"
    return given[0] * factors.get(name, 1)
