"""One call of user code: whose time counts, and who decides how it ends."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from durable_workflow.worker import _code_runs
from durable_workflow.worker._code_runs import CodeRun, LoopFuture

LIMIT = 1.0


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_code_runs, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def run_of(limit: float | None = LIMIT) -> CodeRun[Any]:
    return CodeRun(lambda run: None, limit, LoopFuture[Any]())


def test_only_time_in_user_code_counts(clock: Clock) -> None:
    run = run_of()
    clock.now += 10
    assert not run.is_over(clock.now), "it has not begun"
    with run.timed():
        clock.now += 0.9
        assert not run.is_over(clock.now)
        with run.untimed():
            clock.now += 10
            assert not run.is_over(clock.now), "work of the worker"
        clock.now += 0.9
        assert not run.is_over(clock.now), "it has the whole limit again"
        clock.now += 0.2
        assert run.is_over(clock.now)
    assert not run.is_over(clock.now), "it has ended"


def test_work_of_the_worker_outside_of_user_code_begins_no_time(clock: Clock) -> None:
    run = run_of()
    with run.untimed():
        clock.now += 10
    clock.now += 10
    assert not run.is_over(clock.now)


def test_long_work_is_given_more(clock: Clock) -> None:
    run = run_of()
    with run.timed(extra_seconds=5):
        clock.now += 5.9
        assert not run.is_over(clock.now)
        clock.now += 0.2
        assert run.is_over(clock.now)


def test_what_is_left_of_more_is_not_taken_back(clock: Clock) -> None:
    run = run_of()
    with run.timed(extra_seconds=5):
        with run.untimed():
            clock.now += 0.5
        clock.now += 5
        assert not run.is_over(clock.now)


def test_without_a_limit_it_is_never_over(clock: Clock) -> None:
    run = run_of(None)
    with run.timed():
        clock.now += 1e9
        assert not run.is_over(clock.now)


@pytest.mark.parametrize("raises", [False, True])
def test_what_the_code_ends_with_is_ignored_once_a_watchdog_has_decided(raises: bool) -> None:
    decided = LookupError("it took too long")
    future = LoopFuture[str]()

    def work(run: CodeRun[str]) -> str:
        assert run.claim_to_interrupt()
        future.set_exception(decided)
        if raises:
            raise ValueError("its own")
        return "its own"

    assert not CodeRun(work, LIMIT, future).execute()
    with pytest.raises(LookupError, match="too long"):
        future.result()


def test_a_watchdog_that_comes_late_decides_nothing() -> None:
    future = LoopFuture[str]()
    run = CodeRun(lambda run: "done", LIMIT, future)
    assert run.execute()
    assert not run.claim_to_interrupt()
    assert not run.is_injected
    assert future.result() == "done"


def test_whoever_finds_a_run_claimed_waits_for_its_interruption() -> None:
    run = run_of()
    assert run.claim_to_interrupt()
    waited = threading.Event()

    def wait() -> None:
        run.wait_for_injection()
        waited.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert not run.is_injected
    assert run.injected is not None
    run.injected.set()
    assert waited.wait(5)
    assert run.is_injected
    thread.join(5)


@pytest.mark.parametrize("error", [StopIteration(3), SystemExit(1), GeneratorExit()])
def test_an_error_that_a_loop_would_take_for_its_own_is_wrapped(error: BaseException) -> None:
    future = LoopFuture[None]()

    def work(run: CodeRun[None]) -> None:
        raise error

    CodeRun(work, LIMIT, future).execute()
    with pytest.raises(RuntimeError, match=type(error).__name__) as caught:
        future.result()
    assert caught.value.__cause__ is error
