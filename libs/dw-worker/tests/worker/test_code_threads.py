"""Threads for user code, and taking one back."""

import asyncio
import itertools
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._overruns import CodeOverran


@pytest.fixture
def threads() -> Generator[CodeThreads]:
    pool = CodeThreads("test", 2, limit_seconds=0.1)
    yield pool
    pool.close()


def _spin(run: CodeRun[None]) -> None:
    with run.timed():
        for _ in itertools.count():
            pass  # the endless line


def _wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        tick.wait(0.005)


def test_returns_and_raises_what_the_work_does(threads: CodeThreads) -> None:
    def fail(run: CodeRun[None]) -> None:
        raise KeyError("mine")

    assert threads.submit(lambda run: 7).result(5) == 7
    with pytest.raises(KeyError, match="mine"):
        threads.submit(fail).result(5)


async def test_a_stop_iteration_does_not_hang_an_awaiting_loop(threads: CodeThreads) -> None:
    def fail(run: CodeRun[None]) -> None:
        raise StopIteration(3)

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(asyncio.wrap_future(threads.submit(fail)), 5)


def test_never_more_threads_than_its_size(threads: CodeThreads) -> None:
    together = threading.Barrier(2)
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def work(run: CodeRun[None]) -> None:
        with lock:
            running.append(1)
            most.append(len(running))
        together.wait(5)
        with lock:
            running.pop()

    for future in [threads.submit(work) for _ in range(8)]:
        future.result(5)
    assert max(most) == 2


def test_an_endless_loop_is_ended_and_named(threads: CodeThreads) -> None:
    with pytest.raises(CodeOverran, match=r"more than 0\.1 s") as caught:
        threads.submit(_spin).result(5)
    assert "test_code_threads.py" in str(caught.value)
    assert "the endless line" in str(caught.value)
    assert "_spin" in caught.value.stack
    _wait_until(lambda: threads.given_up == 0)
    assert threads.submit(lambda run: 1).result(5) == 1


def test_a_blocking_call_leaves_its_thread_behind(threads: CodeThreads) -> None:
    release = threading.Event()

    def block(run: CodeRun[None]) -> None:
        with run.timed():
            release.wait()

    stuck = [threads.submit(block) for _ in range(2)]
    waiting = threads.submit(lambda run: "served")
    for future in stuck:
        with pytest.raises(CodeOverran):
            future.result(5)
    assert waiting.result(5) == "served"
    assert threads.given_up == 2
    release.set()
    _wait_until(lambda: threads.given_up == 0)


def test_code_that_swallows_the_interruption_once_is_interrupted_again(
    threads: CodeThreads,
) -> None:
    swallowed = threading.Event()

    def stubborn(run: CodeRun[None]) -> None:
        try:
            run.begin_timed()  # the interruption may come from here on
            for _ in itertools.count():
                pass
        except BaseException:  # noqa: BLE001 - as careless code does
            swallowed.set()
        for _ in itertools.count():
            pass

    with pytest.raises(CodeOverran):
        threads.submit(stubborn).result(5)
    assert swallowed.wait(5)
    _wait_until(lambda: threads.given_up == 0)


def test_long_work_is_given_more(threads: CodeThreads) -> None:
    def work(run: CodeRun[str]) -> str:
        with run.timed(extra_seconds=5):
            threading.Event().wait(0.3)
        return "done"

    assert threads.submit(work).result(5) == "done"


def test_without_a_limit_nothing_is_ended() -> None:
    pool = CodeThreads("free", 1)

    def work(run: CodeRun[str]) -> str:
        with run.timed():
            threading.Event().wait(0.3)
        return "done"

    assert pool.submit(work).result(5) == "done"
    pool.close()
