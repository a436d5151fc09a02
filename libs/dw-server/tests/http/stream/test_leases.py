"""Leases are the connection's: cuts, returns, goodbyes, restarts, and two sessions of one id."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from durable_workflow.server import Settings
from durable_workflow.server.clock import ManualClock, SystemClock
from durable_workflow.server.store import Read, Row

Json = dict[str, Any]
Staged: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
SCHEDULE = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}


@pytest.fixture
async def quick(staged: Staged) -> AsyncIterator[Any]:
    """A server with a short grace."""
    async with staged(stream_grace_seconds=0.5) as stage:
        yield stage


@pytest.fixture
async def still(staged: Staged) -> AsyncIterator[Any]:
    """The same, for which no time passes but what a test lets pass."""
    async with staged(clock=ManualClock(), stream_grace_seconds=0.5) as stage:
        yield stage


async def with_activity(stage: Any, **peer: Any) -> tuple[Any, Json, Json]:
    """A worker that has an activity: it, the run, the task."""
    worker = await stage.peer(**peer)
    run = await stage.start()
    await worker.complete(await worker.task(), SCHEDULE)
    return worker, run, await worker.task("activity")


async def test_a_worker_that_returns_within_the_grace_goes_on_with_what_it_holds(
    still: Any, held: Callable[[Json], Json]
) -> None:
    worker, run, task = await with_activity(still)
    worker.drop()
    again = await still.peer(register=False, held=[held(task)])
    assert again.welcome["dropped"] == []
    still.pass_time(0.8)
    assert await again.silent(), "no second attempt, also when the grace is over"
    await again.acknowledged(await again.complete_activity(task))
    assert (await still.events(run)).count("ActivityStarted") == 1


async def test_what_is_held_beyond_the_grace_is_free_and_late_reports_are_refused(
    quick: Any, held: Callable[[Json], Json]
) -> None:
    worker, run, task = await with_activity(quick)
    other = await quick.peer("other", "o")
    began = time.monotonic()
    worker.drop()
    second = await other.task("activity", seconds=20)
    assert time.monotonic() - began > 0.4  # the grace, and no lease: it takes minutes
    assert second["activity_attempt_id"] != task["activity_attempt_id"]

    again = await quick.peer(register=False, held=[held(task)])
    assert again.welcome["dropped"] == [task["task_id"]]
    await again.complete_activity(task)
    refused = await again.next("refused")
    assert (refused["status"], refused["body"]["reason"]) == (409, "stale_attempt")
    await other.acknowledged(await other.complete_activity(second))
    assert (await quick.events(run)).count("ActivityCompleted") == 1


async def test_what_is_not_named_in_the_hello_is_free_at_once(still: Any) -> None:
    worker, _, task = await with_activity(still)
    worker.drop()
    again = await still.peer(register=False)
    second = await again.task("activity")
    assert second["task_id"] == task["task_id"]
    assert second["attempt_number"] == 2


@pytest.mark.parametrize("kind", ["workflow", "activity"])
async def test_a_report_that_was_taken_before_a_cut_is_acknowledged_again_and_applied_once(
    still: Any, held: Callable[[Json], Json], kind: str
) -> None:
    worker = await still.peer()
    run = await still.start()
    task = await worker.task()
    if kind == "activity":
        await worker.complete(task, SCHEDULE)
        task = await worker.task("activity")
        report = worker.complete_activity
    else:
        report = worker.complete
    await worker.acknowledged(await report(task))
    events = await still.events(run)
    # The worker never saw the acknowledgement.
    worker.drop()
    again = await still.peer(register=False, held=[held(task)])
    assert again.welcome["dropped"] == []
    report = again.complete_activity if kind == "activity" else again.complete
    await again.acknowledged(await report(task))
    assert (await still.events(run))[: len(events)] == events
    assert (await still.events(run)).count("ActivityCompleted") == (kind == "activity")
    # Told once that it was taken, the worker has no reason to send it again.
    await report(task)
    assert (await again.next("refused"))["status"] == 409


async def test_a_report_that_is_doubled_is_acknowledged_once_and_refused_once(quick: Any) -> None:
    worker, run, task = await with_activity(quick)
    one = await worker.complete_activity(task)
    two = await worker.complete_activity(task)
    await worker.acknowledged(one)
    assert (await worker.next("refused"))["id"] == two
    assert (await quick.events(run)).count("ActivityCompleted") == 1


async def test_a_goodbye_frees_what_is_held_at_once(staged: Staged) -> None:
    async with staged(stream_grace_seconds=60) as stage:
        worker, _, _ = await with_activity(stage)
        other = await stage.peer("other", "o")
        await worker.send({"type": "bye"})
        assert await worker.ended() == 1000
        assert (await other.task("activity"))["attempt_number"] == 2


@pytest.mark.parametrize(("said_goodbye", "failures"), [(True, 0), (False, 1)])
async def test_only_a_worker_that_is_lost_uses_redeliveries_up(
    staged: Staged, said_goodbye: bool, failures: int
) -> None:
    async with staged(stream_grace_seconds=0.3, activity_max_redeliveries=1) as stage:
        worker, run, _ = await with_activity(stage)
        other = await stage.peer("other", "o")
        if said_goodbye:
            await worker.send({"type": "bye"})
        else:
            worker.drop()
        # The next attempt, or the workflow that is told of the failure.
        await other.task("activity" if said_goodbye else "workflow")
        assert (await stage.events(run)).count("ActivityFailed") == failures


async def test_a_new_stream_of_a_session_takes_the_place_of_the_old_one(
    quick: Any, held: Callable[[Json], Json]
) -> None:
    worker, run, task = await with_activity(quick)
    again = await quick.peer(register=False, held=[held(task)])
    assert await worker.ended() == 4409
    assert await again.silent(0.8), "the end of the old stream frees nothing"
    await again.acknowledged(await again.complete_activity(task))
    assert (await quick.events(run)).count("ActivityStarted") == 1


async def test_two_sessions_of_one_id_are_both_served_and_both_warned(quick: Any) -> None:
    one, _, task = await with_activity(quick, session="one", slots={"workflow": 1})
    two = await quick.peer(session="two", slots={"workflow": 1})
    await one.ask("alive", held=[])
    assert (await one.next("answer"))["body"]["warnings"]
    assert await two.silent(2.5), "the old session shows that it is there when it is asked"
    await two.ask("alive", held=[])
    assert (await two.next("answer"))["body"]["warnings"]
    await one.acknowledged(await one.complete_activity(task))
    for number in range(2):
        await quick.start(f"another-{number}")
    assert await one.task() != await two.task()


async def test_a_worker_that_is_deregistered_gets_no_more_and_is_closed_when_it_has_reported(
    quick: Any,
) -> None:
    worker = await quick.peer()
    await quick.post("/worker/deregister", {"worker_id": "w", "session": "s"})
    assert await worker.ended() == 4412


async def test_what_was_pushed_stays_leased_whether_it_is_named_or_not(staged: Staged) -> None:
    settings = {"activity_lease_seconds": 1.0, "workflow_lease_seconds": 1.0}
    async with staged(heartbeat_interval_seconds=1, **settings) as stage:
        worker, run, task = await with_activity(stage)
        until = time.monotonic() + 4.5
        while time.monotonic() < until:
            await worker.ask("alive", held=[])
            assert (await worker.next("answer"))["body"]["dropped"] == []
            await asyncio.sleep(0.5)
        await worker.acknowledged(await worker.complete_activity(task))
        assert (await stage.events(run)).count("ActivityStarted") == 1


async def test_alive_names_what_is_not_the_workers(quick: Any) -> None:
    worker = await quick.peer()
    unknown: Json = {"kind": "activity", "task_id": "t", "attempt": "a"}
    number = await worker.ask("alive", held=[unknown], process_metrics={"host": "h"})
    answer = await worker.next("answer")
    assert (answer["id"], answer["status"]) == (number, 200)
    assert answer["body"]["dropped"] == ["t"]
    no_id: Json = unknown | {"task_id": ["t"]}
    no_attempt: Json = {**unknown, "attempt": None}
    for malformed in ("x", [1], [no_id], [no_attempt]):
        number = await worker.ask("alive", held=malformed)
        refused = await worker.next("refused")
        assert (refused["id"], refused["status"]) == (number, 422), malformed


async def test_a_stale_attempt_that_is_named_beside_the_current_one_does_not_drop_it(
    staged: Staged, held: Callable[[Json], Json]
) -> None:
    """The code of an attempt that is over may still run when its worker has the next one."""
    async with staged(stream_grace_seconds=60, activity_lease_seconds=1.0) as stage:
        worker, run, task = await with_activity(stage)
        both = [held(task) | {"attempt": "an earlier attempt"}, held(task)]
        for named in (both, both[::-1], both[:1]):
            await worker.ask("alive", held=named)
            answer = await worker.next("answer")
            assert answer["body"]["dropped"] == []
        worker.drop()
        again = await stage.peer(register=False, held=both)
        assert again.welcome["dropped"] == []
        await again.acknowledged(await again.complete_activity(task))
        assert (await stage.events(run)).count("ActivityStarted") == 1


async def test_a_restart_of_the_server_is_outlived_within_the_grace_and_not_beyond_it(
    staged: Staged, held: Callable[[Json], Json], tmp_path: Path
) -> None:
    settings = Settings(db=str(tmp_path / "state.db"), long_poll_timeout=1)
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged(settings, stream_grace_seconds=0.5))
        stays, run, task = await with_activity(stage, worker_id="stays", session="1")
        goes = await stage.peer("goes", "2", slots={"workflow": 1})
        await stays.send({"type": "slots", "workflow": 0, "activity": 1, "query": 0})
        await stage.start("held-by-the-one-that-goes")
        lost = await goes.task()
    clock = ManualClock(SystemClock().now())
    async with staged(settings, clock=clock, stream_grace_seconds=0.5) as stage:
        again = await stage.peer("stays", "1", register=False, held=[held(task)])
        assert again.welcome["dropped"] == []
        assert await again.silent(), "the grace is not over"
        stage.pass_time(0.6)  # that is the grace, and no lease: it takes half a minute
        assert (await again.task())["task_id"] == lost["task_id"]
        await again.acknowledged(await again.complete_activity(task))
        assert (await stage.events(run)).count("ActivityStarted") == 1


async def test_a_worker_that_stands_still_is_missed_after_three_heartbeats(
    staged: Staged,
) -> None:
    async with staged(heartbeat_interval_seconds=1) as stage:
        worker, _, task = await with_activity(stage)
        other = await stage.peer("other", "o")
        worker.socket.transport.pause_reading()  # it answers no pings, and sends nothing
        second = None
        async with asyncio.timeout(30):  # a lease takes minutes
            while second is None:
                await other.ask("alive", held=[])
                message = await other.next("task", "answer")
                second = message.get("task")
                await asyncio.sleep(0.1)
        assert second["task_id"] == task["task_id"]
        assert second["attempt_number"] == 2
        worker.drop()


def workers_of_queue(read: Read) -> list[Row]:
    return read.all("workers_of_queue", namespace="default", task_queue="q")


async def test_an_idle_worker_that_says_so_is_not_missed(staged: Staged) -> None:
    async with staged(heartbeat_interval_seconds=1) as stage:
        worker = await stage.peer()
        until = time.monotonic() + 4.5
        while time.monotonic() < until:
            await worker.ask("alive", process_metrics={"host": "h"}, held=[])
            answer = await worker.next("answer")
            assert (answer["status"], answer["body"]["dropped"]) == (200, [])
            await asyncio.sleep(0.5)
        await stage.start()
        await worker.task()
        [seen] = await stage.server.store.read(workers_of_queue)
        assert '{"host":"h"}' in seen
        await worker.ask("alive", process_metrics={"host": 1}, held=[])
        assert (await worker.next("refused"))["status"] == 422


class Pings(logging.Handler):
    """Notes for how long the server has heard nothing of a worker when it pings it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.heard_at = loop.time()
        self.silences: list[float] = []
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("< PING"):
            self.silences.append(self._loop.time() - self.heard_at)


