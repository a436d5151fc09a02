"""Whatever code of users ends by ends its task: it is reported, and the worker goes on."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import asyncio
import types
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import WorkflowCancelled
from durable_workflow.interceptors import PassthroughWorkerInterceptor
from durable_workflow.worker import Worker
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._contained import Ended, contained


class Urgent(BaseException):
    pass


ENDS = [
    GeneratorExit,
    KeyboardInterrupt,
    SystemExit,
    asyncio.CancelledError,
    WorkflowCancelled,
    Urgent,
    StopIteration,
    StopAsyncIteration,
    LookupError,
]
ends = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)


@asynccontextmanager
async def working(server: Any, **options: Any) -> AsyncGenerator[Worker, None]:
    worker = Worker(server, task_queue="q", **options)
    running = asyncio.create_task(worker.run())
    try:
        yield worker
        assert not running.done()
    finally:
        await worker.stop()
        await asyncio.gather(running, return_exceptions=True)


def activity_task(pack: Any, name: str) -> dict[str, Any]:
    return {
        "task_id": "t",
        "activity_attempt_id": "at",
        "activity_type": name,
        "payload_codec": "avro",
        "arguments": pack([]),
    }


def raising(end: type[BaseException], where: str) -> Any:
    def plain() -> None:
        raise end("out")

    async def coroutine() -> None:
        await asyncio.sleep(0)
        raise end("out")

    def awaitable() -> Any:
        return coroutine()

    return {"plain": plain, "coroutine": coroutine, "awaitable": awaitable}[where]


@pytest.mark.parametrize("where", ["plain", "coroutine", "awaitable"])
@ends
async def test_an_activity_fails_by_what_it_raises(
    server: Any, pack: Any, end: type[BaseException], where: str
) -> None:
    server.put("activity", activity_task(pack, where))
    async with working(server, activities=[raising(end, where)]):
        await server.until(lambda: server.count("fail_activity_task"))
    [failure] = server.calls["fail_activity_task"]
    assert failure["non_retryable"] is False
    if not issubclass(end, StopIteration | StopAsyncIteration):  # Python says these its own way
        assert (failure["failure_type"], failure["message"]) == (end.__name__, "out")
    assert where in failure["stack_trace"] or "coroutine" in failure["stack_trace"]


@workflow.defn(name="ending")
class Ending:
    end: type[BaseException] = LookupError

    def __init__(self) -> None:
        self.ready = False

    @workflow.query("plain")
    def plain(self) -> None:
        raise self.end("out")

    @workflow.query("coroutine")
    async def coroutine(self) -> None:
        await asyncio.sleep(0)
        raise self.end("out")

    @workflow.update("change")
    def change(self) -> None: ...

    @workflow.update_validator("change")
    def check_change(self) -> None:
        raise self.end("out")

    def run(self, ctx: Any) -> Generator[Any, Any, None]:
        yield ctx.wait_condition(lambda: self.ready, key="ready")


def ending(end_by: type[BaseException]) -> type:
    @workflow.defn(name="ending")
    class Ended(Ending):
        end = end_by

    return Ended


def question(pack: Any, **about: str) -> dict[str, Any]:
    started = {"sequence": 1, "event_type": "WorkflowStarted", "payload": {"clock": "event"}}
    return {
        "query_task_id": "query",
        "query_task_attempt": 1,
        "workflow_type": "ending",
        "workflow_id": "w",
        "run_id": "r",
        "payload_codec": "avro",
        "workflow_arguments": pack([]),
        "query_arguments": pack([]),
        "history_events": [started],
        "last_history_sequence": 1,
        **about,
    }


@pytest.mark.parametrize("name", ["plain", "coroutine", "change"])
@ends
async def test_a_query_or_validator_is_refused_by_what_it_raises(
    server: Any, pack: Any, info: Any, end: type[BaseException], name: str
) -> None:
    server.info = info(query_tasks=True)
    about = {"query_name": name}
    if name == "change":
        about = {"task_kind": "update_validation", "update_name": name}
    server.put("query", question(pack, **about))
    async with working(server, workflows=[ending(end)]):
        await server.until(lambda: server.count("fail_query_task"))
        # The poller of queries lives, too.
        server.put("query", question(pack, query_name="unknown"))
        await server.until(lambda: server.count("fail_query_task") == 2)
    failure = server.calls["fail_query_task"][0]
    assert failure["reason"] == ("update_rejected" if name == "change" else "query_rejected")
    if not issubclass(end, StopIteration | StopAsyncIteration):
        assert "out" in failure["message"]


class Raising(PassthroughWorkerInterceptor):
    def __init__(self, end: type[BaseException]) -> None:
        self.end = end

    async def execute_workflow_task(self, context: Any, next: Any) -> Any:
        raise self.end("out")

    async def execute_activity(self, context: Any, next: Any) -> Any:
        raise self.end("out")

    async def execute_query_task(self, context: Any, next: Any) -> Any:
        raise self.end("out")


@ends
async def test_every_task_is_reported_whatever_an_interceptor_raises(
    server: Any, pack: Any, info: Any, end: type[BaseException]
) -> None:
    server.info = info(query_tasks=True)

    def served() -> None: ...

    server.start("ending")
    server.put("activity", activity_task(pack, "served"))
    server.put("query", question(pack, query_name="plain"))
    options: dict[str, Any] = {"workflows": [Ending], "activities": [served]}
    reports = ("fail_workflow_task", "fail_activity_task", "fail_query_task")
    async with working(server, interceptors=[Raising(end)], **options):
        await server.until(lambda: all(server.count(report) for report in reports))


@pytest.mark.parametrize("end", [GeneratorExit, Urgent, SystemExit])
async def test_run_until_reports_an_activity_that_ends_by_anything(
    server: Any, pack: Any, end: type[BaseException]
) -> None:
    run = server.start("nothing", workflow_id="w")
    server._tasks["workflow"].get_nowait()

    def ends_run(**_: Any) -> None:
        run.status = "completed"

    server.put("activity", activity_task(pack, "coroutine"))
    server.on["fail_activity_task"] = ends_run
    worker = Worker(server, task_queue="q", activities=[raising(end, "coroutine")])
    try:
        await worker.run_until(workflow_id="w", timeout=10)
    except Urgent:
        assert end is Urgent
    assert server.count("fail_activity_task") == 1


@ends
async def test_a_code_thread_hands_on_no_more_than_an_exception(end: type[BaseException]) -> None:
    threads = CodeThreads("t", 1)

    def work(_: Any) -> None:
        raise end("out")

    with pytest.raises(Exception, match="out") as raised:
        await asyncio.wrap_future(threads.submit(work))
    assert end.__name__ in (type(raised.value).__name__, type(raised.value.__cause__).__name__)
    threads.close()


async def test_the_cancellation_of_the_awaiting_task_passes() -> None:
    waiting = asyncio.create_task(contained(asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_closing_a_suspended_coroutine_passes() -> None:
    @types.coroutine
    def suspends() -> Generator[None, None, None]:
        yield

    suspended = contained(suspends())
    suspended.send(None)
    await asyncio.to_thread(suspended.close)  # raises where the code inside is taken for the cause
    with pytest.raises(RuntimeError, match="cannot reuse"):
        suspended.send(None)


async def test_an_ending_says_what_was_raised() -> None:
    with pytest.raises(Ended) as ended:
        await contained(raising(KeyboardInterrupt, "coroutine")())
    assert isinstance(ended.value.error, KeyboardInterrupt)
