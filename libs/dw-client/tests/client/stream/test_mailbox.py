"""Tasks on their way to whoever waits for one."""

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from durable_workflow._meet import StreamEnded
from durable_workflow.client._stream._loop_calls import Answer, Loops
from durable_workflow.client._stream._mailbox import Mailbox


@pytest.fixture
def mailbox() -> Mailbox[int]:
    return Mailbox(Loops())


async def waiting(mailbox: Mailbox[int], taken: list[int]) -> "asyncio.Task[int | None]":
    """Somebody who waits for an item by now."""

    def take(item: int) -> int:
        taken.append(item)
        return -item

    task = asyncio.create_task(mailbox.get(5, take))
    await asyncio.sleep(0)
    return task


async def test_an_item_is_taken_on_the_loop_that_waits_whichever_thread_brings_it(
    mailbox: Mailbox[int],
) -> None:
    threads: list[int] = []

    def take(item: int) -> int:
        threads.append(threading.get_ident())
        return -item

    getting = asyncio.create_task(mailbox.get(5, take))
    await asyncio.sleep(0)
    await asyncio.to_thread(mailbox.put, 1)
    assert await getting == -1
    assert threads == [threading.get_ident()]


async def test_an_item_is_taken_in_the_context_of_whoever_waits(mailbox: Mailbox[int]) -> None:
    color = contextvars.ContextVar("color", default="none")
    color.set("red")
    getting = asyncio.create_task(mailbox.get(5, lambda _: color.get()))
    await asyncio.sleep(0)
    await asyncio.to_thread(contextvars.Context().run, mailbox.put, 1)
    assert await getting == "red"


@pytest.mark.parametrize("hurried", [True, False])
async def test_an_item_is_taken_before_the_answers_that_came_with_it_where_it_is_hurried(
    hurried: bool,
) -> None:
    loops = Loops()
    mailbox, answer = Mailbox[int](loops, hurried=hurried), Answer(loops)
    assert answer.future is not None
    seen: list[bool] = []

    def take(item: int) -> int:
        assert answer.future is not None
        seen.append(answer.future.done())
        return -item

    getting = [asyncio.create_task(mailbox.get(5, take)) for _ in range(2)]
    await asyncio.sleep(0)

    def bring() -> None:
        answer.set("answer")
        mailbox.put(1)
        mailbox.put(2)

    loops.to(asyncio.get_running_loop()).gather(bring)
    assert (seen, answer.future.done()) == ([not hurried, not hurried], True)
    assert set(await asyncio.gather(*getting)) == {-2, -1}
    assert await answer.future == "answer"


async def test_what_was_taken_for_one_who_is_cancelled_meanwhile_is_taken_once(
    mailbox: Mailbox[int],
) -> None:
    taken: list[int] = []

    def take_and_cancel(item: int) -> None:
        taken.append(item)
        asyncio.get_running_loop().call_soon(first.cancel)  # before it is woken

    first = asyncio.create_task(mailbox.get(5, take_and_cancel))
    await asyncio.sleep(0)
    second = await waiting(mailbox, taken)
    mailbox.put(1)
    with pytest.raises(asyncio.CancelledError):
        await first
    mailbox.put(2)
    assert await second == -2
    assert taken == [1, 2]


async def test_an_item_whose_taker_was_cancelled_before_goes_to_the_next(
    mailbox: Mailbox[int],
) -> None:
    taken: list[int] = []
    first = await waiting(mailbox, taken)
    second = await waiting(mailbox, taken)
    mailbox.put(1)
    first.cancel()
    assert await second == -1
    assert taken == [1]


async def test_one_who_is_woken_for_an_item_that_another_took_waits_on(
    mailbox: Mailbox[int],
) -> None:
    taken: list[int] = []
    first = await waiting(mailbox, taken)
    mailbox.put(1)
    assert await mailbox.get(5, lambda item: item) == 1, "it need not wait"
    mailbox.put(2)
    assert await first == -2


async def test_what_the_taker_raises_is_raised_where_it_is_waited_for(
    mailbox: Mailbox[int],
) -> None:
    def refuse(item: int) -> Any:
        raise ValueError(f"no {item}")

    getting = asyncio.create_task(mailbox.get(5, refuse))
    await asyncio.sleep(0)
    mailbox.put(1)
    with pytest.raises(ValueError, match="no 1"):
        await getting


async def test_nobody_waits_on_where_a_mailbox_is_closed(mailbox: Mailbox[int]) -> None:
    first = await waiting(mailbox, [])
    mailbox.close()
    with pytest.raises(StreamEnded):
        await first


async def test_one_who_waited_long_enough_goes_without(mailbox: Mailbox[int]) -> None:
    assert await mailbox.get(0.01, lambda item: item) is None
    mailbox.put(1)
    assert await mailbox.get(0.01, lambda item: item) == 1
