"""Children, cancellation and termination, and what the end of one means for the other."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused


async def parent_and_child(server: Any, commands: Any, **fields: Any) -> dict[str, Any]:
    """Start a parent with a child; the child's first task."""
    await server.start("parent", workflow_type="parent")
    answer = await server.decide(commands.child("kid", **fields))
    task: dict[str, Any] = await server.task()
    assert answer.body["created_task_ids"] == [task["task_id"]]
    assert task["workflow_type"] == "kid"
    return task


async def test_a_child_resolves_its_parent(server: Any, commands: Any) -> None:
    child = await parent_and_child(
        server, commands, arguments={"codec": "avro", "blob": "AARbXQI="}
    )
    assert child["payload_codec"] == "avro"
    assert [event["event_type"] for event in child["history_events"]] == ["WorkflowStarted"]
    started = child["history_events"][0]["payload"]
    assert started["parent_workflow_instance_id"] == "parent"
    assert started["parent_sequence"] == 3
    await server.complete(child, commands.done('"x"'))
    task = await server.task()
    assert task["workflow_wait_kind"] == "child"
    resolved = task["history_events"][-1]["payload"]
    assert resolved["output"] == resolved["result"] == '"x"'
    assert resolved["child_workflow_run_id"] == child["run_id"]
    assert [e["event_type"] for e in task["history_events"][2:]] == [
        "ChildWorkflowScheduled",
        "ChildRunStarted",
        "ChildRunCompleted",
    ]
    await server.complete(task, commands.done())


async def test_a_failed_child_fails_its_step(server: Any, commands: Any) -> None:
    child = await parent_and_child(server, commands)
    await server.complete(child, commands.failed("bad", exception_type="ValueError"))
    failed = (await server.task())["history_events"][-1]
    assert failed["event_type"] == "ChildRunFailed"
    assert failed["payload"]["exception_type"] == "ValueError"
    assert failed["payload"]["failure_category"] == "application"
    assert failed["payload"]["message"] == "bad"


async def test_a_failed_child_is_tried_again(server: Any, commands: Any) -> None:
    policy = {"max_attempts": 3, "backoff_seconds": [5], "non_retryable_error_types": ["Fatal"]}
    first = await parent_and_child(
        server, commands, retry_policy=policy, execution_timeout_seconds=100, run_timeout_seconds=50
    )
    await server.complete(first, commands.failed())
    assert await server.poll() is None
    again = (await server.events("parent"))[-1]
    assert again["event_type"] == "ChildRunStarted"
    assert again["payload"]["retry_attempt"] == 2
    assert again["payload"]["retry_backoff_seconds"] == 5
    assert again["payload"]["retry_of_child_workflow_run_id"] == first["run_id"]
    await server.pass_time(5)
    second = await server.task()
    assert second["workflow_id"] == first["workflow_id"]
    assert second["run_id"] != first["run_id"]
    before = await server.describe(first["workflow_id"], first["run_id"])
    after = await server.describe(first["workflow_id"], second["run_id"])
    assert before["execution_deadline_at"] == after["execution_deadline_at"]
    assert before["run_deadline_at"] < after["run_deadline_at"]
    assert (after["run_number"], after["is_current_run"]) == (2, True)
    await server.complete(second, commands.failed(exception_type="Fatal"))
    assert (await server.types("parent"))[-1] == "ChildRunFailed"


async def test_attempts_of_a_child_are_counted(server: Any, commands: Any) -> None:
    policy = {"max_attempts": 2}
    await server.complete(
        await parent_and_child(server, commands, retry_policy=policy), commands.failed()
    )
    await server.complete(await server.task(), commands.failed())
    types = await server.types("parent")
    assert types[2:] == [
        "ChildWorkflowScheduled",
        "ChildRunStarted",
        "ChildRunStarted",
        "ChildRunFailed",
    ]


