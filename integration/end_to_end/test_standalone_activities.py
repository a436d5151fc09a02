"""Activities that no workflow starts: a real server, a real worker, and what may go wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from durable_workflow import Client, StandaloneActivityHandle, WorkflowFailed
from durable_workflow.errors import (
    InvalidArgument,
    QueryFailed,
    ServerError,
    SignalFailed,
    WorkflowAlreadyStarted,
    WorkflowCancelled,
    WorkflowNotFound,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from durable_workflow.history_bundle_verify import verify_bundle
from integration.end_to_end.conftest import PROGRAMS, QUEUE
from integration.harness.histories import types
from integration.harness.processes import ServerProcess, worker_process
from integration.harness.waiting import eventually


@pytest.fixture(params=["stream", "polls"], scope="module")
def carried(
    request: pytest.FixtureRequest, shared_server: ServerProcess
) -> Iterator[tuple[ServerProcess, str]]:
    """A server, and a queue whose worker gets its tasks in one of the two ways."""
    queue = f"standalone-{request.param}"
    polls = request.param == "polls"
    with worker_process(shared_server.url, PROGRAMS, task_queue=queue, polls=polls):
        yield shared_server, queue


@asynccontextmanager
async def connected(server: ServerProcess) -> AsyncGenerator[Client]:
    async with Client(server.url) as client:
        yield client


async def start(
    client: Client, activity_type: str, *arguments: Any, queue: str = QUEUE, **options: Any
) -> StandaloneActivityHandle:
    return await client.start_activity(
        activity_type=activity_type, task_queue=queue, input=list(arguments), **options
    )


async def history(client: Client, handle: StandaloneActivityHandle) -> list[dict[str, Any]]:
    """Return the events of the host run."""
    assert handle.workflow_run_id is not None
    document = await client.get_history(handle.activity_id, handle.workflow_run_id)
    events: list[dict[str, Any]] = document["events"]
    return events


async def status_of(handle: StandaloneActivityHandle) -> str | None:
    return (await handle.describe()).activity_status


async def test_activity_runs_and_returns(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        handle = await start(
            client, "greet", "Ada", queue=queue, activity_class="Greetings", business_key="b-1"
        )
        assert await handle.result(timeout=20) == {"greeting": "Hello, Ada!", "length": 3}

        seen = await handle.describe()
        assert (seen.status, seen.activity_status, seen.closed_reason) == (
            *("completed", "completed"),
            "completed",
        )
        assert (seen.activity_type, seen.activity_class) == ("greet", "Greetings")
        assert (seen.business_key, seen.task_queue, seen.attempt_count) == ("b-1", queue, 1)
        assert seen.result == {"greeting": "Hello, Ada!", "length": 3}
        assert seen.workflow_run_id == handle.workflow_run_id
        assert seen.activity_execution_id == handle.activity_execution_id
        assert types(await history(client, handle)) == [
            "StartAccepted",
            "WorkflowStarted",
            "ActivityScheduled",
            "ActivityStarted",
            "ActivityCompleted",
            "WorkflowCompleted",
        ]
        assert handle.workflow_run_id is not None
        bundle = await client.export_history(handle.activity_id, handle.workflow_run_id)
        report = verify_bundle(bundle)
        assert report["status"] != "failed", report["findings"]
        # The host is a workflow like others, for those who look.
        host = await client.describe_workflow(handle.activity_id)
        assert (host.workflow_type, host.status) == ("dw.standalone_activity", "completed")
        workflow = client.get_workflow_handle(handle.activity_id)
        assert await workflow.result(timeout=30) == {"greeting": "Hello, Ada!", "length": 3}


async def test_result_is_there_as_soon_as_the_activity_ends(
    carried: tuple[ServerProcess, str],
) -> None:
    server, queue = carried
    async with connected(server) as client:
        handle = await start(client, "greet", "Ada", queue=queue)
        began = time.monotonic()
        await handle.result(poll_interval=15.0, timeout=20)
        assert time.monotonic() - began < 10  # the server held the answer: nobody polled


async def test_failed_attempts_are_retried(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        handle = await start(
            client,
            "fail_until",
            3,
            queue=queue,
            retry_policy={"max_attempts": 5, "backoff_seconds": [0, 1]},
        )
        assert await handle.result(timeout=20) == 3
        assert (await handle.describe()).attempt_count == 3
        events = types(await history(client, handle))
        assert events.count("ActivityRetryScheduled") == 2


async def test_retries_may_be_spelled_as_one_number(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        policy = {"max_attempts": 2, "backoff_seconds": 0}
        handle = await start(client, "fail_until", 2, queue=queue, retry_policy=policy)
        assert await handle.result(timeout=20) == 2


async def test_last_failure_is_the_failure(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        policy = {"max_attempts": 2, "backoff_seconds": [0]}
        handle = await start(client, "fail_until", 3, queue=queue, retry_policy=policy)
        with pytest.raises(WorkflowFailed, match="attempt 2 is too early") as caught:
            await handle.result(timeout=20)
        assert caught.value.exception_class == "ValueError"
        seen = await handle.describe()
        assert (seen.status, seen.activity_status, seen.closed_reason) == (
            *("failed", "failed"),
            "failed",
        )
        [*_, last] = await history(client, handle)
        assert last["event_type"] == "WorkflowFailed"
        assert last["payload"]["source_kind"] == "activity_execution"
        assert last["payload"]["source_id"] == handle.activity_execution_id


async def test_failure_that_is_not_retryable_ends_it(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        policy = {"max_attempts": 5, "backoff_seconds": [0]}
        handle = await start(client, "refuse", queue=queue, retry_policy=policy)
        with pytest.raises(WorkflowFailed, match="never again"):
            await handle.result(timeout=20)
        listed = {"max_attempts": 5, "non_retryable_error_types": ["ValueError"]}
        handle = await start(client, "fail_until", 2, queue=queue, retry_policy=listed)
        with pytest.raises(WorkflowFailed, match="attempt 1 is too early"):
            await handle.result(timeout=20)
        assert (await handle.describe()).attempt_count == 1


@pytest.mark.parametrize(
    ("kind", "activity_type", "options"),
    [
        ("start_to_close", "hang", {"start_to_close_timeout_seconds": 1}),
        ("heartbeat", "hang", {"heartbeat_timeout_seconds": 1}),
        ("schedule_to_close", "hang", {"schedule_to_close_timeout_seconds": 1}),
        ("schedule_to_start", "nobody_runs_this", {"schedule_to_start_timeout_seconds": 1}),
    ],
)
async def test_timeout_ends_it(
    carried: tuple[ServerProcess, str], kind: str, activity_type: str, options: dict[str, int]
) -> None:
    server, queue = carried
    queue = queue if activity_type == "hang" else "nobody"
    async with connected(server) as client:
        handle = await start(client, activity_type, 9, queue=queue, **options)
        with pytest.raises(WorkflowTimedOut, match=f"exceeded its {kind} timeout") as caught:
            await handle.result(timeout=20)
        assert caught.value.timeout_kind == kind
        seen = await handle.describe()
        assert (seen.status, seen.closed_reason, seen.activity_status) == (
            *("failed", "timed_out"),
            "failed",
        )
        events = types(await history(client, handle))
        assert events[-2:] == ["ActivityTimedOut", "WorkflowFailed"]


async def test_timed_out_attempt_is_retried(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        handle = await start(
            client,
            "hang",
            1,
            queue=queue,
            start_to_close_timeout_seconds=1,
            retry_policy={"max_attempts": 2, "backoff_seconds": [0]},
        )
        assert await handle.result(timeout=20) == 2


async def test_heartbeats_keep_it_alive(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        handle = await start(client, "beat", 14, 0.3, queue=queue, heartbeat_timeout_seconds=3)
        assert await handle.result(timeout=30) == 14
        assert (await handle.describe()).last_heartbeat_at is not None


async def test_cancelled_activity_is_told_to_stop(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        handle = await start(client, "beat", 1000, 0.1, queue=queue)
        await eventually(lambda: status_of(handle), lambda seen: seen == "running")
        await handle.cancel(reason="not needed")
        with pytest.raises(WorkflowCancelled, match="not needed"):
            await handle.result(timeout=30)
        seen = await handle.describe()
        assert (seen.status, seen.activity_status) == ("cancelled", "cancelled")
        # The slot of the worker is free: the attempt has ended there too.
        for _ in range(12):
            await (await start(client, "greet", "Ada", queue=queue)).result(timeout=20)


async def test_terminated_activity(client: Client) -> None:
    handle = await start(client, "nobody_runs_this", queue="nobody")
    await client.terminate_workflow(handle.activity_id, reason="enough")
    with pytest.raises(WorkflowTerminated, match="enough"):
        await handle.result(timeout=30)


async def test_id_is_used_by_one_activity_at_a_time(carried: tuple[ServerProcess, str]) -> None:
    server, queue = carried
    async with connected(server) as client:
        name = f"once-{queue}"
        waits = await start(client, "nobody_runs_this", queue="nobody", activity_id=name)
        with pytest.raises(WorkflowAlreadyStarted):
            await start(client, "greet", "Ada", queue=queue, activity_id=name)
        assert (await waits.describe()).workflow_run_id == waits.workflow_run_id
        await waits.cancel()

        again = await start(client, "greet", "Bo", queue=queue, activity_id=name)
        assert again.workflow_run_id != waits.workflow_run_id
        assert (await again.result(timeout=20))["greeting"] == "Hello, Bo!"
        runs = (await client.list_workflow_runs(name)).runs
        assert [run.run_number for run in runs] == [1, 2]
        # Each handle is about the execution that it was made for.
        with pytest.raises(WorkflowCancelled):
            await waits.result(timeout=30)
        newest = client.get_activity_handle(name)
        assert (await newest.result(timeout=30))["greeting"] == "Hello, Bo!"


async def test_ids_of_workflows_and_activities_are_the_same_ids(client: Client) -> None:
    await client.start_workflow(
        workflow_type="naps", task_queue=QUEUE, workflow_id="shared-id", input=[0]
    )
    with pytest.raises(WorkflowAlreadyStarted):
        await start(client, "greet", "Ada", activity_id="shared-id")
    with pytest.raises(WorkflowNotFound):
        await client.describe_activity("shared-id")
    with pytest.raises(WorkflowNotFound):
        await client.describe_activity("never-started")
    handle = await start(client, "greet", "Ada", activity_id="an-activity")
    with pytest.raises(InvalidArgument, match="already used for workflow type"):
        await client.start_workflow(
            workflow_type="naps", task_queue=QUEUE, workflow_id=handle.activity_id, input=[0]
        )
    with pytest.raises(InvalidArgument, match=r"dw\.standalone_activity"):
        await client.start_workflow(
            workflow_type="dw.standalone_activity", task_queue=QUEUE, workflow_id="x", input=[0]
        )


async def test_nothing_else_is_asked_of_an_activity(client: Client) -> None:
    handle = await start(client, "nobody_runs_this", queue="nobody")
    host = client.get_workflow_handle(handle.activity_id)
    with pytest.raises(SignalFailed, match="does not know this signal"):
        await host.signal("go")
    with pytest.raises(QueryFailed, match="answers no queries"):
        await host.query("state")
    with pytest.raises(ServerError, match="unknown_update"):
        await host.update("change")
    assert types(await history(client, handle)) == [
        "StartAccepted",
        "WorkflowStarted",
        "ActivityScheduled",
    ]
    await handle.cancel()


async def test_activities_are_listed_by_how_they_stand(server: ServerProcess) -> None:
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
        async with connected(server) as client:
            done = [await start(client, "greet", "Ada") for _ in range(5)]
            for each in done:
                await each.result(timeout=20)
            failed = await start(client, "refuse")
            with pytest.raises(WorkflowFailed):
                await failed.result(timeout=20)
            waits = await start(client, "nobody_runs_this", queue="nobody")
            naps = await client.start_workflow(
                workflow_type="naps", task_queue=QUEUE, workflow_id="a-workflow", input=[0]
            )
            await naps.result(timeout=20)

            async def ids(**asked: Any) -> list[str]:
                page = await client.list_activities(**asked)
                assert page.activity_count == len(page.activities)
                return [each.activity_id for each in page.activities]

            assert await ids(status="running") == [waits.activity_id]
            assert await ids(status="failed") == [failed.activity_id]
            newest_first = [each.activity_id for each in reversed(done)]
            assert await ids(status="completed") == newest_first
            everything = [waits.activity_id, failed.activity_id, *newest_first]
            assert await ids() == everything
            paged: list[str] = []
            token: str | None = None
            while True:
                page = await client.list_activities(page_size=3, next_page_token=token)
                paged += [each.activity_id for each in page.activities]
                token = page.next_page_token
                if token is None:
                    break
            assert paged == everything


async def test_activity_outlives_restarts_and_kills_of_the_server(server: ServerProcess) -> None:
    with worker_process(server.url, PROGRAMS, task_queue=QUEUE):
        async with connected(server) as client:
            policy = {"max_attempts": 3, "backoff_seconds": [2]}
            handle = await start(client, "fail_until", 3, retry_policy=policy)

            async def attempts() -> int | None:
                return (await handle.describe()).attempt_count

            result = asyncio.create_task(handle.result(timeout=60))
            await eventually(attempts, lambda seen: seen == 1)
            await asyncio.to_thread(server.restart)
            await eventually(attempts, lambda seen: seen == 2)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            assert await result == 3
            assert types(await history(client, handle)).count("ActivityStarted") == 3


async def test_timeout_falls_due_while_the_server_is_down(server: ServerProcess) -> None:
    async with connected(server) as client:
        handle = await start(client, "nobody_runs_this", schedule_to_start_timeout_seconds=1)
        result = asyncio.create_task(handle.result(timeout=60))
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        with pytest.raises(WorkflowTimedOut):
            await result


@pytest.mark.parametrize("polls", [False, True], ids=["stream", "polls"])
async def test_worker_is_killed_and_another_one_does_it(server: ServerProcess, polls: bool) -> None:
    async with connected(server) as client:
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE, polls=polls) as worker:
            handle = await start(client, "hang", 1)
            await eventually(lambda: status_of(handle), lambda seen: seen == "running")
            await asyncio.to_thread(worker.kill)
        with worker_process(server.url, PROGRAMS, task_queue=QUEUE, polls=polls):
            # A lost worker is no failure: there is no retry policy, and yet it is done again.
            assert await handle.result(timeout=30) == 2
