"""Workflow code on the event loop: while it is quick, watched, and without harm to the loop."""

# pyright: reportPrivateUsage=false

import asyncio
import contextvars
import itertools
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow.worker import _loop_code, _paces
from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._loop_code import LoopCode
from durable_workflow.worker._overruns import CodeInterrupted, CodeOverran
from durable_workflow.worker._paces import (
    LONG_SECONDS,
    QUICK_SECONDS,
    QUICK_TASKS_PER_SLOW,
    pace_of,
)
from integration.harness.quick_code import keep_code_quick

LIMIT = 0.2


def quick() -> type:
    """A workflow that has been quick in a thread."""
    workflow = type("Flow", (), {})
    pace_of(workflow).note(0.0)
    return workflow


@pytest.fixture
def workflow() -> type:
    return quick()


@pytest.fixture
def code() -> Generator[LoopCode]:
    pool = CodeThreads("test", 2, limit_seconds=LIMIT)
    yield LoopCode(pool, limit_seconds=LIMIT)
    pool.close()


@pytest.fixture
def unheld(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_code_quick(monkeypatch)


def here(run: CodeRun[int]) -> int:
    return threading.get_ident()


def spin(run: CodeRun[Any]) -> None:
    with run.timed():
        for _ in itertools.count():
            pass  # the endless line


async def on_the_loop(code: LoopCode, workflow: type) -> bool:
    return await code.run(workflow, [], here) == threading.get_ident()


@pytest.mark.usefixtures("unheld")
async def test_quick_code_stays_on_the_loop(code: LoopCode, workflow: type) -> None:
    for _ in range(3):
        assert await on_the_loop(code, workflow)


def block(run: CodeRun[None]) -> None:
    time.sleep(2 * QUICK_SECONDS)


def compute(run: CodeRun[None]) -> None:
    until = time.thread_time() + 2 * QUICK_SECONDS
    while time.thread_time() < until:
        pass


async def test_a_workflow_proves_quick_in_a_thread_first(code: LoopCode) -> None:
    workflow = type("Flow", (), {})
    await code.run(workflow, [], block)
    # A busy machine may make any task slow, so it may try again, but not on the loop.
    assert not await on_the_loop(code, workflow)
    async with asyncio.timeout(30):
        while not await on_the_loop(code, workflow):
            pass


@pytest.mark.parametrize("work", [block, compute])
async def test_code_that_holds_the_loop_again_and_again_leaves_it(
    code: LoopCode,
    workflow: type,
    work: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Beside other tests each of the three may take as long as one that leaves at once.
    monkeypatch.setattr(_paces, "LONG_SECONDS", 30)
    with caplog.at_level(logging.INFO, "durable_workflow.worker"):
        for _ in range(3):
            assert "event loop" not in caplog.text
            await code.run(workflow, [], work)
    assert "a task of workflow Flow took" in caplog.text
    assert not await on_the_loop(code, workflow)
    # On whichever worker of the process.
    other = LoopCode(code._threads, limit_seconds=LIMIT)
    assert not await on_the_loop(other, workflow)
    assert await on_the_loop(other, quick())


async def test_code_that_has_left_the_loop_comes_back_once_it_is_quick(
    code: LoopCode, workflow: type
) -> None:
    for _ in range(3):
        await code.run(workflow, [], block)
    for _ in range(2 * QUICK_TASKS_PER_SLOW):
        assert not await on_the_loop(code, workflow)
    async with asyncio.timeout(30):
        while not await on_the_loop(code, workflow):
            pass


async def test_code_that_holds_the_loop_for_long_leaves_it_at_once(
    workflow: type, caplog: pytest.LogCaptureFixture
) -> None:
    pool = CodeThreads("test", 2, limit_seconds=10)
    code = LoopCode(pool, limit_seconds=10)
    with caplog.at_level(logging.INFO, "durable_workflow.worker"):
        await code.run(workflow, [], lambda run: time.sleep(1.1 * LONG_SECONDS))
    assert "a task of workflow Flow took" in caplog.text
    assert not await on_the_loop(code, workflow)
    pool.close()


@pytest.mark.parametrize("events", [0, 101], ids=["light", "heavy"])
async def test_code_that_overran_in_a_thread_never_comes_to_the_loop(
    code: LoopCode, events: int
) -> None:
    workflow = type("Flow", (), {})
    with pytest.raises(CodeOverran):
        await code.run(workflow, [{"payload": {}}] * events, spin)
    for _ in range(4 * QUICK_TASKS_PER_SLOW):
        assert not await on_the_loop(code, workflow)


async def test_an_endless_loop_is_interrupted_and_the_loop_lives(
    code: LoopCode, workflow: type
) -> None:
    began = time.monotonic()
    with pytest.raises(CodeOverran, match="the endless line"):
        await code.run(workflow, [], spin)
    assert time.monotonic() - began < 20 * LIMIT
    assert not await on_the_loop(code, workflow)
    for _ in range(100):
        await asyncio.sleep(0)


async def test_code_that_swallows_an_interruption_gets_another(
    code: LoopCode, workflow: type
) -> None:
    swallowed: list[int] = []

    def swallow(run: CodeRun[None]) -> None:
        while len(swallowed) < 2:
            try:
                spin(run)
            except CodeInterrupted:
                swallowed.append(1)

    with pytest.raises(CodeOverran):
        await code.run(workflow, [], swallow)
    assert len(swallowed) == 2
    await asyncio.sleep(LIMIT)  # nothing comes afterwards


async def test_an_interruption_that_comes_when_the_code_has_ended_hits_nothing(
    code: LoopCode,
) -> None:
    # Code that ends at about its limit, again and again: sometimes just before, sometimes just
    # after the watchdog has decided.
    code._limit = 0.01
    ends = {"value": 0, "stopped": 0}
    for number in range(60):
        until = 0.009 + number * 0.0001

        def work(run: CodeRun[int], until: float = until) -> int:
            with run.timed():
                deadline = time.monotonic() + until
                while time.monotonic() < deadline:
                    pass
            return 7

        try:
            assert await code.run(quick(), [], work) == 7
            ends["value"] += 1
        except CodeOverran:
            ends["stopped"] += 1
        await asyncio.sleep(0)
    assert sum(ends.values()) == 60


async def test_what_the_code_raises_is_raised(code: LoopCode, workflow: type) -> None:
    def fail(run: CodeRun[None]) -> None:
        raise KeyError("mine")

    def stop(run: CodeRun[None]) -> None:
        raise StopIteration(3)

    with pytest.raises(KeyError, match="mine"):
        await code.run(workflow, [], fail)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await code.run(workflow, [], stop)


async def test_the_code_sees_neither_the_loop_nor_the_context_of_the_worker(
    code: LoopCode, workflow: type
) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    variable.set(1)

    def look(run: CodeRun[tuple[int, bool]]) -> tuple[int, bool]:
        seen = variable.get()
        variable.set(2)
        return seen, asyncio._get_running_loop() is None

    assert await code.run(workflow, [], look) == (0, True)
    assert variable.get() == 1
    assert asyncio.get_running_loop() is not None


HEAVY: dict[str, list[dict[str, Any]]] = {
    "many events": [{"payload": {}}] * 101,
    "a large text": [{"payload": {"result": "x" * 70_000}}],
    "a large envelope": [{"payload": {"result": {"codec": "json", "blob": "x" * 70_000}}}],
}


@pytest.mark.parametrize("events", HEAVY.values(), ids=HEAVY)
async def test_long_matching_and_decoding_are_for_threads(
    code: LoopCode, workflow: type, events: list[dict[str, Any]]
) -> None:
    assert await code.run(workflow, events, here) != threading.get_ident()
    assert await on_the_loop(code, workflow)


async def test_nothing_runs_on_the_loop_that_may_hold_it(code: LoopCode, workflow: type) -> None:
    for careful in (
        LoopCode(code._threads, limit_seconds=None),
        LoopCode(code._threads, limit_seconds=LIMIT, may_block=True),
    ):
        assert not await on_the_loop(careful, workflow)


@pytest.mark.usefixtures("unheld")
async def test_the_watchdog_ends_when_there_is_nothing_to_watch(
    code: LoopCode, workflow: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_loop_code, "_IDLE_CHECKS", 1)
    assert await on_the_loop(code, workflow)
    first = code._watchdog
    assert first is not None
    await asyncio.to_thread(first.join, 10)
    assert not first.is_alive()
    assert await on_the_loop(code, workflow)
    assert code._watchdog not in (None, first)


# What is left of an interruption keeps CPython 3.11 from calling any function once a profiler is
# set, and cannot be taken back: so in a process of its own.
_PROFILED = """
import sys
from durable_workflow.worker._overruns import revoke_interruption

revoke_interruption()
sys.setprofile(lambda *_: None)
print("goes on")
"""


def test_nothing_is_left_of_an_interruption_that_is_revoked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROFILED], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "goes on\n"
