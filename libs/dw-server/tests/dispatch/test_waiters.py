from __future__ import annotations

import asyncio

from durable_workflow.server.dispatch.runs import RunWaiter, RunWatch
from durable_workflow.server.dispatch.waiters import Line
from durable_workflow.server.notices import RunEnd


def test_the_first_in_line_is_woken_first() -> None:
    line = Line()
    first, second = line.enter(), line.enter()

    assert line.wake()
    assert (first.woken, second.woken) == (True, False)
    assert line.wake()
    assert (first.woken, second.woken) == (True, True)
    assert not line.wake()


def test_who_cannot_use_a_wake_up_passes_it_on_to_the_next_behind() -> None:
    line = Line()
    first, second, third = line.enter(), line.enter(), line.enter()
    line.wake()
    assert first.take()

    assert line.pass_on(first)
    assert (first.woken, second.woken, third.woken) == (False, True, False)
    second.take()
    assert line.pass_on(second)
    third.take()
    assert not line.pass_on(third)  # it has been everywhere
    assert not first.woken


def test_who_leaves_with_an_unused_wake_up_gives_it_away() -> None:
    line = Line()
    first, second, third = line.enter(), line.enter(), line.enter()
    line.wake()
    line.leave(first)
    assert second.woken

    second.take()
    line.wake()  # second again: it is the first without one
    line.wake()
    line.leave(third)
    assert second.woken


def test_the_last_in_line_gives_it_to_the_first() -> None:
    line = Line()
    first, second = line.enter(), line.enter()
    line.wake()
    line.wake()
    first.take()
    line.leave(second)

    assert first.woken


def test_leaving_without_a_wake_up_wakes_nobody() -> None:
    line = Line()
    first, second = line.enter(), line.enter()
    line.leave(first)

    assert not second.woken
    assert len(line) == 1


async def test_a_wait_ends_at_its_time_without_a_wake_up() -> None:
    waiter = Line().enter()
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await waiter.wait(asyncio.get_running_loop().time() + 0.001, gone)

    assert not waiter.woken


async def test_a_wait_ends_when_the_caller_goes_away() -> None:
    waiter = Line().enter()
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[None] = loop.create_future()
    loop.call_soon(gone.set_result, None)
    await waiter.wait(loop.time() + 60, gone)

    assert not waiter.woken


def test_a_run_wakes_all_who_watch_it_and_nobody_else() -> None:
    watch = RunWatch()
    one, two, other, late = (RunWaiter(watch) for _ in range(4))
    watch.enter("a", one, end_only=False)
    watch.enter("a", two, end_only=True)
    watch.enter("b", other, end_only=False)

    watch.wake("a", closed=False, end=None)
    assert (one.woken, two.woken, other.woken) == (True, False, False)
    end = RunEnd(
        workflow_id="w",
        run_id="a",
        workflow_type="t",
        status="completed",
        closed_reason="completed",
        codec="avro",
    )
    watch.wake("a", closed=True, end=end)
    assert two.woken
    assert (one.end, two.end, other.end) == (end, end, None)
    # What is told of a closed run later does not take the end away.
    watch.wake("a", closed=True, end=None)
    assert two.end is end

    watch.leave(one)
    watch.leave(two)
    assert watch.awaited() == []
    watch.wake("a", closed=True, end=end)
    watch.wake("nobody watches this", closed=True, end=None)
    # Its caller went away while the run was being started.
    watch.leave(late)
    watch.enter("c", late, end_only=True)
    assert watch.awaited() == []
