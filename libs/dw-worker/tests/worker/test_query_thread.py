"""Where queries are polled and answered: on the worker's loop, or in a thread of their own."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import asyncio
import threading
from collections.abc import Generator
from typing import Any, ClassVar

import pytest

from durable_workflow import workflow
from durable_workflow._meet import register_transport_clone
from durable_workflow.interceptors import PassthroughWorkerInterceptor, QueryTaskHandler
from durable_workflow.metrics import WORKER_POLLS, WORKER_TASKS, InMemoryMetrics
from durable_workflow.worker import Worker


@workflow.defn(name="asked")
class Asked:
    @workflow.query("one")
    def one(self) -> int:
        return 1

    def run(self, ctx: Any) -> Generator[Any, Any, None]:
        yield ctx.start_timer(1)


def _task(pack: Any, query_task_id: str = "qt") -> dict[str, Any]:
    started = {"sequence": 1, "event_type": "WorkflowStarted", "payload": {}}
    return {
        "query_task_id": query_task_id,
        "run_id": "run",
        "workflow_type": "asked",
        "query_name": "one",
        "payload_codec": "avro",
        "query_arguments": pack([]),
        "history_events": [started],
    }


@pytest.mark.parametrize("in_thread", [True, False])
async def test_a_query_in_flight_is_answered_though_the_worker_stops(
    server: Any, info: Any, pack: Any, in_thread: bool
) -> None:
    begun, may_end = threading.Event(), threading.Event()
    answers: list[Any] = []

    class Slow(PassthroughWorkerInterceptor):
        async def execute_query_task(self, context: Any, next: QueryTaskHandler) -> str:
            begun.set()
            await asyncio.to_thread(may_end.wait, 30)
            return await next(context)

    class Copy:
        tasks: ClassVar[list[Any]] = [_task(pack)]

        async def poll_query_task(self, **_: Any) -> Any:
            if self.tasks:
                return self.tasks.pop()
            await asyncio.Event().wait()

        async def complete_query_task(self, **arguments: Any) -> None:
            answers.append(arguments["result"])

    class Copied(type(server)):  # type: ignore[misc]  # the double is known to the fixture only
        pass

    if in_thread:
        register_transport_clone(Copied, lambda client, **_: Copy())
    client = Copied()
    client.info = info(query_tasks=True)
    metrics = InMemoryMetrics()
    worker = Worker(
        client, task_queue="q", workflows=[Asked], interceptors=[Slow()], metrics=metrics
    )
    running = asyncio.create_task(worker.run())
    if not in_thread:
        client.put("query", _task(pack))
    await asyncio.to_thread(begun.wait, 30)
    stopping = asyncio.create_task(worker.stop())
    await asyncio.wait(worker._pollers.tasks)  # which ends them
    may_end.set()
    await stopping
    await running
    assert answers == [1] or client.count("complete_query_task") == 1
    tags = {"task_kind": "query", "task_queue": "q", "outcome": "completed"}
    assert metrics.counter_value(WORKER_TASKS, tags) == 1


async def test_a_query_that_does_not_end_is_cancelled_after_the_shutdown_timeout(
    server: Any, info: Any, pack: Any
) -> None:
    begun = asyncio.Event()
    ended: list[str] = []

    class Endless(PassthroughWorkerInterceptor):
        async def execute_query_task(self, context: Any, next: QueryTaskHandler) -> str:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")
            return await next(context)

    server.info = info(query_tasks=True)
    worker = Worker(
        server,
        task_queue="q",
        workflows=[Asked],
        interceptors=[Endless()],
        shutdown_timeout=0.2,
    )
    running = asyncio.create_task(worker.run())
    server.put("query", _task(pack))
    await begun.wait()
    await worker.stop()
    await running
    assert ended == ["cancelled"]


async def test_without_a_copy_of_the_client_queries_are_polled_on_the_loop(
    server: Any, info: Any, pack: Any
) -> None:
    server.info = info(query_tasks=True)
    metrics = InMemoryMetrics()

    class Failing(PassthroughWorkerInterceptor):
        async def execute_query_task(self, context: Any, next: QueryTaskHandler) -> str:
            if context.task["query_task_id"] == "bad":
                raise LookupError("policy")
            return await next(context)

    worker = Worker(
        server, task_queue="q", workflows=[Asked], metrics=metrics, interceptors=[Failing()]
    )
    running = asyncio.create_task(worker.run())
    server.put("query", _task(pack, query_task_id="bad"))
    server.put("query", _task(pack))
    await server.until(lambda: server.count("complete_query_task") == 1)
    await worker.stop()
    await running
    assert threading.current_thread().name not in worker.worker_id
    for outcome in ("error", "completed"):
        tags = {"task_kind": "query", "task_queue": "q", "outcome": outcome}
        assert metrics.counter_value(WORKER_TASKS, tags) == 1
    tags = {"task_kind": "query", "task_queue": "q", "outcome": "task"}
    assert metrics.counter_value(WORKER_POLLS, tags) == 2


async def test_with_a_copy_queries_are_answered_while_the_loop_is_busy(
    server: Any, info: Any, pack: Any
) -> None:
    answered = threading.Event()
    closed = threading.Event()
    threads: list[str] = []

    class Copy:
        """A client of the query thread: one query, and then nothing."""

        def __init__(self) -> None:
            self.tasks = [_task(pack)]

        async def poll_query_task(self, **_: Any) -> Any:
            if self.tasks:
                return self.tasks.pop()
            await asyncio.Event().wait()

        async def complete_query_task(self, **arguments: Any) -> None:
            threads.append(threading.current_thread().name)
            answered.set()

        async def aclose(self) -> None:
            closed.set()

    class Copied(type(server)):  # type: ignore[misc]  # the double is known to the fixture only
        pass

    register_transport_clone(Copied, lambda client, **_: Copy())
    client = Copied()
    client.info = info(query_tasks=True)
    worker = Worker(client, task_queue="q", workflows=[Asked], worker_id="w")
    running = asyncio.create_task(worker.run())
    await client.until(lambda: client.count("register_worker") == 1)
    await client.until(lambda: client.count("poll_workflow_task") > 0)
    assert worker._query_thread is not None
    assert worker._query_thread.thread.daemon
    assert answered.wait(5)  # blocks the loop: nothing of it is needed
    await worker.stop()
    await running
    assert threads == ["durable-workflow-query-poller-w"]
    assert closed.wait(5)
    assert client.count("poll_query_task") == 0
