"""Code that is wrong: each way to be wrong ends as documented, and leaves other runs alone."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from durable_workflow import Worker, activity, workflow
from durable_workflow.client import WorkflowHandle
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.scene import Scene, payloads_of

Steps = Generator[Any, Any, Any]


@workflow.defn(name="good")
class Good:
    """The other run: it takes steps all the time."""

    def run(self, ctx: WorkflowContext, steps: int) -> Steps:
        for number in range(steps):
            yield ctx.schedule_activity("echo", [number])
        return steps


@workflow.defn(name="yields-junk")
class YieldsJunk:
    def run(self, ctx: WorkflowContext, what: Any, in_list: bool = False) -> Steps:
        yield ctx.schedule_activity("echo", [1])
        yield [ctx.schedule_activity("echo", [2]), what] if in_list else what


@workflow.defn(name="yields-marker-in-list")
class YieldsMarkerInList:
    def holds(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "this workflow"  # without the address that differs from replay to replay

    def run(self, ctx: WorkflowContext, which: str) -> Steps:
        members = {
            "wait": ctx.wait_condition(self.holds),
            "side effect": ctx.side_effect(lambda: 1),
            "version": ctx.get_version("x", 1, 2),
            "continue": ctx.continue_as_new(1),
        }
        yield [ctx.schedule_activity("echo", [1]), members[which]]


@workflow.defn(name="predicate-raises")
class PredicateRaises:
    def __init__(self) -> None:
        self.words: list[str] = []

    @workflow.signal("say")
    def say(self, word: str) -> None:
        self.words.append(word)

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: bool(self.words) and self.words[0].missing, key="bad")  # type: ignore[attr-defined]


@workflow.defn(name="side-effect-raises")
class SideEffectRaises:
    def run(self, ctx: WorkflowContext, catches: bool) -> Steps:
        def fn() -> None:
            raise LookupError("no dice")

        try:
            yield ctx.side_effect(fn)
        except LookupError:
            if not catches:
                raise
        return "caught"


@workflow.defn(name="never-yields")
class NeverYields:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("echo", [1])
        number = 0
        while True:
            number += 1  # the endless line


@workflow.defn(name="sleeps")
class Sleeps:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("echo", [1])
        time.sleep(2.5)  # the blocking line


@workflow.defn(name="endless-handler")
class EndlessHandler:
    def __init__(self) -> None:
        self.count = 0

    @workflow.signal("spin")
    def spin(self) -> None:
        while True:
            self.count += 1  # the handler's endless line

    @workflow.query("spin")
    def spin_query(self) -> None:
        while True:
            self.count += 1

    @workflow.query("count")
    def tell(self) -> int:
        return self.count

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: False, key="never")


@workflow.defn(name="unencodable-result")
class UnencodableResult:
    def run(self, ctx: WorkflowContext, where: str) -> Steps:
        yield ctx.schedule_activity("echo", [1])
        if where == "result":
            return object()
        if where == "arguments":
            yield ctx.schedule_activity("echo", [[object()]])
        if where == "side effect":
            yield ctx.side_effect(object)
        if where == "child":
            yield ctx.start_child_workflow("good", [object()])
        return ctx.continue_as_new(object())


@workflow.defn(name="broken-constructor")
class BrokenConstructor:
    def __init__(self) -> None:
        raise RuntimeError("cannot be made")

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.sleep(1)


@workflow.defn(name="plain-raises")
class PlainRaises:
    def run(self, ctx: WorkflowContext) -> Any:
        raise RuntimeError("before it began")


@workflow.defn(name="coroutine")
class Coroutine:
    async def run(self, ctx: WorkflowContext) -> int:
        return 1


@workflow.defn(name="without-run")
class WithoutRun:
    def start(self, ctx: WorkflowContext) -> Steps:
        yield ctx.sleep(1)


@workflow.defn(name="exits")
class Exits:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("echo", [1])
        sys.exit(3)


CLASSES = [
    Good,
    YieldsJunk,
    YieldsMarkerInList,
    PredicateRaises,
    SideEffectRaises,
    NeverYields,
    Sleeps,
    EndlessHandler,
    UnencodableResult,
    BrokenConstructor,
    PlainRaises,
    Coroutine,
    WithoutRun,
    Exits,
]


@asynccontextmanager
async def beside_a_good_run(scene: Scene, **options: Any) -> AsyncGenerator[Worker, None]:
    """A worker, and a run on it that must not notice what happens to the others."""
    async with scene.working(*CLASSES, **options) as worker:
        good = await scene.start("good", 30)
        yield worker
        assert await scene.result(good) == 30
        # And the worker still takes new ones.
        assert await scene.outcome("good", 2) == 2


async def failure_of(scene: Scene, handle: WorkflowHandle) -> dict[str, Any]:
    """Wait for a run to fail, and return the failure that its history shows."""
    await eventually(lambda: scene.describe(handle), lambda seen: seen["status"] == "failed")
    await scene.examine(handle)
    return payloads_of(await scene.history(handle), "WorkflowFailed")[0]


@pytest.mark.parametrize("junk", ["text", None, 7, {"a": 1}])
async def test_junk_that_is_yielded_fails_the_workflow(scene: Scene, junk: Any) -> None:
    async with beside_a_good_run(scene):
        handle = await scene.start("yields-junk", junk)
        failed = await failure_of(scene, handle)
    assert failed["exception_type"] == "TypeError"
    assert failed["message"].startswith(f"workflow yielded unsupported command: {junk!r}")
    assert ("ctx.schedule_activity" in failed["message"]) is (junk is None)


async def test_junk_in_a_list_fails_the_workflow(scene: Scene) -> None:
    async with beside_a_good_run(scene):
        failed = await failure_of(scene, await scene.start("yields-junk", "text", True))
    assert failed["exception_type"] == "TypeError"
    assert "'text'" in failed["message"]


@pytest.mark.parametrize("which", ["wait", "side effect", "version", "continue"])
async def test_command_that_does_not_belong_in_a_list(scene: Scene, which: str) -> None:
    async with beside_a_good_run(scene):
        failed = await failure_of(scene, await scene.start("yields-marker-in-list", which))
    assert failed["exception_type"] == "TypeError"


async def test_predicate_that_raises_fails_the_workflow(scene: Scene) -> None:
    async with beside_a_good_run(scene):
        handle = await scene.start("predicate-raises")
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        await handle.signal("say", ["x"])
        failed = await failure_of(scene, handle)
    assert failed["exception_type"] == "AttributeError"
    assert failed["message"].startswith("wait_condition predicate raised: ")


async def test_side_effect_that_raises_is_thrown_into_the_code(scene: Scene) -> None:
    async with beside_a_good_run(scene):
        assert await scene.outcome("side-effect-raises", True) == "caught"
        failed = await failure_of(scene, await scene.start("side-effect-raises", False))
    assert failed["message"] == "no dice"


async def test_where_the_code_raised_is_kept_with_the_run_and_logged(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with beside_a_good_run(scene):
        handle = await scene.start("side-effect-raises", False)
        failed = await failure_of(scene, handle)
    trace = failed["exception"]["stack_trace"]
    assert trace.startswith("Traceback (most recent call last):\n")
    assert "test_bad_code.py" in trace.splitlines()[1], "it begins with the workflow's code"
    assert trace.endswith("LookupError: no dice")
    assert (await scene.describe(handle))["failure"]["stack_trace"] == trace
    about = f"workflow {handle.workflow_id} (side-effect-raises), run {handle.run_id} failed"
    [line] = [each for each in caplog.records if each.getMessage() == about]
    assert line.exc_info is not None


@workflow.defn(name="raises-without-words")
class RaisesWithoutWords:
    def run(self, ctx: WorkflowContext, where: str) -> Steps:
        if where == "activity":
            yield ctx.schedule_activity("raise-without-words", [])
        raise AssertionError


@activity.defn(name="raise-without-words")
async def raise_without_words() -> None:
    await asyncio.wait_for(asyncio.Event().wait(), 0.01)


@pytest.mark.parametrize(
    ("where", "says"), [("workflow", "AssertionError"), ("activity", "TimeoutError")]
)
async def test_exception_without_words_fails_the_run_by_its_class(
    scene: Scene, where: str, says: str
) -> None:
    async with scene.working(RaisesWithoutWords, activities=[raise_without_words]):
        handle = await scene.start("raises-without-words", where)
        failed = await failure_of(scene, handle)
    assert failed["message"] == says


async def test_unknown_type_fails_the_task_by_name(scene: Scene) -> None:
    handle = await scene.start("nobody-knows-it")
    # A worker that lists no types is offered everything.
    async with scene.working(activities=[]):
        error = await scene.task_error(handle)
    assert error == "no workflow registered for type 'nobody-knows-it'"
    assert await scene.types(handle) == ["StartAccepted", "WorkflowStarted"]


@pytest.mark.parametrize("where", ["result", "arguments", "side effect", "child", "continue"])
async def test_what_cannot_be_encoded_fails_the_task(scene: Scene, where: str) -> None:
    async with beside_a_good_run(scene):
        handle = await scene.start("unencodable-result", where)
        error = await scene.task_error(handle)
        await handle.terminate()
    assert error.startswith("unhandled workflow task execution error: ")
    assert "a value of type object cannot be encoded at " in error


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("broken-constructor", "cannot be made"),
        ("plain-raises", "before it began"),
        ("coroutine", "async"),
        ("without-run", "test_bad_code.WithoutRun has no method `run`"),
        ("exits", "SystemExit"),
    ],
)
async def test_code_that_cannot_be_run_fails_the_task(scene: Scene, name: str, says: str) -> None:
    async with beside_a_good_run(scene):
        handle = await scene.start(name)
        error = await scene.task_error(handle)
        await handle.terminate()
    assert error.startswith("replay failed: ")
    assert says in error


async def test_wrong_number_of_arguments_fails_the_task(scene: Scene) -> None:
    async with beside_a_good_run(scene):
        handle = await scene.start("good", 1, 2, 3)
        assert "argument" in await scene.task_error(handle)
        await handle.terminate()


def line_of(text: str) -> int:
    """The number of the line of this file that ends with a comment."""
    with open(__file__, encoding="utf-8") as file:
        return next(n for n, line in enumerate(file, 1) if line.rstrip().endswith(f"# {text}"))


@pytest.mark.parametrize(
    ("name", "text"), [("never-yields", "the endless line"), ("sleeps", "the blocking line")]
)
async def test_code_that_does_not_yield_is_stopped_and_its_line_is_named(
    scene: Scene, name: str, text: str
) -> None:
    async with beside_a_good_run(scene, workflow_deadline_seconds=0.5):
        handle = await scene.start(name)
        error = await scene.task_error(handle)
        number = line_of(text)
        # A loop is interrupted at its head or in its body.
        assert any(
            f"test_bad_code.py:{n}" in error or f"line {n}" in error for n in (number, number - 1)
        )
        assert "test_bad_code.py" in error
        await handle.terminate()


async def test_other_runs_go_on_while_code_blocks(scene: Scene) -> None:
    async with scene.working(*CLASSES, workflow_deadline_seconds=6.0):
        handle = await scene.start("never-yields")
        await scene.until(handle, lambda seen: "ActivityCompleted" in seen)
        began = time.monotonic()
        assert await scene.outcome("good", 5) == 5
        took = time.monotonic() - began
        error = await scene.task_error(handle)
        assert "test_bad_code.py" in error
        # Five steps beside a spinning thread: the loop was never held up for long.
        assert took < 6.0
        await handle.terminate()


async def test_endless_handlers_are_stopped_too(scene: Scene) -> None:
    async with beside_a_good_run(scene, workflow_deadline_seconds=0.5):
        handle = await scene.start("endless-handler")
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
        with pytest.raises(Exception, match="test_bad_code"):
            await handle.query("spin")
        assert await handle.query("count") == 0
        await handle.signal("spin")
        assert "test_bad_code.py" in await scene.task_error(handle)
        await handle.terminate()


async def test_failed_tasks_are_tried_again_with_pauses(scene: Scene) -> None:
    async with scene.working(*CLASSES):
        handle = await scene.start("plain-raises")
        described = await eventually(
            lambda: scene.describe(handle),
            lambda seen: bool(
                seen["workflow_task"] and seen["workflow_task"]["failure_count"] >= 2
            ),
        )
        assert described["is_terminal"] is False
        assert described["workflow_task"]["failure_count"] == 2
        # Visible, and no part of history.
        assert await scene.types(handle) == ["StartAccepted", "WorkflowStarted"]
        await handle.terminate()


async def test_mended_code_takes_the_run_up_again(scene: Scene) -> None:
    @workflow.defn(name="plain-raises")
    class Mended:
        def run(self, ctx: WorkflowContext) -> Any:
            return "mended"

    async with scene.working(PlainRaises):
        handle = await scene.start("plain-raises")
        await scene.task_error(handle)
    async with scene.working(Mended):
        assert await scene.result(handle) == "mended"
    assert threading.active_count() < 200
    await asyncio.sleep(0)
