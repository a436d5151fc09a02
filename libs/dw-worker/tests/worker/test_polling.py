"""How often pollers ask, and how they take errors."""

# pyright: reportPrivateUsage=false
import asyncio
import itertools
import logging
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import ServerError
from durable_workflow.metrics import NOOP_METRICS, WORKER_POLLS, InMemoryMetrics
from durable_workflow.worker import Worker, _polling
from durable_workflow.worker._polling import Begin, Pacing, Poller, PollTarget, pause_after


@workflow.defn(name="w")
class W:
    def run(self, ctx: Any) -> int:
        return 1


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time."""
    made: list[float] = []

    async def pause(self: Pacing, seconds: float, *, until_reached: bool = False) -> None:
        made.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(_polling.Pacing, "pause", pause)
    return made


def test_pauses_grow_from_one_second_to_thirty() -> None:
    error = ConnectionError()
    seconds = [pause_after(n, error, jitter=0.0) for n in range(1, 8)]
    assert seconds == [1, 2, 4, 8, 16, 30, 30]
    assert pause_after(1, error) == 1.0
    assert 1.5 <= pause_after(2, error) <= 2.5


def test_a_server_that_names_a_time_is_given_it() -> None:
    assert pause_after(1, ServerError(429, {"retry_after_seconds": 9})) == 9.0
    assert pause_after(1, ServerError(503, {"retry_after": 4000})) == 30.0
    assert pause_after(1, ServerError(429, {"retry_after": "soon"})) == 1.0


async def test_polls_are_logged_for_debugging(
    server: Any, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "durable_workflow.worker")
    worker = Worker(server, task_queue="q", workflows=[W])
    server.start("w")
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("complete_workflow_task"))
    await worker.stop()
    await running
    assert "workflow poll of task queue q: task" in caplog.messages


async def test_a_poller_outlives_errors(server: Any, pauses: list[float]) -> None:
    failures = itertools.count(1)
    metrics = InMemoryMetrics()
    worker = Worker(server, task_queue="q", workflows=[W], metrics=metrics)

    def fail(**_: Any) -> None:
        if next(failures) <= 3:
            raise ServerError(500, {})
        worker._stop.set()

    server.on["poll_workflow_task"] = fail
    server.put("workflow", {"task_id": "ends-the-poll"})
    await worker._poll_workflow_tasks()
    await asyncio.gather(*worker._in_flight)
    assert pauses[0] == 1.0
    assert len(pauses) == 3
    tags = {"task_kind": "workflow", "task_queue": "q", "outcome": "error"}
    assert metrics.counter_value(WORKER_POLLS, tags) == 3


async def test_a_worker_that_was_deregistered_ends_with_an_error(server: Any) -> None:
    refusal = ServerError(409, {"reason": "worker_deregistered", "message": "w is out"})

    def refuse(**_: Any) -> None:
        raise refusal

    worker = Worker(server, task_queue="q", workflows=[W])
    server.on["poll_workflow_task"] = refuse
    with pytest.raises(RuntimeError, match="an operator deregistered this worker") as raised:
        await worker.run()
    assert raised.value.__cause__ is refusal
    assert server.count("poll_workflow_task") <= _polling.POLLERS_PER_KIND


async def test_a_task_that_has_begun_keeps_its_slot_though_its_poller_is_cancelled() -> None:
    begun: asyncio.Queue[Any] = asyncio.Queue()
    slots = asyncio.Semaphore(1)

    async def poll(begin: Begin | None) -> Any:
        assert begin is not None
        begin({"task_id": "t-1"})
        await asyncio.Event().wait()

    async def start(task: Any) -> None:
        raise AssertionError("it has begun")

    target = PollTarget("activity", "q", poll, start, slots, NOOP_METRICS, begin=begun.put_nowait)
    poller = asyncio.create_task(Poller(target, Pacing(asyncio.Event())).run())
    await begun.get()
    poller.cancel()
    await asyncio.gather(poller, return_exceptions=True)
    assert slots.locked()


async def test_a_task_that_has_begun_is_not_started_again() -> None:
    begun: list[Any] = []
    stop = asyncio.Event()

    async def poll(begin: Begin | None) -> Any:
        assert begin is not None
        task = {"task_id": f"t-{len(begun)}"}
        if len(begun) < 2:
            begin(task)
            return task
        stop.set()
        return None

    async def start(task: Any) -> None:
        raise AssertionError("it has begun")

    slots = asyncio.Semaphore(3)
    target = PollTarget("activity", "q", poll, start, slots, NOOP_METRICS, begin=begun.append)
    await Poller(target, Pacing(stop)).run()
    assert [each["task_id"] for each in begun] == ["t-0", "t-1"]
    assert slots._value == 1, "both have theirs still"


async def test_a_poller_takes_a_slot_before_it_polls(server: Any) -> None:
    worker = Worker(server, task_queue="q", workflows=[W], max_concurrent_workflow_tasks=1)
    await worker._wf_semaphore.acquire()
    poller = asyncio.create_task(worker._poll_workflow_tasks())
    await asyncio.sleep(0)
    assert server.count("poll_workflow_task") == 0
    worker._wf_semaphore.release()
    await server.until(lambda: server.count("poll_workflow_task") == 1)
    poller.cancel()
    await asyncio.gather(poller, return_exceptions=True)
    assert worker._wf_semaphore._value == 1


async def test_a_transport_that_answers_at_once_does_not_keep_the_loop(
    server: Any, pauses: list[float]
) -> None:
    polls = itertools.count(1)
    worker = Worker(server, task_queue="q", workflows=[W])

    def empty(**_: Any) -> dict[str, Any]:
        if next(polls) == 20:
            worker._stop.set()
        return {}

    server.on["poll_workflow_task"] = empty
    await worker._poll_workflow_tasks()
    assert pauses[0] < pauses[-1] <= 0.5


async def test_several_polls_wait_side_by_side(server: Any) -> None:
    worker = Worker(server, task_queue="q", workflows=[W])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("poll_workflow_task") == _polling.POLLERS_PER_KIND)
    await worker.stop()
    await running


async def test_a_kind_without_definitions_is_not_asked_for(server: Any, info: Any) -> None:
    server.info = info(query_tasks=True)

    async def act() -> None: ...

    worker = Worker(server, task_queue="q", activities=[act])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("poll_activity_task") > 0)
    await worker.stop()
    await running
    assert server.count("poll_workflow_task") == 0
    assert server.count("poll_query_task") == 0
    assert "capabilities" not in server.calls["register_worker"][0]


async def test_whoever_waits_for_the_server_goes_on_when_it_is_back() -> None:
    pacing = Pacing(asyncio.Event())
    waiting = asyncio.create_task(pacing.pause(1000, until_reached=True))
    await asyncio.sleep(0)  # the pause has begun
    pacing.reached()
    async with asyncio.timeout(5):
        await waiting


async def test_a_pause_ends_with_the_worker() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(Pacing(stop).pause(1000))
    stop.set()
    async with asyncio.timeout(5):
        await waiting
