"""Leases and fencing of workflow tasks, their failures, their history pages."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import msgspec
import pytest

from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.requests import HistoryPage, TaskOwner
from durable_workflow.server.services import workflow_tasks


async def refused(awaitable: Any) -> Refused:
    with pytest.raises(Refused) as error:
        await awaitable
    return error.value


async def test_the_guard_names_what_does_not_match(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    done = commands.done()
    unknown = await refused(server.complete(task | {"task_id": "nope"}, done))
    assert unknown.reason == "task_not_found"
    other = await refused(server.complete(task | {"lease_owner": "somebody"}, done))
    assert (other.reason, other.extra["lease_owner"]) == ("lease_owner_mismatch", "w")
    attempt = await refused(server.complete(task | {"workflow_task_attempt": 9}, done))
    assert attempt.reason == "workflow_task_attempt_mismatch"
    assert attempt.extra["current_attempt"] == 1
    assert await server.types() == ["StartAccepted", "WorkflowStarted"]


async def test_a_completion_is_applied_once(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    await server.complete(task, commands.activity())
    again = await refused(server.complete(task, commands.activity()))
    assert again.reason == "task_not_leased"
    assert again.extra["task_status"] == "completed"
    assert (await server.types()).count("ActivityScheduled") == 1


async def test_a_completion_of_a_closed_run_is_told_why(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    await server.complete(task, commands.done())
    again = await refused(server.complete(task, commands.done()))
    assert again.reason == "run_closed"
    assert again.extra["stop_reason"] == "run_completed"
    assert again.extra["cancel_requested"] is False
    assert again.extra["can_continue"] is False


async def test_a_late_completion_of_an_expired_lease_is_refused(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    server.clock.advance(31)
    late = await refused(server.complete(task, commands.done()))
    assert late.reason == "lease_expired"
    await server.pass_time(0)
    assert (await refused(server.complete(task, commands.done()))).reason == "task_not_leased"
    second = await server.task("w")
    assert second["task_id"] == task["task_id"]
    assert second["workflow_task_attempt"] == 2
    stale = await refused(server.complete(task, commands.done()))
    assert stale.reason == "workflow_task_attempt_mismatch"
    assert (await server.complete(second, commands.done())).reason is None


async def test_a_heartbeat_renews_the_lease(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    owner = TaskOwner(task_id=task["task_id"], lease_owner="w", attempt=1)
    for _ in range(4):
        await server.pass_time(20)
        answer = await server.run(workflow_tasks.heartbeat, "default", owner)
        assert answer.body["renewed"] is True
        assert answer.body["task_status"] == "leased"
    assert (await server.complete(task, commands.done())).reason is None


async def test_a_failed_task_comes_back_after_a_growing_rest(server: Any, commands: Any) -> None:
    await server.start()
    rests: list[int] = []
    for failure in range(8):
        task = await server.task()
        assert task["workflow_task_attempt"] == failure + 1
        answer = await server.fail(task, "replay failed")
        assert (answer.reason, answer.body["outcome"]) == (None, "failed")
        described = await server.describe()
        assert described["status"] == "pending"
        assert described["workflow_task"]["failure_count"] == failure + 1
        assert described["workflow_task"]["last_error"] == "replay failed"
        assert "replay failed" in described["wait_reason"]
        for waited in range(1, 100):
            assert await server.poll() is None
            await server.pass_time(1)
            if await server.poll_is_ready():
                rests.append(waited)
                break
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    assert await server.types() == ["StartAccepted", "WorkflowStarted"]
    await server.decide(commands.done())


async def test_failures_are_forgotten_after_a_success(server: Any, commands: Any) -> None:
    await server.start()
    await server.fail(await server.task())
    await server.pass_time(1)
    await server.decide(commands.activity())
    await server.complete_activity(await server.activity())
    await server.fail(await server.task())
    assert (await server.describe())["workflow_task"]["failure_count"] == 1


async def test_one_poll_id_gets_one_task(server: Any) -> None:
    await server.start("a")
    await server.start("b")
    first = await server.task(poll_request_id="p1")
    await server.pass_time(5)
    again = await server.task(poll_request_id="p1")
    assert again["task_id"] == first["task_id"]
    assert again["workflow_task_attempt"] == first["workflow_task_attempt"]
    assert again["lease_expires_at"] > first["lease_expires_at"]
    assert again["history_events"] == first["history_events"]
    other = await server.task(poll_request_id="p2")
    assert other["task_id"] != first["task_id"]


async def test_a_poll_id_is_forgotten_with_its_lease(server: Any) -> None:
    await server.start("a")
    first = await server.task(poll_request_id="p1")
    await server.pass_time(31)
    again = await server.task(poll_request_id="p1")
    assert again["workflow_task_attempt"] == first["workflow_task_attempt"] + 1


async def test_the_oldest_task_of_a_known_type_comes_first(server: Any) -> None:
    await server.register("picky", supported_workflow_types=["b", "c"])
    for name, kind in (("1", "a"), ("2", "b"), ("3", "c"), ("4", "a")):
        await server.start(name, workflow_type=kind)
        await server.pass_time(1)
    assert (await server.task("picky"))["workflow_id"] == "2"
    assert (await server.task("w"))["workflow_id"] == "1"
    assert (await server.task("picky"))["workflow_id"] == "3"
    assert await server.poll("picky") is None


async def test_a_lower_priority_number_comes_first(server: Any) -> None:
    await server.start("late", priority=7)
    await server.start("soon", priority=1)
    assert (await server.task())["workflow_id"] == "soon"


async def test_poll_guards(server: Any) -> None:
    ghost = await refused(server.poll("ghost"))
    assert ghost.reason == "worker_not_registered"
    elsewhere = await refused(server.poll("w", task_queue="other"))
    assert elsewhere.reason == "task_queue_mismatch"
    await server.register("built", build_id="b1")
    build = await refused(server.poll("built", build_id="b2"))
    assert build.reason == "build_id_mismatch"
    assert build.extra["registered_build_id"] == "b1"


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({"type": "dance"}, "type"),
        ({"type": None}, "type"),
        ({"type": "schedule_activity"}, "activity_type"),
        ({"type": "schedule_activity", "activity_type": "a", "arguments": 5}, "arguments"),
        ({"type": "schedule_activity", "activity_type": "a", "delay_seconds": 5}, "delay_seconds"),
        (
            {
                "type": "schedule_activity",
                "activity_type": "a",
                "start_to_close_timeout": 9,
                "schedule_to_close_timeout": 5,
            },
            "start_to_close_timeout",
        ),
        (
            {
                "type": "schedule_activity",
                "activity_type": "a",
                "retry_policy": {"max_attempts": 0},
            },
            "retry_policy.max_attempts",
        ),
        ({"type": "start_timer"}, "delay_seconds"),
        ({"type": "start_timer", "delay_seconds": -1}, "delay_seconds"),
        ({"type": "start_timer", "delay_seconds": True}, "delay_seconds"),
        ({"type": "start_timer", "delay_seconds": 1, "retry_policy": {}}, "retry_policy"),
        ({"type": "record_side_effect"}, "result"),
        ({"type": "record_side_effect", "result": {"codec": "x", "blob": ""}}, "result.codec"),
        ({"type": "record_version_marker", "change_id": "c"}, "version"),
        (
            {
                "type": "record_version_marker",
                "change_id": "c",
                "version": 3,
                "min_supported": 1,
                "max_supported": 2,
            },
            "version",
        ),
        ({"type": "upsert_search_attributes", "attributes": {}}, "attributes"),
        ({"type": "upsert_search_attributes", "attributes": {"a b": 1}}, "attributes.a b"),
        ({"type": "upsert_search_attributes", "attributes": {"a": {}}}, "attributes.a"),
        ({"type": "start_child_workflow"}, "workflow_type"),
        (
            {"type": "start_child_workflow", "workflow_type": "c", "parent_close_policy": "x"},
            "parent_close_policy",
        ),
        ({"type": "fail_workflow"}, "message"),
        ({"type": "complete_workflow", "result": {"a": 1}}, "result"),
        ({"type": "complete_workflow", "result": "1", "non_retryable": True}, "non_retryable"),
    ],
)
async def test_bad_commands_change_nothing(server: Any, command: Any, field: str) -> None:
    await server.start()
    task = await server.task()
    with pytest.raises(Invalid) as error:
        await server.complete(task, command)
    assert f"commands.0.{field}" in error.value.extra["errors"]
    assert await server.types() == ["StartAccepted", "WorkflowStarted"]
    assert (await server.fail(task)).reason is None


async def test_commands_that_do_not_go_together_are_refused(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    for given in (
        [commands.done(), commands.failed()],
        [{"type": "complete_update", "update_id": "u"}],
        [commands.activity(retry_policy={"attempts": 3})],
    ):
        error = await refused(server.complete(task, *given))
        assert error.reason == "invalid_commands"
    assert await server.types() == ["StartAccepted", "WorkflowStarted"]


async def test_a_terminal_command_is_applied_last_wherever_it_stood(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.done(), commands.side_effect())
    assert (await server.types())[2:] == ["SideEffectRecorded", "WorkflowCompleted"]


async def test_history_is_paged_as_it_was_at_the_claim(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(*[commands.side_effect(str(number)) for number in range(10)])
    task = await server.task(history_page_size=5)
    assert task["total_history_events"] == 12
    seen = list(task["history_events"])
    token = task["next_history_page_token"]
    # Something that is appended at any time is not part of what this worker was given.
    await server.start()
    while token:
        page = HistoryPage(
            owner=TaskOwner(task_id=task["task_id"], lease_owner="w", attempt=1),
            token=token,
            page_size=5,
        )
        answer = await server.run(workflow_tasks.history_page, "default", page)
        body = json.loads(msgspec.json.encode(answer))
        seen += body["history_events"]
        token = body["next_history_page_token"]
    assert [event["sequence"] for event in seen] == list(range(1, 13))
    bad = await refused(
        server.run(
            workflow_tasks.history_page,
            "default",
            HistoryPage(
                owner=TaskOwner(task_id=task["task_id"], lease_owner="w", attempt=1), token="%%"
            ),
        )
    )
    assert bad.reason == "invalid_page_token"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_history_is_compressed_where_the_worker_can_unpack_it(
    server: Any, commands: Any, encoding: str
) -> None:
    await server.start()
    await server.decide(*[commands.side_effect(str(number)) for number in range(60)])
    task = await server.task(accept_history_encoding=encoding)
    assert task["history_events"] == []
    assert task["history_events_encoding"] == encoding
    packed = base64.b64decode(task["history_events_compressed"])
    text = gzip.decompress(packed) if encoding == "gzip" else zlib.decompress(packed, -15)
    assert len(json.loads(text)) == 62


async def test_a_worker_that_only_recorded_something_goes_on(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.side_effect())
    await server.decide(commands.done())
    assert (await server.describe())["status"] == "completed"


@pytest.mark.parametrize("last", ["done", "failed", "again"])
async def test_steps_of_the_completion_that_ends_the_run_end_with_it(
    server: Any, commands: Any, last: str
) -> None:
    await server.start()
    run_id = (await server.describe())["run_id"]
    end = getattr(commands, last)()
    # The end may stand anywhere in the list.
    await server.decide(
        end, commands.activity(), commands.timer(5), commands.wait(timeout_seconds=3)
    )
    types = await server.types("wf", run_id)
    assert types.count("ActivityCancelled") == 1
    assert types.count("TimerCancelled") == 2
    assert await server.poll_activity() is None
    await server.pass_time(60)
    assert await server.types("wf", run_id) == types
    closed = await server.describe("wf", run_id)
    assert closed["is_terminal"]
    assert closed["wait_kind"] is None


async def test_workers_of_two_types_do_not_serve_one_that_reads_like_both(server: Any) -> None:
    await server.start(workflow_type="a||b")
    await server.register("two", supported_workflow_types=["a", "b"])
    assert await server.poll("two") is None
    await server.register("two", supported_workflow_types=["a", "a||b"])
    assert (await server.task("two"))["workflow_type"] == "a||b"


async def test_a_task_that_reached_nobody_is_offered_again_at_once(server: Any) -> None:
    await server.start()
    unsent = await server.task(poll_request_id="p")
    await server.give_back(unsent)
    task = await server.task("w", poll_request_id="p")
    assert task["task_id"] == unsent["task_id"]
    assert task["workflow_task_attempt"] == 2
    late = await refused(server.complete(unsent, {"type": "start_timer", "delay_seconds": 1}))
    assert late.reason == "workflow_task_attempt_mismatch"


async def test_a_task_that_a_repeated_poll_was_given_stays_with_it(server: Any) -> None:
    await server.start()
    unsent = await server.task(poll_request_id="p")
    server.clock.advance(0.001)
    sent = await server.task(poll_request_id="p")
    await server.give_back(unsent)
    assert await server.poll() is None
    answer = await server.complete(sent, {"type": "start_timer", "delay_seconds": 1})
    assert answer.reason is None
    await server.give_back(sent)
    assert await server.poll() is None
