"""The fixtures of dw-testing, with a real client, worker and server."""

# pyright: reportPrivateUsage=false

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

from durable_workflow import Client, Unauthorized, activity, workflow
from durable_workflow.testing import (
    RunningWorker,
    WorkflowEnvironment,
    WorkflowTestServer,
    _worker,
)
from durable_workflow.workflow import ActivityRetryPolicy, WorkflowContext

Code = Generator[Any, Any, Any]
StartWorker = Callable[..., RunningWorker]


@activity.defn(name="greet")
async def greet(name: str) -> str:
    return f"hello, {name}"


@workflow.defn(name="plugin-greeter")
class Greeter:
    def run(self, ctx: WorkflowContext, name: str) -> Code:
        policy = ActivityRetryPolicy(max_attempts=3, backoff_seconds=[0])
        return (yield ctx.schedule_activity("greet", [name], retry_policy=policy))


@workflow.defn(name="plugin-counter")
class Counter:
    def __init__(self) -> None:
        self.count = 0

    @workflow.signal("add")
    def add(self) -> None:
        self.count += 1

    @workflow.query("count")
    def current(self) -> int:
        return self.count

    def run(self, ctx: WorkflowContext) -> Code:
        return (yield ctx.wait_condition(lambda: self.count > 10))


async def greeting(client: Client, workflow_id: str = "greeting") -> Any:
    handle = await client.start_workflow(
        workflow_type="plugin-greeter",
        task_queue="default",
        workflow_id=workflow_id,
        input=["world"],
    )
    return await handle.result(timeout=20)


def test_an_environment_for_each_test(workflow_environment: WorkflowEnvironment) -> None:
    workflow_environment.register_activities(greet)
    assert workflow_environment.execute_workflow(Greeter, "world") == "hello, world"


async def test_an_asynchronous_test(dw_client: Client, dw_worker: StartWorker) -> None:
    async with dw_worker(workflows=[Greeter], activities=[greet]):
        assert await greeting(dw_client) == "hello, world"


def test_a_plain_test(dw_server: WorkflowTestServer) -> None:
    async def ask() -> Any:
        async with dw_server.client() as client:
            return await greeting(client)

    with dw_server.worker(workflows=[Greeter], activities=[greet]):
        assert asyncio.run(ask()) == "hello, world"


async def count(client: Client) -> Any:
    return await client.get_workflow_handle("counter").query("count")


async def start_counter(client: Client) -> None:
    await client.start_workflow(
        workflow_type="plugin-counter", task_queue="default", workflow_id="counter", input=[]
    )


async def test_the_first_query_of_a_block_finds_its_worker(
    dw_client: Client, dw_worker: StartWorker
) -> None:
    await start_counter(dw_client)
    async with dw_worker(workflows=[Counter]):
        assert await count(dw_client) == 0


def test_the_first_query_of_a_plain_block_finds_its_worker(dw_server: WorkflowTestServer) -> None:
    async def ask(what: Callable[[Client], Any]) -> Any:
        async with dw_server.client() as client:
            return await what(client)

    asyncio.run(ask(start_counter))
    with dw_server.worker(workflows=[Counter]):
        assert asyncio.run(ask(count)) == 0


async def test_a_query_just_after_a_worker_died_is_answered_by_the_next(
    dw_client: Client, dw_worker: StartWorker
) -> None:
    await start_counter(dw_client)
    async with dw_worker(workflows=[Counter]) as worker:
        await dw_client.get_workflow_handle("counter").signal("add")
        assert await count(dw_client) == 1
        worker.kill_worker()
        assert await count(dw_client) == 1


@pytest.mark.dw_server(token="secret")
async def test_a_worker_that_is_not_let_in_says_so_at_the_block(
    dw_server: WorkflowTestServer,
) -> None:
    stranger = RunningWorker(
        lambda: dw_server.client(token="wrong"), {"task_queue": "default", "workflows": [Counter]}
    )
    with pytest.raises(Unauthorized):
        async with stranger:
            pytest.fail("the block began")
    with pytest.raises(Unauthorized), stranger:
        pytest.fail("the block began")


async def test_a_worker_whose_server_is_away_says_so(
    dw_server: WorkflowTestServer, dw_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_worker, "_REGISTRATION_SECONDS", 0.1)
    worker = dw_worker(workflows=[Counter], task_queue="orders")
    client = dw_server.client()
    worker._connect = lambda: client
    dw_server.stop()
    with pytest.raises(
        TimeoutError, match=r"was not registered on task queue orders within 0\.1 s"
    ):
        async with worker:
            pytest.fail("the block began")


async def test_an_activity_of_the_test_s_own_loop(
    dw_client: Client, dw_worker: StartWorker
) -> None:
    loop = asyncio.get_running_loop()

    @activity.defn(name="greet")
    async def looks(name: str) -> bool:
        return asyncio.get_running_loop() is loop

    async with dw_worker(workflows=[Greeter], activities=[looks]):
        assert await greeting(dw_client) is True


async def test_attempts_that_fail(dw_client: Client, dw_worker: StartWorker) -> None:
    async with dw_worker(workflows=[Greeter], activities=[greet]) as worker:
        worker.fail_next_activity("greet", times=2)
        assert await greeting(dw_client) == "hello, world"


@pytest.mark.parametrize("restart", [True, False])
async def test_a_worker_that_dies(
    dw_client: Client, dw_worker: StartWorker, *, restart: bool
) -> None:
    attempts: list[int] = []
    begun = asyncio.Event()

    @activity.defn(name="greet")
    async def dies(name: str) -> str:
        attempts.append(activity.context().info.attempt_number)
        begun.set()
        if len(attempts) == 1:
            worker.kill_worker(restart=restart)
            await asyncio.sleep(3600)
        return f"hello, {name}"

    async with dw_worker(workflows=[Greeter], activities=[dies]) as worker:
        asking = asyncio.create_task(greeting(dw_client))
        if not restart:
            await begun.wait()
            async with dw_worker(workflows=[Greeter], activities=[dies]):
                await asking
        assert await asking == "hello, world"
    # A poll of the dead worker may have been given the attempt between, until its end was noticed.
    assert len(attempts) == 2
    assert attempts[0] == 1
    assert attempts[1] > 1


def test_a_worker_in_a_thread_that_dies(dw_server: WorkflowTestServer) -> None:
    attempts: list[int] = []

    @activity.defn(name="greet")
    def dies(name: str) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            worker.kill_worker()
        return f"hello, {name}"

    async def ask() -> Any:
        async with dw_server.client() as client:
            return await greeting(client)

    with dw_server.worker(workflows=[Greeter], activities=[dies]) as worker:
        assert asyncio.run(ask()) == "hello, world"
    assert len(attempts) == 2


@pytest.mark.dw_server(token="secret", namespace="default")
async def test_arguments_of_the_server(dw_server: WorkflowTestServer, dw_client: Client) -> None:
    assert dw_client.token == "secret"
    assert (await dw_client.get_cluster_info())["server_id"]


async def test_a_server_that_is_restarted(tmp_path: Any) -> None:
    with WorkflowTestServer(db=tmp_path / "state.db") as server:
        async with server.client() as client:
            url = server.url
            await client.start_workflow(
                workflow_type="plugin-greeter", task_queue="default", workflow_id="kept", input=[1]
            )
            server.restart()
            assert server.url == url
            assert (await client.describe_workflow("kept")).status
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.url
