"""Signals: when they are applied, and what becomes of those that cannot be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import SignalFailed, workflow
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.activities import gate
from integration.language.scene import DEFAULT_CACHE, ELSEWHERE, Scene, payloads_of

Steps = Generator[Any, Any, Any]
every_cache = pytest.mark.parametrize("cache", [0, 1, DEFAULT_CACHE], indirect=True)


@workflow.defn(name="listens")
class Listens:
    """Note what is known after each step; wait for `wanted` signals in between."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @workflow.signal("say")
    def say(self, *words: Any) -> None:
        self.heard.append(list(words))

    def run(self, ctx: WorkflowContext, name: str, wanted: int) -> Steps:
        notes = [len(self.heard)]
        yield ctx.schedule_activity("later", [1, f"{name}-first", None])
        notes.append(len(self.heard))
        yield ctx.wait_condition(lambda: len(self.heard) >= wanted, key="enough")
        notes.append(len(self.heard))
        yield ctx.schedule_activity("later", [2, f"{name}-second", None])
        notes.append(len(self.heard))
        return {"notes": notes, "heard": self.heard}


@workflow.defn(name="approval")
class Approval:
    """The guide's."""

    def __init__(self) -> None:
        self.approved = False
        self.approved_by: str | None = None

    @workflow.signal("approve")
    def approve(self, by: str) -> None:
        self.approved = True
        self.approved_by = by

    def run(self, ctx: WorkflowContext, *args: Any) -> Steps:
        yield ctx.schedule_activity("later", [None, args[0], None])
        return {"approved": self.approved, "approved_by": self.approved_by}


@workflow.defn(name="bad-listener")
class BadListener:
    """Its handler raises."""

    @workflow.signal("say")
    def say(self, *words: Any) -> None:
        raise LookupError(f"cannot bear {words}")

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: False, key="never")


@every_cache
async def test_signals_before_between_and_after_waits(scene: Scene) -> None:
    async def once() -> None:
        handle = await scene.start("listens", name := f"l{id(object())}", 3)
        await handle.signal("say", ["during the first activity"])
        gate(f"{name}-first").set()
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("say", ["one"])
        await scene.until(handle, lambda seen: seen.count("SignalReceived") == 2)
        await handle.signal("say", ["two"])
        await scene.until(handle, lambda seen: seen.count("ActivityScheduled") == 2)
        await handle.signal("say", ["behind the wait"])
        gate(f"{name}-second").set()
        result = await scene.result(handle)
        assert result["notes"][1:] == [1, 3, 4]
        assert result["heard"] == [
            ["during the first activity"],
            ["one"],
            ["two"],
            ["behind the wait"],
        ]

    async with scene.working(Listens):
        await scene.several(once)


@every_cache
async def test_signals_sent_before_any_worker_are_applied_in_order(scene: Scene) -> None:
    handle = await scene.start("listens", "early", 3)
    for number in range(3):
        await handle.signal("say", [number])
    gate("early-first").set()
    gate("early-second").set()
    async with scene.working(Listens):
        result = await scene.result(handle)
    # Seen after `run` came to its first yield: not at its start.
    assert result["notes"] == [0, 3, 3, 3]
    assert result["heard"] == [[0], [1], [2]]
    # The wait held when it was yielded, so nothing of it was recorded.
    assert "ConditionWaitOpened" not in await scene.types(handle)


@every_cache
async def test_guides_approval(scene: Scene) -> None:
    async def once() -> None:
        handle = await scene.start("approval", name := f"a{id(object())}")
        await scene.until(handle, lambda seen: "ActivityStarted" in seen)
        await handle.signal("approve", ["Ada"])
        gate(name).set()
        assert await scene.result(handle) == {"approved": True, "approved_by": "Ada"}

    async with scene.working(Approval):
        await scene.several(once)


async def test_several_signals_at_once_are_all_applied(scene: Scene) -> None:
    async with scene.working(Listens):
        handle = await scene.start("listens", "crowd", 40)
        gate("crowd-first").set()
        gate("crowd-second").set()
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await asyncio.gather(*[handle.signal("say", [number]) for number in range(40)])
        result = await scene.result(handle)
    received = payloads_of(await scene.history(handle), "SignalReceived")
    assert len(received) == 40
    assert sorted(word for (word,) in result["heard"]) == list(range(40))


async def test_signals_without_and_with_arguments(scene: Scene) -> None:
    async with scene.working(Listens):
        handle = await scene.start("listens", "args", 3)
        gate("args-first").set()
        gate("args-second").set()
        await handle.signal("say")
        await handle.signal("say", [])
        await handle.signal("say", ["one", {"two": [2]}, None])
        assert (await scene.result(handle))["heard"] == [[], [], ["one", {"two": [2]}, None]]


async def test_unknown_signal_is_recorded_and_dropped(scene: Scene) -> None:
    async with scene.working(Listens):
        handle = await scene.start("listens", "unknown", 1)
        gate("unknown-first").set()
        gate("unknown-second").set()
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("nobody-listens", [1])
        await handle.signal("say", ["known"])
        assert (await scene.result(handle))["heard"] == [["known"]]
    names = [p["signal_name"] for p in payloads_of(await scene.history(handle), "SignalReceived")]
    assert names == ["nobody-listens", "say"]


async def test_signal_that_does_not_decode_fails_the_task_and_is_reported(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.working(Listens):
        handle = await scene.start("listens", "undecodable", 1)
        other = await scene.start("listens", "fine", 1)
        gate("undecodable-first").set()
        gate("fine-first").set()
        gate("fine-second").set()
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with caplog.at_level(logging.ERROR, logger="durable_workflow.workflow.replay"):
            sent = await scene.post(
                f"/api/workflows/{handle.workflow_id}/signal/say", {"input": ELSEWHERE}
            )
            assert sent.status_code == 202, sent.text
            error = await scene.task_error(handle)
        await other.signal("say", ["x"])
        assert (await scene.result(other))["heard"] == [["x"]]
        records = [r for r in caplog.records if hasattr(r, "durable_workflow_payload_decode")]
        data = vars(records[0])["durable_workflow_payload_decode"]
        assert data["workflow_id"] == handle.workflow_id
        assert data["run_id"] == handle.run_id
        assert data["signal_name"] == "say"
        assert data["codec"] == "avro"
        assert "cannot decode arguments of signal 'say' with codec 'avro'" in error
        await handle.terminate()


async def test_handler_that_raises_fails_the_workflow(scene: Scene) -> None:
    async with scene.working(BadListener):
        handle = await scene.start("bad-listener")
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("say", ["hm"])
        described = await eventually(
            lambda: scene.describe(handle), lambda seen: bool(seen["is_terminal"])
        )
        assert described["status"] == "failed"
        assert described["failure"]["message"] == "cannot bear ('hm',)"
        await scene.examine(handle)
    failed = payloads_of(await scene.history(handle), "WorkflowFailed")
    assert failed[0]["exception_type"] == "LookupError"


async def test_signal_to_a_closed_run_is_refused(scene: Scene) -> None:
    async with scene.working(Approval):
        gate("closed").set()
        handle = await scene.start("approval", "closed")
        await scene.result(handle)
        with pytest.raises(SignalFailed):
            await handle.signal("approve", ["late"])
