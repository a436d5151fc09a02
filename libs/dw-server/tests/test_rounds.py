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


class Added:
    """What was added to rounds, and what they have called."""

    def __init__(self) -> None:
        self.rounds = Rounds(PERIOD)
        self.calls: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, periods: float, name: str) -> None:
        self._numbers[name] = self.rounds.add(periods * PERIOD, lambda: self.calls.append(name))

    async def all_called(self) -> None:
        """A machine that pauses between two of them may give the later one the earlier round."""
        await until(self.calls, *sorted(self._numbers, key=self._numbers.__getitem__))


async def test_each_is_called_once_when_it_is_due_and_in_order() -> None:
    added = Added()
    loop = asyncio.get_running_loop()
    began = loop.time()
    added.add(5, "later")
    added.add(0, "first")
    added.add(0, "second")

    await added.all_called()
    assert loop.time() - began >= 5 * PERIOD
    added.add(0, "last")
    await added.all_called()


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

    async def run() -> None:
        added = Added()
        added.add(3, "later")
        added.add(0, "first")
        time.sleep(2 * PERIOD)  # noqa: ASYNC251  the loop is held up
        added.add(0, "second")
        time.sleep(2 * PERIOD)  # noqa: ASYNC251
        added.add(-9, "overdue")
        added.add(-8, "overdue too")
        await added.all_called()

    loop = new_loop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
