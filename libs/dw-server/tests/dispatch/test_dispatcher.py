from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from durable_workflow.server.dispatch import Dispatcher, TaskKey, TooManyWaiting
from durable_workflow.server.notices import DueAt, RunAwaited, RunProgressed, RunRemoved, TaskReady

KEY = TaskKey("workflow", "default", "q")
READY = TaskReady("workflow", "default", "q")
LONG = 60.0


class Queue:
    """Tasks of one queue, and what was asked of them."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.looks: list[str] = []
        self.looked = asyncio.Event()

    def claim(self, who: str, wanted: str = "") -> Callable[[], Awaitable[str | None]]:
        async def claim() -> str | None:
            self.looks.append(who)
            self.looked.set()
            await asyncio.sleep(0)
            for task in self.tasks:
                if task.startswith(wanted):
                    self.tasks.remove(task)
                    return task
            return None

        return claim


def never() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@pytest.fixture
def dispatcher() -> Dispatcher:
    return Dispatcher(max_waiting=10)


async def waiting(dispatcher: Dispatcher, count: int, key: TaskKey = KEY) -> None:
    """Let others run until so many polls are held and have looked."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert dispatcher.waiting(key) == count


async def test_a_task_that_is_there_is_answered_at_once(dispatcher: Dispatcher) -> None:
    queue = Queue()
    queue.tasks.append("t")

    assert await dispatcher.poll(KEY, queue.claim("a"), LONG, never) == "t"
    assert dispatcher.waiting(KEY) == 0


async def test_with_no_time_to_wait_there_is_one_look(dispatcher: Dispatcher) -> None:
    queue = Queue()

    assert await dispatcher.poll(KEY, queue.claim("a"), 0, never) is None
    assert queue.looks == ["a"]


async def test_a_commit_wakes_one_poll_per_task_in_order(dispatcher: Dispatcher) -> None:
    queue = Queue()
    polls = [
        asyncio.create_task(dispatcher.poll(KEY, queue.claim(who), LONG, never)) for who in "abc"
    ]
    await waiting(dispatcher, 3)

    queue.tasks += ["t1", "t2"]
    dispatcher.publish([READY, DueAt(1), TaskReady("activity", "default", "q"), READY])

    assert await polls[0] == "t1"
    assert await polls[1] == "t2"
    assert queue.looks == ["a", "b", "c", "a", "b"]
    polls[2].cancel()


async def test_a_poll_that_waits_is_woken_before_the_commit_and_the_rest_is_handed_back(
    dispatcher: Dispatcher,
) -> None:
    queue = Queue()
    poll = asyncio.create_task(dispatcher.poll(KEY, queue.claim("a"), LONG, never))
    await waiting(dispatcher, 1)

    queue.tasks.append("t")
    elsewhere = TaskReady("activity", "default", "nobody polls this")
    left = dispatcher.dispatch_before_commit(
        [READY, DueAt(1), elsewhere, RunProgressed("r", False), READY]
    )

    assert left == [DueAt(1), elsewhere, RunProgressed("r", False), READY]
    assert await poll == "t"
    assert queue.looks == ["a", "a"]


async def test_a_task_committed_while_a_poll_looks_is_not_lost(dispatcher: Dispatcher) -> None:
    queue = Queue()
    poll = asyncio.create_task(dispatcher.poll(KEY, queue.claim("a", "t"), LONG, never))
    await queue.looked.wait()
    # It has begun to look, and will find nothing; then the task is committed.
    dispatcher.publish([READY])
    queue.tasks.append("t")

    assert await poll == "t"


async def test_a_task_that_the_first_does_not_serve_goes_to_one_who_does(
    dispatcher: Dispatcher,
) -> None:
    queue = Queue()
    others = [
        asyncio.create_task(dispatcher.poll(KEY, queue.claim(who, "x"), LONG, never))
        for who in "ab"
    ]
    fitting = asyncio.create_task(dispatcher.poll(KEY, queue.claim("c", "y"), LONG, never))
    await waiting(dispatcher, 3)

    queue.tasks.append("y1")
    dispatcher.publish([READY])

    assert await fitting == "y1"
    assert queue.looks == ["a", "b", "c", "a", "b", "c"]
    for poll in others:
        poll.cancel()


async def test_a_task_that_nobody_serves_wakes_each_once_and_no_more(
    dispatcher: Dispatcher,
) -> None:
    queue = Queue()
    polls = [
        asyncio.create_task(dispatcher.poll(KEY, queue.claim(who, "x"), LONG, never))
        for who in "ab"
    ]
    await waiting(dispatcher, 2)
    queue.tasks.append("y1")
    dispatcher.publish([READY])
    await waiting(dispatcher, 2)

    assert queue.looks == ["a", "b", "a", "b"]
    for poll in polls:
        poll.cancel()