async def test_a_child_that_times_out_fails_with_that_category(server: Any, commands: Any) -> None:
    await parent_and_child(server, commands, run_timeout_seconds=5)
    await server.pass_time(5)
    failed = (await server.task())["history_events"][-1]
    assert failed["event_type"] == "ChildRunFailed"
    assert failed["payload"]["failure_category"] == "timeout"
    assert failed["payload"]["closed_reason"] == "timed_out"


async def test_a_child_that_goes_on_as_new_is_still_the_step(server: Any, commands: Any) -> None:
    first = await parent_and_child(server, commands)
    await server.complete(first, commands.again(workflow_type="kid2"))
    started = (await server.events("parent"))[-1]
    assert started["event_type"] == "ChildRunStarted"
    second = await server.task()
    begun = second["history_events"][0]["payload"]
    assert (begun["parent_workflow_run_id"], begun["parent_sequence"]) == (
        (await server.describe("parent"))["run_id"],
        3,
    )
    assert started["payload"]["child_workflow_run_id"] == second["run_id"]
    assert started["payload"]["sequence"] == 3
    await server.complete(second, commands.done("2"))
    completed = (await server.task())["history_events"][-1]["payload"]
    assert completed["child_workflow_run_id"] == second["run_id"]


async def test_the_step_keeps_the_type_it_asked_for_when_the_child_changes_its(
    server: Any, commands: Any
) -> None:
    first = await parent_and_child(server, commands)
    await server.complete(first, commands.again(workflow_type="kid2"))
    second = await server.task()
    assert second["workflow_type"] == "kid2"
    # A worker that is woken by something else says the step again.
    await server.wake("parent")
    again = await server.task()
    assert again["workflow_id"] == "parent"
    answer = await server.complete(again, commands.child("kid"))
    assert answer.reason is None, answer.body
    await server.complete(second, commands.done("2"))
    of_the_step = [
        event["payload"]["child_workflow_type"]
        for event in await server.events("parent")
        if event["payload"].get("sequence") == 3
    ]
    # Scheduled, started twice, completed: a replay compares the command with each of them.
    assert of_the_step == ["kid"] * 4


@pytest.mark.parametrize(
    ("policy", "status", "event"),
    [
        ("abandon", "pending", "WorkflowStarted"),
        ("request_cancel", "cancelled", "WorkflowCancelled"),
        ("terminate", "terminated", "WorkflowTerminated"),
    ],
)
@pytest.mark.parametrize("end", ["complete", "fail", "cancel", "terminate", "time out"])
async def test_a_child_follows_its_parent_as_the_policy_says(
    server: Any, commands: Any, policy: str, status: str, event: str, end: str
) -> None:
    await server.start("parent", run_timeout_seconds=60)
    await server.decide(commands.child("kid", parent_close_policy=policy))
    link = (await server.events("parent"))[2]["payload"]
    child_id = link["child_workflow_instance_id"]
    if end == "time out":
        await server.pass_time(60)
    elif end in ("cancel", "terminate"):
        await server.close(end, "parent")
    else:
        await server.wake("parent")
        await server.pass_time(0)
        tasks = [await server.task(), await server.task()]
        parent = next(task for task in tasks if task["workflow_id"] == "parent")
        last = commands.done() if end == "complete" else commands.failed()
        assert (await server.complete(parent, last)).reason is None
    child = await server.describe(child_id)
    assert child["status"] == status
    assert (await server.types(child_id))[-1] == event
    noted = (await server.events("parent"))[-1]
    assert noted["event_type"] == "ParentClosePolicyApplied"
    assert noted["payload"]["policy"] == policy
    assert noted["payload"]["child_run_id"] == child["run_id"]


async def test_a_closed_parent_is_left_alone_by_its_child(server: Any, commands: Any) -> None:
    child = await parent_and_child(server, commands)
    await server.close("cancel", "parent")
    before = await server.types("parent")
    await server.complete(child, commands.done())
    assert await server.types("parent") == before


