"""One activity, from the start of its workflow to the end."""

from __future__ import annotations

from typing import Any


async def test_a_workflow_with_one_activity_runs_to_its_end(server: Any, commands: Any) -> None:
    started = await server.start()
    assert started.form == "created"
    assert started.body["outcome"] == "started_new"
    assert started.body["status"] == "pending"

    task = await server.task()
    assert task["workflow_task_attempt"] == 1
    assert task["run_status"] == "pending"
    assert [event["event_type"] for event in task["history_events"]] == [
        "StartAccepted",
        "WorkflowStarted",
    ]
    assert task["arguments"] == {"codec": "json", "blob": "[1]"}
    assert await server.poll() is None

    scheduled = await server.complete(task, commands.activity("greet"))
    assert scheduled.body["run_status"] == "waiting"
    described = await server.describe()
    assert described["wait_reason"] == "Waiting for activity greet"

    activity = await server.activity()
    assert scheduled.body["created_task_ids"] == [activity["task_id"]]
    assert activity["attempt_number"] == 1
    completed = await server.complete_activity(activity, {"codec": "json", "blob": '"hi"'})

    task = await server.task()
    assert completed.body["next_task_id"] == task["task_id"]
    assert task["workflow_wait_kind"] == "activity"
    assert task["history_events"][-1]["payload"]["result"] == '"hi"'
    ended = await server.complete(task, commands.done('"hi"'))
    assert ended.body["run_status"] == "completed"

    assert await server.types() == [
        "StartAccepted",
        "WorkflowStarted",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityCompleted",
        "WorkflowCompleted",
    ]
    described = await server.describe()
    assert described["status"] == "completed"
    assert described["output"] == "hi"
    assert described["input"] == [1]
