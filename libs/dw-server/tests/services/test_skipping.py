# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
"""When time may be skipped, and how far."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.clock import MICROSECONDS
from durable_workflow.server.records import workers
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.requests import PollTask
from durable_workflow.server.services import sessions
from durable_workflow.server.services.due import look
from durable_workflow.server.services.skipping import (
    NONE_READY,
    Ready,
    Wish,
    jump,
    next_jump,
    skip,
    waiting,
)

DAY = 86_400 * MICROSECONDS


async def skipped(
    server: Any, *awaited: str, until: int | None = None, forsaken: Ready = NONE_READY
) -> int:
    """How many microseconds were skipped, of those that a wish would have skipped."""
    before: int = server.clock.now()
    wish = Wish(awaited, until)

    def move_to(moment: int) -> None:
        server.clock.advance_to(moment)

    moved = await server.store.run(
        lambda tx: skip(tx, wish, now=before, move_to=move_to, forsaken=forsaken)
    )
    length: int = server.clock.now() - before
    assert moved == (length > 0)
    return length


async def jumped(server: Any, *awaited: str) -> bool | None:
    """Whether a jump has done all that falls due at its end; None where there is none."""
    found = await server.store.read(lambda read: next_jump(read, Wish(awaited)))
    if found is None:
        return None
    server.clock.advance_to(found.target)
    all_done: bool = await server.store.run(lambda tx: jump(tx, found, server.settings))
    return all_done


async def sleeping(server: Any, commands: Any, days: float = 1) -> str:
    """A run that sleeps; its id."""
    await server.start()
    await server.decide(commands.timer(days * 86_400))
    run_id: str = (await server.describe())["run_id"]
    return run_id


async def test_time_is_skipped_to_what_is_due_next(server: Any, commands: Any) -> None:
    run_id = await sleeping(server, commands)
    assert await skipped(server, run_id) == DAY


async def test_without_a_wish_it_stands(server: Any, commands: Any) -> None:
    await sleeping(server, commands)
    assert await skipped(server) == 0


async def test_a_moment_that_is_asked_for_ends_the_jump(server: Any, commands: Any) -> None:
    run_id = await sleeping(server, commands)
    until = server.clock.now() + DAY // 2
    assert await skipped(server, run_id, until=until) == DAY // 2
    assert await skipped(server, until=until + 10 * DAY) == DAY // 2


async def test_it_goes_there_where_nothing_is_due(server: Any) -> None:
    assert await skipped(server, until=server.clock.now() + 5 * DAY) == 5 * DAY


async def test_it_stands_while_a_task_is_leased(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.timer(86_400), commands.activity())
    run_id = (await server.describe())["run_id"]
    task = await server.activity()
    assert await skipped(server, run_id) == 0
    await server.complete_activity(task)
    assert await skipped(server, run_id) == DAY


async def test_it_stands_while_a_task_waits_to_be_taken(server: Any, commands: Any) -> None:
    run_id = await sleeping(server, commands)
    await server.start("other")
    assert await skipped(server, run_id) == 0


async def test_tasks_that_nobody_takes_do_not_hold_it(server: Any, commands: Any) -> None:
    run_id = await sleeping(server, commands)
    await server.start("other")
    ready = await server.store.read(waiting)
    assert ready is not None
    assert await skipped(server, run_id, forsaken=ready) == DAY


async def test_it_stands_while_something_due_is_to_be_done(server: Any, commands: Any) -> None:
    run_id = await sleeping(server, commands)
    server.clock.advance(86_400)
    assert await skipped(server, run_id) == 0


async def test_it_goes_no_further_than_the_result(server: Any, commands: Any) -> None:
    run_id = await sleeping(server, commands)
    await server.start("other")
    await server.decide(commands.timer(10 * 86_400))
    assert await skipped(server, run_id) == DAY
    await server.pass_time(0)
    await server.decide(commands.done())
    assert await skipped(server, run_id) == 0


async def test_workers_are_as_alive_as_before(server: Any, commands: Any) -> None:
    run_id = await sleeping(server, commands, days=30)
    request = PollTask(worker_id="w", task_queue="q")
    await server.store.run(lambda tx: sessions.leave(tx, "default", request))
    before = times(await server.store.read(found))
    assert await skipped(server, run_id) == 30 * DAY
    after = times(await server.store.read(found))
    assert after == {name: moment + 30 * DAY for name, moment in before.items()}


async def test_what_falls_due_is_done_in_the_unit_of_the_jump(server: Any, commands: Any) -> None:
    run_id = await sleeping(server, commands)
    before = server.clock.now()
    assert await jumped(server, run_id) is True
    assert server.clock.now() == before + DAY
    assert "TimerFired" in await server.types()
    assert not (await server.store.read(lambda read: look(read, 10))).overdue


async def test_no_jump_is_made_where_a_task_waits_or_nobody_asks(
    server: Any, commands: Any
) -> None:
    run_id = await sleeping(server, commands)
    assert await jumped(server) is None
    await server.start("other")
    assert await jumped(server, run_id) is None


async def test_what_is_too_much_for_one_unit_is_left_and_said_to_be(
    server: Any, commands: Any
) -> None:
    for number in range(12):
        await server.start(f"w{number}")
        await server.decide(commands.timer(60))
    run_id = (await server.describe("w0"))["run_id"]
    assert await jumped(server, run_id) is False
    await server.pass_time(0)
    for number in range(12):
        assert "TimerFired" in await server.types(f"w{number}")


def found(read: Any) -> Worker:
    worker = workers.find(read, "default", "w")
    assert worker is not None
    return worker


def times(worker: Worker) -> dict[str, int]:
    """The moments that tell whether a worker is there; all of them but the challenge are set."""
    names = ("heartbeat_at", "seen_at", "due_at", "left_at", "next_due_at")
    return {name: getattr(worker, name) for name in names}