async def test_a_worker_is_pinged_only_while_nothing_is_heard_of_it(staged: Staged) -> None:
    loop = asyncio.get_running_loop()
    logger, pings = logging.getLogger("websockets.client"), Pings(loop)
    before = logger.level
    logger.addHandler(pings)
    logger.setLevel(logging.DEBUG)
    try:
        async with staged(heartbeat_interval_seconds=1) as stage:
            worker = await stage.peer()
            for _ in range(9):
                asked_at = loop.time()
                await worker.ask("alive", held=[])
                await worker.next("answer")
                pings.heard_at = asked_at  # or a little later
                await asyncio.sleep(0.3)
            # None but where the machine has held up all of this for so long.
            assert all(silent >= 1 for silent in pings.silences)
            pings.silences.clear()
            async with asyncio.timeout(20):
                while not pings.silences:
                    assert await worker.silent(0.05)
    finally:
        logger.setLevel(before)
        logger.removeHandler(pings)


async def test_a_stream_that_answers_no_pings_is_ended_after_three_heartbeats(
    staged: Staged,
) -> None:
    async with staged(heartbeat_interval_seconds=1) as stage:
        began = time.monotonic()
        worker = await stage.peer()
        worker.socket.transport.pause_reading()
        async with asyncio.timeout(20):
            while len(stage.server.dispatcher.streams):
                # It is not missed: only its stream is dead.
                beat = {"worker_id": "w", "session": "s"}
                assert (await stage.post("/worker/heartbeat", beat)).status_code == 200
                await asyncio.sleep(0.1)
        assert time.monotonic() - began > 2.5
        worker.drop()