async def test_the_end_reaches_grandchildren(server: Any, commands: Any) -> None:
    await server.start("top")
    await server.decide(commands.child("a", parent_close_policy="terminate"))
    await server.decide(commands.child("b", parent_close_policy="request_cancel"))
    bottom = await server.task()
    await server.close("terminate", "top")
    assert (await server.describe(bottom["workflow_id"]))["status"] == "cancelled"
    with pytest.raises(Refused) as error:
        await server.complete(bottom, commands.done())
    assert error.value.extra["stop_reason"] == "run_cancelled"
    assert error.value.extra["cancel_requested"] is True


@pytest.mark.parametrize(
    ("verb", "status", "word"),
    [("cancel", "cancelled", "Cancel"), ("terminate", "terminated", "Terminate")],
)
async def test_an_end_by_command_closes_everything(
    server: Any, commands: Any, verb: str, status: str, word: str
) -> None:
    await server.start()
    await server.decide(commands.activity("a"), commands.activity("b"), commands.timer(60))
    activity = await server.activity()
    answer = await server.close(verb, "wf", "no longer needed")
    assert (answer.reason, answer.body["outcome"]) == (None, status)
    assert answer.body["reason"] == "no longer needed"
    assert (await server.types())[6:] == [
        f"{word}Requested",
        "ActivityCancelled",
        "ActivityCancelled",
        "TimerCancelled",
        f"Workflow{status.title()}",
    ]
    closed = (await server.events())[-1]["payload"]
    assert closed["message"] == f"Workflow {status}: no longer needed"
    assert closed["reason"] == "no longer needed"
    assert closed["failure_category"] == closed["closed_reason"] == status
    beat = await server.beat(activity)
    assert (beat.body["cancel_requested"], beat.body["reason"]) == (True, f"run_{status}")
    late = await server.complete_activity(activity)
    assert (late.reason, late.body["outcome"]) == (f"run_{status}", "ignored")
    assert late.body["reason"] == f"run_{status}"
    again = await server.close(verb, "wf")
    assert again.reason == again.body["reason"] == "run_not_active"
    described = await server.describe()
    assert described["failure"]["reason"] == "no longer needed"
    assert described["actions"]["can_archive"] is True
    await server.pass_time(100)
    assert (await server.types())[-1] == f"Workflow{status.title()}"


async def test_without_a_reason_there_is_no_reason_member(server: Any) -> None:
    await server.start()
    await server.close("cancel", "wf")
    closed = (await server.events())[-1]["payload"]
    assert "reason" not in closed
    assert closed["message"] == "Workflow cancelled."


async def test_what_was_told_during_the_lease_is_in_the_history_of_a_cancelled_run(
    server: Any, commands: Any
) -> None:
    await server.start()
    task = await server.task()
    await server.signal("late")
    await server.close("cancel", "wf")
    assert (await server.types())[2:] == [
        "SignalReceived",
        "CancelRequested",
        "WorkflowCancelled",
    ]
    with pytest.raises(Refused) as error:
        await server.complete(task, commands.done())
    assert error.value.reason == "run_closed"


async def test_a_fan_out_of_children_and_activities_is_one_batch(
    server: Any, commands: Any
) -> None:
    await server.start("parent")
    await server.decide(commands.child("a"), commands.activity("x"), commands.child("b"))
    kids = [await server.task(), await server.task()]
    await server.complete(kids[1], commands.done())
    await server.complete_activity(await server.activity())
    assert await server.poll() is None
    await server.complete(kids[0], commands.done())
    task = await server.task()
    assert [e["event_type"] for e in task["history_events"][-3:]] == [
        "ChildRunCompleted",
        "ActivityCompleted",
        "ChildRunCompleted",
    ]


async def test_the_end_reaches_the_end_of_a_long_chain(server: Any, commands: Any) -> None:
    await server.start("top")
    for _ in range(400):
        await server.decide(commands.child(parent_close_policy="terminate"))
    bottom = await server.task()
    assert (await server.close("terminate", "top")).reason is None
    assert (await server.describe(bottom["workflow_id"]))["status"] == "terminated"
    running = await server.listed(status="running")
    assert running["workflows"] == []
