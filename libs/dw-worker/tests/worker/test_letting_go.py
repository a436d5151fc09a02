"""Suspended code that is dropped: its `finally` blocks are user code, under the same limit."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import asyncio
import logging
import threading
import time
from collections.abc import Generator, Iterator
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.worker import Worker

# Which threads ran the `finally` block below.
cleanings: SimpleQueue[threading.Thread] = SimpleQueue()


@workflow.defn(name="cleans-up")
class CleansUp:
    @workflow.query("q")
    def q(self) -> None: ...

    def run(self, ctx: Any, how: str) -> Generator[Any, Any, None]:
        try:
            yield ctx.wait_condition(lambda: False, key="for ever")
        finally:
            cleanings.put(threading.current_thread())
            until = time.monotonic() + 20  # without a limit the test must end, too
            while how == "for ever" and time.monotonic() < until:
                pass
            if how == "raise":
                raise LookupError("nothing to clean")


@pytest.fixture
def logged() -> Iterator[SimpleQueue[Any]]:
    """What the worker logs."""
    records: SimpleQueue[Any] = SimpleQueue()
    handler = QueueHandler(records)
    handler.setLevel(logging.WARNING)
    logger = logging.getLogger("durable_workflow.worker")
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def _task(pack: Any, run_id: str, how: str, **more: Any) -> dict[str, Any]:
    started = {"sequence": 1, "event_type": "WorkflowStarted", "payload": {"clock": "event"}}
    return {
        "task_id": "t",
        "run_id": run_id,
        "workflow_type": "cleans-up",
        "payload_codec": "avro",
        "arguments": pack([how]),
        "history_events": [started],
    } | more


def _worker(server: Any, kept: int) -> Worker:
    return Worker(
        server,
        task_queue="q",
        workflows=[CleansUp],
        workflow_deadline_seconds=1,
        max_cached_workflows=kept,
    )


async def _cleaned(times: int) -> None:
    for _ in range(times):
        thread = await asyncio.to_thread(cleanings.get, timeout=10)
        assert "-workflow-" in thread.name


@pytest.mark.parametrize("kept", [0, 1])
async def test_code_is_dropped_beside_the_event_loop(server: Any, pack: Any, kept: int) -> None:
    worker = _worker(server, kept)
    for run_id in ("a", "b", "c"):
        commands = await worker._run_workflow_task(_task(pack, run_id, "at once"))
        assert commands is not None
        assert commands[0]["type"] == "open_condition_wait"
    await _cleaned(3 - kept)
    await worker.stop()
    await _cleaned(kept)
    assert cleanings.empty()


@pytest.mark.parametrize("kept", [0, 1])
async def test_code_that_cannot_be_dropped_holds_up_nobody(
    server: Any, pack: Any, kept: int, logged: SimpleQueue[Any]
) -> None:
    worker = _worker(server, kept)
    for run_id in ("a", "b"):
        assert await worker._run_workflow_task(_task(pack, run_id, "for ever"))
    await asyncio.wait_for(worker.stop(), 10)
    for _ in range(2):
        await _cleaned(1)
        record = await asyncio.to_thread(logged.get, timeout=10)
        assert "ran for more than 1 s" in record.message
        assert "test_letting_go.py" in record.message


async def test_what_dropped_code_raises_is_logged(
    server: Any, pack: Any, logged: SimpleQueue[Any]
) -> None:
    worker = _worker(server, 0)
    assert await worker._run_workflow_task(_task(pack, "a", "raise"))
    record = await asyncio.to_thread(logged.get, timeout=10)
    assert "nothing to clean" in record.message
    await _cleaned(1)
    await worker.stop()


async def test_a_replay_for_a_query_is_dropped_in_the_same_way(server: Any, pack: Any) -> None:
    worker = _worker(server, 1)
    query = {
        "query_task_id": "qt",
        "workflow_id": "wf",
        "query_name": "q",
        "workflow_arguments": pack(["at once"]),
        "query_arguments": pack([]),
    }
    assert await worker._run_query_task(_task(pack, "a", "", **query)) == "completed"
    await _cleaned(1)
    await worker.stop()
