"""Calls to a loop of another thread."""

import asyncio
import threading

import pytest

from durable_workflow._meet import StreamEnded
from durable_workflow.client._stream._crossing import call_on


async def answer(value: int) -> int:
    if value < 0:
        raise ValueError("negative")
    return value


async def test_the_result_and_the_error_come_back() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        assert await call_on(loop, answer(3)) == 3
        with pytest.raises(ValueError, match="negative"):
            await call_on(loop, answer(-1))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()


async def test_a_loop_that_is_closed_refuses_at_once() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(StreamEnded):
        await call_on(loop, answer(1))


async def test_a_call_that_an_ended_loop_forgot_fails() -> None:
    loop = asyncio.new_event_loop()
    call = asyncio.create_task(call_on(loop, answer(1)))
    await asyncio.sleep(0)  # it is handed over
    loop.close()
    with pytest.raises(StreamEnded, match="thread has ended"):
        await asyncio.wait_for(call, 10)
