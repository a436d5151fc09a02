"""Updates that keep coming, and a run that has to go on in between."""

from __future__ import annotations

from typing import Any

import pytest


def done(update_id: str) -> dict[str, Any]:
    return {"type": "complete_update", "update_id": update_id, "result": "5"}


async def until_the_run_is_advanced(server: Any, accepted: list[str]) -> Any:
    """Send update after update, and apply them in order until a task carries none; that task."""
    for _ in range(50):
        accepted.append((await server.update("add")).body["update_id"])
        task = await server.task()
        if task["workflow_update_id"] is None:
            return task
        # Another one is always there before the last is applied.
        accepted.append((await server.update("add")).body["update_id"])
        assert task["workflow_update_id"] == accepted.pop(0)
        await server.complete(task, done(task["workflow_update_id"]))
    raise AssertionError("the run is never advanced")


async def test_updates_that_keep_coming_do_not_keep_a_wait_from_being_looked_at(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.wait("target"))
    accepted: list[str] = []
    for _ in range(3):
        task = await until_the_run_is_advanced(server, accepted)
        await server.complete(task, commands.wait("target"))
    for update_id in accepted:
        assert (await server.update_now(update_id)).body["update_status"] == "accepted"


async def test_updates_that_keep_coming_do_not_keep_an_outcome_from_the_run(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity())
    accepted = [(await server.update("add")).body["update_id"] for _ in range(3)]
    await server.complete_activity(await server.activity())
    task = await until_the_run_is_advanced(server, accepted)
    assert "ActivityCompleted" in [event["event_type"] for event in task["history_events"]]
    await server.complete(task, commands.activity())
    assert (await server.task())["workflow_update_id"] == accepted[0]


async def test_updates_that_were_there_before_go_first(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity())
    accepted = [(await server.update("add")).body["update_id"] for _ in range(20)]
    await server.complete_activity(await server.activity())
    for update_id in accepted:
        task = await server.task()
        assert task["workflow_update_id"] == update_id
        await server.complete(task, done(update_id))
    assert (await server.task())["workflow_update_id"] is None


@pytest.mark.parametrize("lost", [False, True])
async def test_updates_that_keep_coming_do_not_keep_a_wait_from_timing_out(
    server: Any, commands: Any, lost: bool
) -> None:
    await server.start()
    await server.decide(commands.wait("target", timeout_seconds=5))
    wait_id = (await server.events())[-2]["payload"]["condition_wait_id"]
    keep = commands.wait("target", timeout_seconds=5, condition_wait_id=wait_id)
    before = (await server.update("add")).body["update_id"]
    for second in range(40):
        task = await server.task()
        update_id = task["workflow_update_id"]
        await server.update("add")
        await server.pass_time(1)
        if lost and second in (3, 6, 8):
            await server.fail(task)
            await server.pass_time(1)
        else:
            await server.complete(task, keep if update_id is None else done(update_id))
        await server.update("add")
        if "TimerFired" in await server.types():
            break
    else:
        raise AssertionError("the wait does not time out")
    # What was accepted before it was due has been applied.
    assert (await server.update_now(before)).body["update_status"] == "completed"
    task = await server.task()
    assert (task["workflow_update_id"], task["condition_wait_id"]) == (None, wait_id)
    await server.complete(task, commands.done())
    assert (await server.types())[-2:] == ["TimerFired", "WorkflowCompleted"]
