"""Fan-outs: gated, known again, resolved in member order (WP-R1, R2, R4)."""

from __future__ import annotations

import random
from typing import Any

import pytest


async def test_a_run_is_woken_once_when_all_members_are_done(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(*[commands.activity(name) for name in "abc"], commands.timer(5))
    tasks = [await server.activity() for _ in range(3)]
    for task in (tasks[1], tasks[2]):
        answer = await server.complete_activity(task, {"codec": "json", "blob": task["task_id"]})
        assert answer.body["next_task_id"] is None
    await server.pass_time(5)
    assert await server.poll() is None
    assert "ActivityCompleted" not in await server.types()
    await server.complete_activity(tasks[0])
    resolved = [(e["event_type"], e["payload"]["sequence"]) for e in (await server.events())[-4:]]
    assert resolved == [
        ("ActivityCompleted", 3),
        ("ActivityCompleted", 4),
        ("ActivityCompleted", 5),
        ("TimerFired", 6),
    ]
    assert (await server.task())["workflow_event_type"] == "ActivityCompleted"
    assert await server.poll() is None


async def test_members_said_again_are_known(server: Any, commands: Any) -> None:
    await server.start()
    batch = [commands.activity("a"), commands.timer(60), commands.activity("b")]
    await server.decide(*batch)
    await server.complete_activity(await server.activity())
    await server.wake()
    again = await server.decide(*batch)
    assert again.body["created_task_ids"] == []
    assert (await server.types()).count("ActivityScheduled") == 2
    assert (await server.types()).count("TimerScheduled") == 1


async def test_only_what_goes_beyond_the_batch_is_new(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity("a"))
    first = await server.activity()
    await server.wake()
    await server.decide(commands.activity("a"), commands.activity("b"))
    second = await server.activity()
    assert second["activity_type"] == "b"
    await server.complete_activity(first)
    assert await server.poll() is None, "the batch has two members now"
    await server.complete_activity(second)
    assert await server.poll() is not None


async def test_other_steps_than_those_known_fail_the_task(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity("a"), commands.activity("b"))
    await server.wake()
    answer = await server.complete(
        await server.task(), commands.activity("a"), commands.activity("c")
    )
    assert answer.reason == answer.body["reason"] == "invalid_commands"
    assert (await server.types()).count("ActivityScheduled") == 2
    described = await server.describe()
    assert described["workflow_task"]["failure_count"] == 1
    assert "activity b" in described["workflow_task"]["last_error"]


async def test_an_outcome_during_a_lease_comes_behind_the_completion(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity("a"))
    activity = await server.activity()
    await server.wake()
    task = await server.task()
    answer = await server.complete_activity(activity)
    assert answer.body["next_task_id"] is None
    assert (await server.types())[-1] == "ActivityStarted"
    done = await server.complete(task, commands.activity("a"), commands.side_effect())
    assert done.reason is None
    assert (await server.types())[-2:] == ["SideEffectRecorded", "ActivityCompleted"]
    assert (await server.task())["workflow_event_type"] == "ActivityCompleted"


async def test_an_outcome_during_a_lease_that_runs_out_is_there_for_the_next(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity("a"))
    activity = await server.activity()
    await server.wake()
    await server.task()
    await server.complete_activity(activity)
    await server.pass_time(31)
    task = await server.task()
    assert task["workflow_task_attempt"] == 2
    assert task["history_events"][-1]["event_type"] == "ActivityCompleted"


async def test_a_member_added_during_the_last_outcome_is_waited_for(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity("a"))
    activity = await server.activity()
    await server.wake()
    task = await server.task()
    await server.complete_activity(activity)
    await server.complete(task, commands.activity("a"), commands.activity("b"))
    assert await server.poll() is None
    assert "ActivityCompleted" not in await server.types()
    await server.complete_activity(await server.activity())
    assert (await server.types())[-2:] == ["ActivityCompleted", "ActivityCompleted"]
    assert await server.poll() is not None


async def test_steps_of_a_large_fan_out_are_resolved_in_order(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(*[commands.activity(f"a{number}") for number in range(100)])
    tasks = [await server.activity() for _ in range(100)]
    random.Random(5).shuffle(tasks)
    for task in tasks:
        await server.complete_activity(task)
    completed = [e for e in await server.events() if e["event_type"] == "ActivityCompleted"]
    sequences = [event["payload"]["sequence"] for event in completed]
    assert sequences == sorted(sequences)
    assert len(set(sequences)) == 100


async def test_outcomes_of_half_a_batch_are_in_the_history_of_a_closed_run(
    server: Any, commands: Any
) -> None:
    await server.start(run_timeout_seconds=60)
    await server.decide(*[commands.activity(name) for name in "abc"])
    await server.complete_activity(await server.activity())
    await server.activity()
    await server.pass_time(60)
    assert (await server.types())[5:] == [
        "ActivityStarted",
        "ActivityStarted",
        "ActivityCompleted",
        "ActivityCancelled",
        "ActivityCancelled",
        "WorkflowTimedOut",
    ]


@pytest.mark.parametrize("end", ["complete_workflow", "fail_workflow", "continue_as_new"])
@pytest.mark.parametrize("done", [1, 2])
async def test_outcomes_of_a_batch_are_in_the_history_of_a_run_that_a_worker_ends(
    server: Any, commands: Any, end: str, done: int
) -> None:
    """In the task of an update, which comes while the batch is open."""
    run_id = (await server.start()).body["run_id"]
    await server.decide(commands.activity("a"), commands.activity("b"))
    activities = [await server.activity() for _ in "ab"]
    await server.update("u")
    task = await server.task()
    for activity in activities[:done]:
        await server.complete_activity(activity)
    ending = {"type": end, "message": "no"} if end == "fail_workflow" else {"type": end}
    outcome = {"type": "complete_update", "update_id": task["workflow_update_id"]}
    await server.complete(task, outcome, ending)
    outcomes = ["ActivityCompleted"] * done + ["ActivityCancelled"] * (2 - done)
    assert (await server.types(run_id=run_id))[-4:-1] == ["UpdateCompleted", *outcomes]
