"""Calls into the thread of a stream, and answers back."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from durable_workflow._meet import ServerUnreachable, StreamEnded
from durable_workflow.client._stream._calls import Calls
from durable_workflow.client._stream._loop_calls import Answer, LoopCalls, Loops


class Elsewhere:
    """A loop in a thread of its own, as a stream has it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.calls = Calls(Loops())
        self.forgotten: list[Answer] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.loop.run_forever()
        self.loop.close()

    async def begin(self) -> None:
        async def begin() -> None:
            self.calls.begin()

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(begin(), self.loop))

    async def ask(self, value: int) -> int:
        def make(answer: Answer) -> None:
            if value < 0:
                raise ValueError("negative")
            if value:
                answer.set(value)

        found: int = await self.calls.ask(make, self.forgotten.append)
        return found

    def stop(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()


@pytest.fixture
def elsewhere() -> Generator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.stop()


async def test_results_and_errors_come_back(elsewhere: Elsewhere) -> None:
    await elsewhere.begin()
    assert await asyncio.gather(*(elsewhere.ask(number) for number in range(1, 200))) == list(
        range(1, 200)
    )
    with pytest.raises(ValueError, match="negative"):
        await elsewhere.ask(-1)


async def test_before_the_stream_has_begun_nothing_can_be_asked(elsewhere: Elsewhere) -> None:
    with pytest.raises(ServerUnreachable, match="not begun"):
        await elsewhere.ask(1)


async def test_after_its_end_a_stream_is_asked_nothing(elsewhere: Elsewhere) -> None:
    await elsewhere.begin()
    elsewhere.stop()
    elsewhere.calls.end(StreamEnded("gone"))
    with pytest.raises(StreamEnded, match="gone"):
        await asyncio.wait_for(elsewhere.ask(1), 10)


async def test_the_end_fails_what_was_handed_over_before_it() -> None:
    calls = Calls(Loops())
    calls.begin()
    asked = asyncio.create_task(calls.ask(lambda answer: answer.set(1), lambda _: None))
    await asyncio.sleep(0)
    calls.end(StreamEnded("gone"))
    with pytest.raises(StreamEnded, match="gone"):
        await asyncio.wait_for(asked, 10)


async def test_a_caller_that_gives_up_is_forgotten_there(elsewhere: Elsewhere) -> None:
    await elsewhere.begin()
    asked = asyncio.create_task(elsewhere.ask(0))  # never answered
    await elsewhere.ask(1)  # so that it was taken
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await elsewhere.ask(1)
    assert len(elsewhere.forgotten) == 1


async def test_a_call_that_fails_holds_up_no_other() -> None:
    loop = asyncio.get_running_loop()
    reported: list[object] = []
    loop.set_exception_handler(lambda _, context: reported.append(context.get("exception")))
    loop_calls, done = LoopCalls(loop), asyncio.Event()
    broken = ZeroDivisionError()

    def fail() -> None:
        raise broken

    loop_calls.call(fail)
    loop_calls.call(done.set)
    await asyncio.wait_for(done.wait(), 10)
    assert reported == [broken]


def test_a_closed_loop_forgets_what_it_is_told() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    loop_calls = LoopCalls(loop)
    called: list[int] = []
    loop_calls.call(called.append, 1)
    loop_calls.run()
    assert called == []