async def test_a_caller_that_went_away_is_never_given_a_task(dispatcher: Dispatcher) -> None:
    queue = Queue()
    gone = never()
    left = asyncio.create_task(dispatcher.poll(KEY, queue.claim("a"), LONG, lambda: gone))
    stays = asyncio.create_task(dispatcher.poll(KEY, queue.claim("b"), LONG, never))
    await waiting(dispatcher, 2)

    # Both at once: the caller leaves in the very moment in which its poll is woken.
    queue.tasks.append("t")
    dispatcher.publish([READY])
    gone.set_result(None)

    assert await left is None
    assert await stays == "t"
    assert queue.looks == ["a", "b", "b"]


async def test_a_poll_that_is_refused_passes_its_wake_up_on(dispatcher: Dispatcher) -> None:
    queue = Queue()
    looks = 0

    async def refused() -> str | None:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise PermissionError
        return None

    first = asyncio.create_task(dispatcher.poll(KEY, refused, LONG, never))
    await waiting(dispatcher, 1)
    second = asyncio.create_task(dispatcher.poll(KEY, queue.claim("b"), LONG, never))
    await waiting(dispatcher, 2)

    queue.tasks.append("t")
    dispatcher.publish([READY])

    assert await second == "t"
    with pytest.raises(PermissionError):
        await first


async def test_time_runs_out_without_a_task(dispatcher: Dispatcher) -> None:
    assert await dispatcher.poll(KEY, Queue().claim("a"), 0.005, never) is None


async def test_a_held_poll_looks_again_now_and_then(dispatcher: Dispatcher) -> None:
    queue = Queue()
    held = asyncio.create_task(dispatcher.poll(KEY, queue.claim("a"), LONG, never, every=0.001))
    async with asyncio.timeout(5):
        while len(queue.looks) < 3:
            queue.looked.clear()
            await queue.looked.wait()
        queue.tasks.append("t")  # without a word to anybody
        assert await held == "t"


async def test_a_held_poll_that_is_not_woken_stays_without_a_claim(dispatcher: Dispatcher) -> None:
    queue = Queue()
    stayed = asyncio.Event()

    async def stay() -> str | None:
        stayed.set()
        return None

    claim = queue.claim("a")
    held = asyncio.create_task(dispatcher.poll(KEY, claim, LONG, never, every=0.001, stay=stay))
    await asyncio.wait_for(stayed.wait(), 5)
    assert len(queue.looks) == 1
    queue.tasks.append("t")
    dispatcher.publish([READY])
    assert await asyncio.wait_for(held, 5) == "t"


async def test_beyond_the_bound_polls_are_refused_and_room_comes_back() -> None:
    dispatcher = Dispatcher(max_waiting=2)
    queue = Queue()
    held = [
        asyncio.create_task(dispatcher.poll(KEY, queue.claim(who), LONG, never)) for who in "ab"
    ]
    await waiting(dispatcher, 2)
    with pytest.raises(TooManyWaiting):
        await dispatcher.poll(KEY, queue.claim("c"), LONG, never)

    queue.tasks.append("t")
    dispatcher.publish([READY])
    assert await held[0] == "t"
    assert await dispatcher.poll(KEY, queue.claim("c"), 0, never) is None
    held[1].cancel()


async def test_closing_answers_whoever_is_held_and_holds_nobody_more(
    dispatcher: Dispatcher,
) -> None:
    queue = Queue()
    held = asyncio.create_task(dispatcher.poll(KEY, queue.claim("a"), LONG, never))
    await waiting(dispatcher, 1)

    dispatcher.close()

    assert await held is None
    assert await dispatcher.poll(KEY, queue.claim("b"), LONG, never) is None


async def test_watching_a_run_until_there_is_enough(dispatcher: Dispatcher) -> None:
    events: list[int] = []

    async def look() -> int:
        return len(events)

    async def watch() -> int:
        return await dispatcher.watch("r", look, lambda seen: seen >= 2, LONG, never)

    task = asyncio.create_task(watch())
    for number in range(2):
        await asyncio.sleep(0)
        events.append(number)
        dispatcher.publish([RunProgressed("other", True), RunProgressed("r", False)])

    assert await task == 2


async def test_who_waits_for_the_end_of_a_run_looks_again_when_it_is_removed(
    dispatcher: Dispatcher,
) -> None:
    with dispatcher.run_waiter() as waiter:
        dispatcher.publish([RunAwaited("r", waiter), RunProgressed("r", False)])
        assert not waiter.woken
        dispatcher.publish([RunRemoved("r")])
        assert waiter.woken


async def test_a_watch_looks_again_though_no_notice_came(dispatcher: Dispatcher) -> None:
    looks: list[int] = []

    async def look() -> int:
        looks.append(1)
        return len(looks)

    seen = await dispatcher.watch("r", look, lambda count: count >= 3, LONG, never, every=0.001)
    assert seen == 3


async def test_a_watch_that_ends_early_answers_what_was_seen(dispatcher: Dispatcher) -> None:
    async def look() -> str:
        return "seen"

    assert await dispatcher.watch("r", look, lambda _: False, 0, never) == "seen"
    gone = never()
    gone.set_result(None)
    assert await dispatcher.watch("r", look, lambda _: False, LONG, lambda: gone) == "seen"
