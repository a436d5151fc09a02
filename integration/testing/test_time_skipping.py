"""A real server that skips the time in which nothing happens."""

import asyncio
import time
from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from typing import Any

import pytest

from durable_workflow import Client, Worker, activity, workflow
from durable_workflow.errors import ActivityFailed, WorkflowTimedOut
from durable_workflow.server import embedded_server
from durable_workflow.testing import RunningWorker, WorkflowTestServer
from durable_workflow.workflow import ActivityRetryPolicy, WorkflowContext

Code = Generator[Any, Any, Any]
StartWorker = Callable[..., RunningWorker]
DAY = 24 * 3600


@activity.defn(name="work")
async def work(fails: int) -> int:
    attempt = activity.context().info.attempt_number
    if attempt <= fails:
        raise ValueError(f"attempt {attempt}")
    return attempt


@workflow.defn(name="month")
class Month:
    """Sleeps thirty days, with activities and retries between."""

    def __init__(self) -> None:
        self.stopped = False

    @workflow.signal("stop")
    def stop(self) -> None:
        self.stopped = True

    @workflow.query("stopped")
    def is_stopped(self) -> bool:
        return self.stopped

    @workflow.update("ask")
    def ask(self, word: str) -> str:
        return word * 2

    def run(self, ctx: WorkflowContext, naps: int = 6) -> Code:
        started = ctx.now()
        attempts: list[int] = []
        policy = ActivityRetryPolicy(max_attempts=3, backoff_seconds=[3600])
        for _ in range(naps):
            attempts.append((yield ctx.schedule_activity("work", [2], retry_policy=policy)))
            if (yield ctx.wait_condition(lambda: self.stopped, timeout=30 * DAY / naps - 2 * 3600)):
                break
        return [attempts, (ctx.now() - started).total_seconds() / DAY]


@workflow.defn(name="unserved")
class Unserved:
    def run(self, ctx: WorkflowContext) -> Code:
        started = ctx.now()
        try:
            yield ctx.schedule_activity(
                "work", [0], queue="nobody", schedule_to_start_timeout=7 * DAY
            )
        except ActivityFailed as error:
            return [str(error), (ctx.now() - started).total_seconds() / DAY]


async def start(client: Client, workflow_type: str, *args: Any, **options: Any) -> Any:
    return await client.start_workflow(
        workflow_type=workflow_type,
        task_queue="default",
        workflow_id=workflow_type,
        input=list(args),
        **options,
    )


async def test_a_month_takes_no_time(dw_client: Client, dw_worker: StartWorker) -> None:
    async with dw_worker(workflows=[Month], activities=[work]):
        began = time.monotonic()
        handle = await start(dw_client, "month")
        [attempts, days] = await handle.result(timeout=20)
        took = time.monotonic() - began
    assert attempts == [3] * 6
    assert days == pytest.approx(30, abs=1e-6)
    assert took < 5  # a shared machine; alone it is a quarter of a second
    print(f"thirty days took {took:.3f} s")


async def test_retries_and_timeouts_of_an_activity_without_a_workflow_take_no_time(
    dw_server: WorkflowTestServer, dw_client: Client, dw_worker: StartWorker
) -> None:
    before = dw_server.now()
    async with dw_worker(workflows=[Month], activities=[work]):
        policy = {"max_attempts": 3, "backoff_seconds": [10 * DAY]}
        handle = await dw_client.start_activity(
            activity_type="work", task_queue="default", input=[2], retry_policy=policy
        )
        assert await handle.result(timeout=20) == 3
        assert dw_server.now() - before >= timedelta(days=20)
    before = dw_server.now()
    handle = await dw_client.start_activity(
        activity_type="work", task_queue="nobody", schedule_to_start_timeout_seconds=7 * DAY
    )
    with pytest.raises(WorkflowTimedOut, match="schedule_to_start"):
        await handle.result(timeout=20)
    assert dw_server.now() - before >= timedelta(days=7)


async def test_time_is_not_skipped_unless_somebody_waits(
    dw_server: WorkflowTestServer, dw_client: Client, dw_worker: StartWorker
) -> None:
    async with dw_worker(workflows=[Month], activities=[work]):
        await start(dw_client, "month")
        before = dw_server.now()
        for _ in range(20):
            assert (await dw_client.describe_workflow("month")).status != "completed"
            await asyncio.sleep(0.01)
        assert dw_server.now() - before < timedelta(minutes=1)


async def test_the_test_lets_time_pass(
    dw_server: WorkflowTestServer, dw_client: Client, dw_worker: StartWorker
) -> None:
    async with dw_worker(workflows=[Month], activities=[work]):
        handle = await start(dw_client, "month")
        before = dw_server.now()
        await dw_server.advance(timedelta(days=12))
        assert dw_server.now() - before >= timedelta(days=12)
        assert dw_server.now() - before < timedelta(days=12, minutes=1)
        assert await handle.query("stopped") is False
        assert await handle.update("ask", ["a"], wait_for="completed") == "aa"
        await handle.signal("stop")
        [attempts, days] = await handle.result(timeout=20)
    assert len(attempts) == 3
    assert days == pytest.approx(12, abs=0.01)


