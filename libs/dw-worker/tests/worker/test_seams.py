"""Names outside the public interface that existing test suites use."""

# pyright: reportPrivateUsage=false
import asyncio
import inspect
from datetime import timedelta
from typing import Any

from durable_workflow.worker import Worker


async def test_the_seams_of_existing_test_suites_are_there(server: Any) -> None:
    worker = Worker(server, task_queue="q", heartbeat_interval=5, max_concurrent_workflow_tasks=3)
    for name in (
        "_register",
        "_run_workflow_task",
        "_run_activity_task",
        "_run_query_task",
        "_dispatch_workflow_task",
        "_dispatch_activity_task",
        "_poll_workflow_tasks",
    ):
        assert inspect.iscoroutinefunction(getattr(worker, name))
    assert isinstance(worker._stop, asyncio.Event)
    assert isinstance(worker._wf_semaphore, asyncio.Semaphore)
    assert isinstance(worker._act_semaphore, asyncio.Semaphore)
    assert worker._in_flight == set()
    assert worker._clone_client_for_query_tasks() is None
    assert worker._current_process_metrics()["process_id"] > 0
    assert worker._process_started_at.tzinfo is not None
    assert worker._heartbeat_interval == 5.0
    worker._heartbeat_interval = 2.0
    assert worker._heartbeats.interval == 2.0


async def test_a_client_that_cannot_be_copied_gets_no_query_thread(server: Any) -> None:
    worker = Worker(server, task_queue="q")
    assert worker._start_query_task_thread() is False
    assert worker._query_thread is None


async def test_an_event_put_in_place_of_stop_ends_the_pollers(server: Any) -> None:
    worker = Worker(server, task_queue="q")
    worker._stop = asyncio.Event()
    worker._stop.set()
    await asyncio.wait_for(worker._poll_workflow_tasks(), timeout=5)
    await asyncio.wait_for(worker.run(), timeout=5)


async def test_the_start_of_the_process_can_be_moved(server: Any) -> None:
    worker = Worker(server, task_queue="q")
    worker._process_started_at -= timedelta(minutes=2)
    sample = worker._current_process_metrics()
    assert 120 <= sample["process_uptime_seconds"] < 180
    assert sample["process_started_at"] == f"{worker._process_started_at:%Y-%m-%dT%H:%M:%S}." + (
        f"{worker._process_started_at.microsecond // 1000:03d}Z"
    )


async def test_tracked_tasks_are_known_until_they_end(server: Any) -> None:
    worker = Worker(server, task_queue="q")
    release = asyncio.Event()
    task = asyncio.create_task(release.wait())
    worker._track(task)
    assert worker._in_flight == {task}
    release.set()
    await task
    await asyncio.sleep(0)
    assert worker._in_flight == set()


async def test_a_dispatch_gives_its_slot_back(server: Any) -> None:
    worker = Worker(server, task_queue="q")
    await worker._wf_semaphore.acquire()
    await worker._act_semaphore.acquire()
    await worker._dispatch_workflow_task({"task_id": "t", "workflow_type": "nobody"})
    await worker._dispatch_activity_task({"task_id": "t", "activity_type": "nobody"})
    assert worker._wf_semaphore._value == 10
    assert worker._act_semaphore._value == 10


async def test_what_stands_in_the_place_of_a_private_name_is_what_runs(server: Any) -> None:
    worker = Worker(server, task_queue="q")
    ran: list[str] = []
    all_ran = asyncio.Event()
    registered = worker._register

    async def register() -> None:
        ran.append("register")
        await registered()

    async def run(task: dict[str, Any]) -> str:
        ran.append(task["task_id"])
        if len(ran) == 3:
            all_ran.set()
        return "completed"

    vars(worker)["_register"] = register
    vars(worker)["_run_activity_task"] = run
    vars(worker)["_run_workflow_task"] = run
    for kind in ("workflow", "activity"):
        server.put(kind, {"task_id": kind, "activity_type": "len", "workflow_type": "none"})
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(all_ran.wait(), 5)
    await worker.stop()
    await running
    assert ran[0] == "register"
    assert sorted(ran[1:]) == ["activity", "workflow"]
    assert server.count("fail_activity_task") == 0
