"""Updates: accepted, applied one task each, in order (WP-R5)."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused


def done(update_id: str, text: str = "5") -> dict[str, Any]:
    result = {"codec": "json", "blob": text}
    return {"type": "complete_update", "update_id": update_id, "result": result}


def failed(update_id: str, message: str = "update handler failed: no") -> dict[str, Any]:
    return {
        "type": "fail_update",
        "update_id": update_id,
        "message": message,
        "exception_type": "ValueError",
        "non_retryable": True,
    }


async def waiting(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.wait("target"))


async def test_an_update_has_a_task_and_then_the_wait_is_looked_at(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands)
    accepted = await server.update("add", "[5]")
    assert (accepted.reason, accepted.form, accepted.body["outcome"]) == (
        None,
        "accepted",
        "update_accepted",
    )
    assert accepted.body["update_status"] == "accepted"
    update_id = accepted.body["update_id"]
    task = await server.task()
    assert task["workflow_update_id"] == update_id
    assert task["workflow_wait_kind"] == "update"
    await server.complete(task, done(update_id))
    now = await server.update_now(update_id)
    assert (now.reason, now.body["outcome"], now.body["result"]) == (None, "update_completed", 5)
    assert now.body["workflow_sequence"] == 5
    after = await server.task()
    assert after["workflow_update_id"] is None
    await server.complete(after, commands.done())
    assert (await server.types())[3:] == [
        "UpdateAccepted",
        "UpdateApplied",
        "UpdateCompleted",
        "ConditionWaitSatisfied",
        "WorkflowCompleted",
    ]
    events = await server.events()
    assert events[3]["payload"]["arguments"] == "[5]"
    assert events[4]["payload"]["sequence"] == events[5]["payload"]["sequence"] == 5
    assert events[5]["payload"]["result"] == "5"


async def test_updates_are_applied_one_after_the_other(server: Any, commands: Any) -> None:
    await waiting(server, commands)
    ids = [(await server.update("add")).body["update_id"] for _ in range(3)]
    for update_id in ids:
        task = await server.task()
        assert task["workflow_update_id"] == update_id
        await server.complete(task, done(update_id))
    task = await server.task()
    assert task["workflow_update_id"] is None
    await server.complete(task, commands.wait("target"))
    assert await server.poll() is None


async def test_an_update_joins_a_ready_task_which_is_not_lost(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity())
    await server.complete_activity(await server.activity())
    update_id = (await server.update("add")).body["update_id"]
    task = await server.task()
    assert task["workflow_update_id"] == update_id
    assert task["history_events"][-2]["event_type"] == "ActivityCompleted"
    await server.complete(task, done(update_id))
    await server.decide(commands.done())
    assert (await server.describe())["status"] == "completed"


async def test_an_update_during_a_lease_follows_the_completion(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    update_id = (await server.update("add")).body["update_id"]
    assert (await server.types())[-1] == "WorkflowStarted"
    await server.complete(task, commands.activity())
    assert (await server.types())[-2:] == ["ActivityScheduled", "UpdateAccepted"]
    task = await server.task()
    assert task["workflow_update_id"] == update_id
    await server.complete(task, done(update_id))
    assert await server.poll() is None, "the batch is still open"
    await server.complete_activity(await server.activity())
    await server.decide(commands.done())


async def test_a_batch_that_ends_during_an_update_wakes_the_run(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity())
    activity = await server.activity()
    update_id = (await server.update("add")).body["update_id"]
    task = await server.task()
    await server.complete_activity(activity)
    await server.complete(task, done(update_id))
    assert (await server.types())[-1] == "ActivityCompleted"
    await server.decide(commands.done())


async def test_a_failed_update_leaves_no_applied_event(server: Any, commands: Any) -> None:
    await waiting(server, commands)
    update_id = (await server.update("add")).body["update_id"]
    await server.complete(await server.task(), failed(update_id))
    assert (await server.types())[3:] == ["UpdateAccepted", "UpdateCompleted"]
    now = await server.update_now(update_id)
    assert now.reason == now.body["outcome"] == "update_failed"
    assert now.body["failure_message"] == "update handler failed: no"
    assert now.body["failure_id"] is not None


@pytest.mark.parametrize(
    "message",
    ["update validator failed: too much", "update validator 'add' returned false"],
)
async def test_a_validator_that_refuses_late_ends_the_update_as_rejected(
    server: Any, commands: Any, message: str
) -> None:
    await waiting(server, commands)
    update_id = (await server.update("add")).body["update_id"]
    await server.complete(await server.task(), failed(update_id, message))
    now = await server.update_now(update_id)
    assert now.reason == now.body["reason"] == "update_rejected"
    assert (now.body["command_status"], now.body["outcome"]) == ("rejected", "update_rejected")
    assert now.body["update_status"] == "rejected"
    assert now.body["message"] == message


async def test_one_request_id_is_one_update(server: Any, commands: Any) -> None:
    await waiting(server, commands)
    first = await server.update("add", request_id="r")
    again = await server.update("add", request_id="r")
    assert again.body["update_id"] == first.body["update_id"]
    assert (await server.update("other", request_id="r")).body["update_id"] != (
        first.body["update_id"]
    )
    assert (await server.types()).count("UpdateAccepted") == 2
    await server.complete(await server.task(), done(first.body["update_id"]))
    ended = await server.update("add", request_id="r")
    assert (ended.reason, ended.body["outcome"]) == (None, "update_completed")


async def test_outcomes_must_be_of_the_task_s_update(server: Any, commands: Any) -> None:
    await waiting(server, commands)
    first = (await server.update("add")).body["update_id"]
    second = (await server.update("add")).body["update_id"]
    task = await server.task()
    for wrong in ([done(second)], [done(first), done(first)], [done("nope")]):
        with pytest.raises(Refused) as error:
            await server.complete(task, *wrong)
        assert error.value.reason == "invalid_commands"
    await server.complete(task, done(first))


async def test_updates_of_a_run_that_closes_end_with_it(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    update_id = (await server.update("add")).body["update_id"]
    await server.complete(task, commands.done())
    now = await server.update_now(update_id)
    assert now.body["update_status"] == "failed"
    assert "closed" in now.body["failure_message"]
    refused = await server.update("add")
    assert refused.reason == refused.body["reason"] == "run_not_active"
    assert refused.body["update_status"] == "rejected"


async def test_a_chain_takes_accepted_updates_along(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    update_id = (await server.update("add", "[5]")).body["update_id"]
    await server.complete(task, commands.again())
    assert await server.types() == ["WorkflowStarted", "UpdateAccepted"]
    current = (await server.describe())["run_id"]
    now = await server.update_now(update_id)
    assert (now.body["update_status"], now.body["run_id"]) == ("accepted", current)
    task = await server.task()
    assert task["workflow_update_id"] == update_id
    await server.complete(task, done(update_id))
    task = await server.task()
    assert task["workflow_update_id"] is None
    await server.complete(task, commands.done())


async def test_too_many_updates_are_refused(server: Any, commands: Any) -> None:
    server.limit(pending_updates=1)
    await waiting(server, commands)
    first = await server.update("add")
    second = await server.update("add")
    assert second.reason == second.body["reason"] == "structural_limit_exceeded"
    await server.complete(await server.task(), done(first.body["update_id"]))
    assert (await server.update("add")).reason is None


async def test_a_timeout_and_an_update_behind_it_keep_their_order(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.wait("w", timeout_seconds=5))
    await server.pass_time(5)
    update_id = (await server.update("add")).body["update_id"]
    task = await server.task()
    assert task["workflow_update_id"] is None
    await server.complete(task, commands.wait("x"))
    task = await server.task()
    assert task["workflow_update_id"] == update_id
    assert (await server.types())[-2:] == ["ConditionWaitOpened", "UpdateAccepted"]
