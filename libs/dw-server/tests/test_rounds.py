"""One timer for what is due now and then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
import uvloop

from durable_workflow.server.rounds import Rounds, rounds_of

PERIOD = 0.02


async def until(calls: list[str], *wanted: str) -> None:
    async with asyncio.timeout(5):
        while True:
            if calls == list(wanted):
                return
            await asyncio.sleep(PERIOD / 4)


async def test_each_is_called_once_when_it_is_due_and_in_order() -> None:
    rounds, calls = Rounds(PERIOD), list[str]()
    loop = asyncio.get_running_loop()
    began = loop.time()
    rounds.add(5 * PERIOD, lambda: calls.append("later"))
    rounds.add(0, lambda: calls.append("first"))
    rounds.add(0, lambda: calls.append("second"))

    await until(calls, "first", "second", "later")
    assert loop.time() - began >= 5 * PERIOD
    rounds.add(0, lambda: calls.append("last"))
    await until(calls, "first", "second", "later", "last")


async def test_what_is_taken_back_is_not_called() -> None:
    rounds, calls = Rounds(PERIOD), list[str]()

    def unwanted() -> None:
        calls.append("unwanted")

    number = rounds.add(0, unwanted)
    rounds.add(PERIOD, lambda: calls.append("wanted"))
    rounds.remove(number, unwanted)
    rounds.remove(number, unwanted)

    await until(calls, "wanted")


async def test_a_call_may_add_the_next_and_an_error_of_one_stops_no_other() -> None:
    rounds, calls = Rounds(PERIOD), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: calls.append("error"))

    def again() -> None:
        calls.append("again")
        if len(calls) < 3:
            rounds.add(0, again)

    def broken() -> None:
        raise ValueError

    rounds.add(0, broken)
    rounds.add(0, again)
    await until(calls, "error", "again", "again")


async def test_a_loop_has_one_for_each_period() -> None:
    loop = asyncio.get_running_loop()
    assert rounds_of(loop, 1.0) is rounds_of(loop, 1.0)
    assert rounds_of(loop, 1.0) is not rounds_of(loop, 2.0)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_that_is_late_calls_all_that_is_due(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """uvloop gives no timer for what is due already."""
    calls: list[str] = []

    async def run() -> None:
        rounds = Rounds(PERIOD)
        rounds.add(3 * PERIOD, lambda: calls.append("later"))
        rounds.add(0, lambda: calls.append("first"))
        time.sleep(2 * PERIOD)  # noqa: ASYNC251  the loop is held up
        rounds.add(0, lambda: calls.append("second"))
        time.sleep(2 * PERIOD)  # noqa: ASYNC251
        rounds.add(-9 * PERIOD, lambda: calls.append("overdue"))
        rounds.add(-8 * PERIOD, lambda: calls.append("overdue"))
        await until(calls, "overdue", "overdue", "first", "second", "later")

    loop = new_loop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
