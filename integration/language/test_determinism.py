"""What a workflow draws, measures and decides by version is the same in every replay."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Generator
from datetime import datetime
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.workflow import WorkflowContext
from integration.language.scene import DEFAULT_CACHE, Scene, payloads_of

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)

calls: list[str] = []


@workflow.defn(name="side-effects")
class SideEffects:
    """Draw from outside between steps."""

    def __init__(self) -> None:
        self.go = False

    @workflow.signal("go")
    def on_go(self) -> None:
        self.go = True

    def run(self, ctx: WorkflowContext, name: str) -> Steps:
        def draw() -> str:
            calls.append(name)
            return uuid.uuid4().hex

        drawn = [(yield ctx.side_effect(draw))]
        yield ctx.schedule_activity("echo", [1])
        drawn.append((yield ctx.side_effect(draw)))
        yield ctx.wait_condition(lambda: self.go, key="go")
        drawn.append((yield ctx.side_effect(draw)))
        echoed = yield [ctx.schedule_activity("echo", [each]) for each in drawn]
        return [drawn, echoed]


@workflow.defn(name="draws")
class Draws:
    """Send what was drawn through activities: the result has what the first execution drew."""

    def run(self, ctx: WorkflowContext, steps: int) -> Steps:
        pairs: list[Any] = []
        for _ in range(steps):
            drawn = [
                str(ctx.uuid4()),
                str(ctx.uuid7()),
                ctx.random().randint(1, 10**9),
                ctx.now().isoformat(),
            ]
            pairs.append([drawn, (yield ctx.schedule_activity("echo", [drawn]))])
        return pairs


@workflow.defn(name="clock")
class Clock:
    """The time before and after each step, and in handlers."""

    def __init__(self) -> None:
        self.ctx: WorkflowContext | None = None
        self.heard: list[str] = []

    @workflow.signal("tick")
    def tick(self) -> None:
        assert self.ctx is not None
        self.heard.append(self.ctx.now().isoformat())

    def run(self, ctx: WorkflowContext) -> Steps:
        self.ctx = ctx
        times = [ctx.now().isoformat()]
        yield ctx.schedule_activity("echo", [1])
        times.append(ctx.now().isoformat())
        yield ctx.sleep(1)
        times.append(ctx.now().isoformat())
        yield ctx.wait_condition(lambda: bool(self.heard), key="tick")
        times.append(ctx.now().isoformat())
        return {"times": times, "heard": self.heard}


@workflow.defn(name="chatty")
class Chatty:
    """Log between all steps."""

    def run(self, ctx: WorkflowContext, name: str) -> Steps:
        ctx.logger.info("%s begins", name)
        yield ctx.schedule_activity("echo", [1])
        ctx.logger.warning("%s after one", name)
        yield ctx.schedule_activity("echo", [2])
        ctx.logger.error("%s after two", name)
        yield ctx.side_effect(lambda: 3)
        ctx.logger.debug("%s ends", name)


class OldCode:
    """The code before the change."""

    def __init__(self) -> None:
        self.go = False

    @workflow.signal("go")
    def on_go(self) -> None:
        self.go = True

    def is_going(self) -> bool:
        """What the wait is for: a method, which has one name in all versions of the code."""
        return self.go

    def run(self, ctx: WorkflowContext) -> Steps:
        first = yield ctx.schedule_activity("echo", ["old"])
        yield ctx.wait_condition(self.is_going, key="go")
        return [first]


class Versioned(OldCode):
    """The change, guarded by a version."""

    def run(self, ctx: WorkflowContext) -> Steps:
        version = yield ctx.get_version("change", 1, 2)
        first = yield ctx.schedule_activity("echo", ["old" if version == 1 else "new"])
        yield ctx.wait_condition(self.is_going, key="go")
        return [version, first]


class Patched(OldCode):
    """The change, guarded by a patch."""

    def run(self, ctx: WorkflowContext) -> Steps:
        is_new = yield ctx.patched("change")
        first = yield ctx.schedule_activity("echo", ["new" if is_new else "old"])
        yield ctx.wait_condition(self.is_going, key="go")
        return [is_new, first]


class Deprecated(OldCode):
    """The change, when no run needs the old code any more."""

    def run(self, ctx: WorkflowContext) -> Steps:
        nothing = yield ctx.deprecate_patch("change")
        first = yield ctx.schedule_activity("echo", ["new"])
        yield ctx.wait_condition(self.is_going, key="go")
        return [nothing, first]


class Broken(OldCode):
    """The change, without a guard: not deterministic for runs of the old code."""

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.sleep(1)
        return "unreachable for old runs"


def as_type(code: type, name: str = "evolving") -> type:
    """The code as a workflow type: what a deployment makes of a class."""
    return workflow.defn(name=name)(type(code.__name__, (code,), {"__qualname__": "Evolving"}))


async def old_run(scene: Scene, code: type) -> Any:
    """A run that a worker with this code brought to its wait."""
    async with scene.working(as_type(code)):
        handle = await scene.start("evolving")
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
    return handle


@every_cache
async def test_side_effects_are_called_once_in_all(scene: Scene) -> None:
    async def once() -> None:
        handle = await scene.start("side-effects", name := uuid.uuid4().hex)
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("go")
        drawn, echoed = await handle.result()
        assert drawn == echoed
        assert len(set(drawn)) == 3
        assert calls.count(name) == 3
        await scene.examine(handle)
        assert calls.count(name) == 3
        assert (await scene.types(handle)).count("SideEffectRecorded") == 3

    async with scene.working(SideEffects):
        await scene.several(once)


@every_cache
async def test_draws_and_times_are_the_same_after_eviction(scene: Scene) -> None:
    async def once() -> None:
        handle = await scene.start("draws", 6)
        pairs = await scene.result(handle)
        assert [drawn for drawn, _ in pairs] == [echoed for _, echoed in pairs]
        assert len({pair[0][0] for pair in pairs}) == 6
        assert [uuid.UUID(pair[0][0]).version for pair in pairs] == [4] * 6
        assert [uuid.UUID(pair[0][1]).version for pair in pairs] == [7] * 6

    async with scene.working(Draws):
        await scene.several(once)


async def test_two_runs_draw_differently(scene: Scene) -> None:
    async with scene.working(Draws):
        (one,), (two,) = await scene.outcome("draws", 1), await scene.outcome("draws", 1)
    assert one[0][:3] != two[0][:3]


@every_cache
async def test_time_is_that_of_the_event_that_woke_the_code(scene: Scene) -> None:
    async with scene.working(Clock):
        handle = await scene.start("clock")
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("tick")
        result = await scene.result(handle)
    events = await scene.history(handle)
    assert payloads_of(events, "WorkflowStarted")[0]["clock"] == "event"

    def at(event_type: str) -> datetime:
        return next(
            datetime.fromisoformat(event["timestamp"])
            for event in events
            if event["event_type"] == event_type
        )

    shown = [datetime.fromisoformat(each) for each in result["times"]]
    assert shown[1:] == [at("ActivityCompleted"), at("TimerFired"), at("SignalReceived")]
    assert [datetime.fromisoformat(each) for each in result["heard"]] == [at("SignalReceived")]
    assert shown == sorted(shown)
    assert (shown[2] - shown[1]).total_seconds() >= 1


@every_cache
async def test_lines_are_logged_once_whatever_is_replayed(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="durable_workflow.workflow.replay")
    async with scene.working(Chatty):
        handle = await scene.start("chatty", "chatty")
        await scene.result(handle)
    lines = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "durable_workflow.workflow.replay"
    ]
    assert lines == [
        ("INFO", "chatty begins"),
        ("WARNING", "chatty after one"),
        ("ERROR", "chatty after two"),
        ("DEBUG", "chatty ends"),
    ]


@every_cache
@pytest.mark.parametrize(
    ("code", "result"),
    [
        (Versioned, [2, "new"]),
        (Patched, [True, "new"]),
        (Deprecated, [None, "new"]),
    ],
)
async def test_new_runs_follow_the_new_code(scene: Scene, code: type, result: list[Any]) -> None:
    async with scene.working(as_type(code)):
        handle = await scene.start("evolving")
        await handle.signal("go")
        assert await scene.result(handle) == result
    recorded = payloads_of(await scene.history(handle), "VersionMarkerRecorded")
    assert [each["change_id"] for each in recorded] == ["change"]


@pytest.mark.parametrize(("code", "result"), [(Versioned, [1, "old"]), (Patched, [False, "old"])])
async def test_old_runs_without_a_marker_follow_the_old_code(
    scene: Scene, code: type, result: list[Any]
) -> None:
    handle = await old_run(scene, OldCode)
    async with scene.working(as_type(code)):
        await handle.signal("go")
        assert await scene.result(handle) == result
    assert "VersionMarkerRecorded" not in await scene.types(handle)


async def test_patched_run_goes_on_under_the_code_that_deprecates_the_patch(scene: Scene) -> None:
    handle = await old_run(scene, Patched)
    async with scene.working(as_type(Deprecated)):
        await handle.signal("go")
        assert await scene.result(handle) == [None, "new"]


async def test_recorded_version_stays_when_the_range_moves_on(scene: Scene) -> None:
    class Later(OldCode):
        def run(self, ctx: WorkflowContext) -> Steps:
            version = yield ctx.get_version("change", 1, 5)
            first = yield ctx.schedule_activity("echo", ["new"])
            yield ctx.wait_condition(self.is_going, key="go")
            return [version, first]

    handle = await old_run(scene, Versioned)
    async with scene.working(as_type(Later)):
        await handle.signal("go")
        assert await scene.result(handle) == [2, "new"]


async def test_code_that_changed_without_a_guard_is_told_and_the_run_lives(scene: Scene) -> None:
    handle = await old_run(scene, OldCode)
    async with scene.working(as_type(Broken)):
        await handle.signal("go")
        error = await scene.task_error(handle)
        assert "ActivityScheduled" in error
        assert "timer" in error
    async with scene.working(as_type(OldCode)):
        assert await scene.result(handle) == ["old"]