async def test_time_stands_while_an_activity_works(
    dw_server: WorkflowTestServer, dw_client: Client, dw_worker: StartWorker
) -> None:
    times: list[datetime] = []

    @activity.defn(name="work")
    async def slow(_: int) -> int:
        times.append(dw_server.now())
        await asyncio.sleep(0.2)
        times.append(dw_server.now())
        return 1

    async with dw_worker(workflows=[Month], activities=[slow]):
        handle = await start(dw_client, "month", 1, execution_timeout_seconds=40 * DAY)
        await handle.result(timeout=20)
    assert times[0] == times[1]


async def test_workers_stay_alive(
    dw_server: WorkflowTestServer,
    dw_client: Client,
    dw_worker: StartWorker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with dw_worker(workflows=[Month], activities=[work]):
        handle = await start(dw_client, "month")
        await dw_server.advance(timedelta(days=7))
        await handle.result(timeout=20)
    said = [each.getMessage() for each in caplog.records if ".server" in each.name]
    assert [line for line in said if "silent" in line or "is gone" in line] == []


async def test_timeouts_of_tasks_that_nobody_takes_come(
    dw_client: Client, dw_worker: StartWorker
) -> None:
    async with dw_worker(workflows=[Unserved], activities=[work]):
        handle = await start(dw_client, "unserved")
        [message, days] = await handle.result(timeout=30)
    assert "schedule_to_start" in message
    assert days == pytest.approx(7, abs=0.01)


async def test_a_run_timeout_comes(dw_client: Client, dw_worker: StartWorker) -> None:
    async with dw_worker(workflows=[Month], activities=[work]):
        handle = await start(dw_client, "month", run_timeout_seconds=DAY)
        with pytest.raises(WorkflowTimedOut):
            await handle.result(timeout=20)


def test_a_plain_test_lets_time_pass(dw_server: WorkflowTestServer) -> None:
    async def begin() -> None:
        async with dw_server.client() as client:
            await start(client, "month")

    async def end() -> Any:
        async with dw_server.client() as client:
            return await client.describe_workflow("month")

    with dw_server.worker(workflows=[Month], activities=[work]):
        asyncio.run(begin())
        dw_server.advance(timedelta(days=31)).wait(timeout=20)
        assert asyncio.run(end()).status == "completed"


@pytest.mark.dw_server(time_skipping=False)
def test_a_server_in_real_time_cannot_be_moved(dw_server: WorkflowTestServer) -> None:
    with pytest.raises(RuntimeError, match="does not skip time"):
        dw_server.advance(1)


def test_who_lets_time_pass_is_told_of_the_end(tmp_path: Any) -> None:
    with WorkflowTestServer() as server:
        with server.worker(workflows=[Month]):  # nobody does the activity
            pass
        passing = server.advance(0)
        passing.wait(timeout=20)
    with pytest.raises(RuntimeError):
        server.advance(1)


@workflow.defn(name="nap")
class Nap:
    def run(self, ctx: WorkflowContext, hours: int) -> Code:
        started = ctx.now()
        for _ in range(hours):
            yield ctx.sleep(3600)
        return round((ctx.now() - started) / timedelta(hours=1), 3)


async def test_many_workflows_sleep_side_by_side(
    dw_server: WorkflowTestServer, dw_client: Client, dw_worker: StartWorker
) -> None:
    before = dw_server.now()
    async with dw_worker(workflows=[Nap]):
        handles = [
            await dw_client.start_workflow(
                workflow_type="nap", task_queue="default", workflow_id=f"nap-{n}", input=[n]
            )
            for n in range(1, 11)
        ]
        results = await asyncio.gather(*(handle.result(timeout=30) for handle in handles))
    assert results == [float(n) for n in range(1, 11)]
    assert timedelta(hours=10) <= dw_server.now() - before < timedelta(hours=10, minutes=1)


async def test_an_embedded_server_skips_time_too() -> None:
    async with (
        embedded_server(time_skipping=True) as url,
        Client(url) as client,
    ):
        worker = Worker(client, task_queue="default", workflows=[Nap])
        handle = await start(client, "nap", 24)
        running = asyncio.create_task(worker.run())
        assert await handle.result(timeout=30) == 24.0
        await worker.stop()
        await running


async def test_time_goes_no_further_than_the_result(
    dw_server: WorkflowTestServer, dw_client: Client, dw_worker: StartWorker
) -> None:
    async with dw_worker(workflows=[Nap, Month], activities=[work]):
        long = await start(dw_client, "month")
        short = await start(dw_client, "nap", 2)
        before = dw_server.now()
        await short.result(timeout=20)
        assert dw_server.now() - before < timedelta(hours=2, minutes=1)
        await long.result(timeout=20)
