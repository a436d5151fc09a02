"""Signals, queries, updates, cancel and terminate over ASGI, with a worker that answers."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import pytest

from durable_workflow import serializer

Json = dict[str, Any]
Wire: TypeAlias = Any


async def test_a_signal_is_accepted_with_its_control_plane_object(wire: Wire) -> None:
    run_id = await wire.start()
    answer = await wire.post("/wf/signal/approve", {"input": ["kim"], "request_id": "r"})
    body = answer.json()
    assert (answer.status_code, body["outcome"]) == (202, "signal_received")
    assert body["signal_name"] == "approve"
    assert body["control_plane"]["operation"] == "signal"
    assert body["control_plane"]["operation_name"] == "approve"
    targeted = await wire.post(f"/wf/runs/{run_id}/signal/approve")
    assert (targeted.status_code, targeted.json()["target_scope"]) == (202, "run")
    events = (await wire.task())["history_events"]
    arguments = events[2]["payload"]["arguments"]
    assert serializer.decode(arguments["blob"], arguments["codec"]) == ["kim"]


@pytest.mark.parametrize("path", ["signal/x", "query/x", "update/x", "cancel", "terminate"])
async def test_unknown_workflows_are_not_found(wire: Wire, path: str) -> None:
    answer = await wire.post(f"/nope/{path}")
    assert (answer.status_code, answer.json()["reason"]) == (404, "instance_not_found")
    assert answer.json()["control_plane"]["operation"] == path.split("/")[0]


@pytest.mark.parametrize("path", ["signal/x", "query/x", "update/x", "cancel", "terminate"])
async def test_runs_that_are_not_current_take_no_commands(wire: Wire, path: str) -> None:
    await wire.start()
    answer = await wire.post(f"/wf/runs/old/{path}")
    assert (answer.status_code, answer.json()["reason"]) == (409, "historical_run_command_rejected")
    assert answer.json()["run_id"] == "old"


@pytest.mark.parametrize("operation", ["signal", "query", "update"])
@pytest.mark.parametrize("name", ["%09", "x" * 257, "%20"])
async def test_names_must_be_names(wire: Wire, operation: str, name: str) -> None:
    await wire.start()
    answer = await wire.post(f"/wf/{operation}/{name}")
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [f"{operation}_name"]


async def test_bad_bodies_are_refused(wire: Wire) -> None:
    await wire.start()
    for path, body, field in (
        ("signal/x", {"input": 5}, "input"),
        ("signal/x", {"input": {"codec": "avro", "blob": "%%"}}, "input.blob"),
        ("update/x", {"wait_policy": None}, "wait_policy"),
        ("update/x", {"wait_for": "applied"}, "wait_for"),
        ("update/x", {"wait_timeout_seconds": 0}, "wait_timeout_seconds"),
        ("cancel", {"reason": "x" * 1001}, "reason"),
        ("terminate", {"request_id": "x" * 256}, "request_id"),
    ):
        answer = await wire.post(f"/wf/{path}", body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field]), path


async def test_an_update_may_be_waited_for_as_long_as_the_caller_likes(wire: Wire) -> None:
    await wire.start()
    answer = await wire.post("/wf/update/x", {"wait_timeout_seconds": 86_400})
    assert (answer.status_code, answer.json()["wait_timeout_seconds"]) == (202, None)


@pytest.mark.parametrize(("verb", "status"), [("cancel", "cancelled"), ("terminate", "terminated")])
async def test_a_run_is_closed_by_command(wire: Wire, verb: str, status: str) -> None:
    await wire.start()
    answer = await wire.post(f"/wf/{verb}", {"reason": "enough"})
    assert (answer.status_code, answer.json()["outcome"]) == (200, status)
    again = await wire.post(f"/wf/{verb}")
    assert (again.status_code, again.json()["outcome"]) == (409, "rejected_not_active")


# --- updates -------------------------------------------------------------------------------------


def done(update_id: str, value: Any = 5) -> Json:
    result = {"codec": "avro", "blob": serializer.encode(value)}
    return {"type": "complete_update", "update_id": update_id, "result": result}


async def waiting(wire: Wire) -> None:
    await wire.start()
    await wire.complete(await wire.task(), {"type": "open_condition_wait", "condition_key": "k"})


async def test_an_update_is_waited_for(wire: Wire) -> None:
    await waiting(wire)
    body = {"wait_for": "completed", "wait_timeout_seconds": 20, "input": [250]}
    asked = asyncio.create_task(wire.post("/wf/update/set", body))
    task = await wire.task()
    await wire.complete(task, done(task["workflow_update_id"], {"limit": 250}))
    answer = await asked
    assert (answer.status_code, answer.json()["outcome"]) == (200, "update_completed")
    assert answer.json()["result"] == {"limit": 250}
    assert answer.json()["wait_timed_out"] is False
    assert answer.json()["control_plane"]["update_status"] == "completed"


async def test_an_update_is_not_waited_for_for_ever(wire: Wire) -> None:
    await waiting(wire)
    body = {"wait_for": "completed", "wait_timeout_seconds": 1}
    answer = await wire.post("/wf/update/set", body)
    assert (answer.status_code, answer.json()["update_status"]) == (202, "accepted")
    assert answer.json()["wait_timed_out"] is True
    assert answer.json()["wait_timeout_seconds"] == 1


async def test_a_waiting_caller_follows_its_update_into_the_next_run(wire: Wire) -> None:
    await wire.start()
    task = await wire.task()
    asked = asyncio.create_task(wire.post("/wf/update/set", {"wait_for": "completed"}))
    while (await wire.post("/wf/update/probe", {"request_id": "p"})).status_code != 202:
        pass
    await wire.complete(task, {"type": "continue_as_new"})
    for _ in range(2):
        task = await wire.task()
        await wire.complete(task, done(task["workflow_update_id"]))
    answer = await asked
    assert (answer.status_code, answer.json()["result"]) == (200, 5)
    assert answer.json()["run_id"] == task["run_id"]


async def test_a_worker_that_validates_is_asked_first(served: Any) -> None:
    async with served() as wire:
        await wire.register("query_tasks", "update_validation")
        await waiting(wire)
        asked = asyncio.create_task(wire.post("/wf/update/set", {"input": [9]}))
        task = await wire.question()
        assert (task["task_kind"], task["update_name"]) == ("update_validation", "set")
        assert serializer.decode(task["arguments"]["blob"], "avro") == [9]
        failure = {"message": "too much", "reason": "update_rejected", "type": "ValueError"}
        await wire.answer(task, "fail", failure=failure)
        refused = await asked
        assert (refused.status_code, refused.json()["reason"]) == (409, "update_rejected")
        assert refused.json()["message"] == "too much"
        assert refused.json()["update_status"] == "rejected"
        asked = asyncio.create_task(wire.post("/wf/update/set", {"input": [1]}))
        await wire.answer(await wire.question(), result={"accepted": True})
        assert (await asked).status_code == 202


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        ({"message": "too much"}, 409),
        ({"message": "cannot replay", "reason": "query_workflow_state_unavailable"}, 202),
    ],
)
async def test_a_validation_fails_with_the_validator_s_message_or_says_why_not(
    served: Any, failure: dict[str, str], status: int
) -> None:
    async with served() as wire:
        await wire.register("query_tasks", "update_validation")
        await waiting(wire)
        asked = asyncio.create_task(wire.post("/wf/update/set", {"input": [9]}))
        await wire.answer(await wire.question(), "fail", failure=failure)
        answer = await asked
        assert answer.status_code == status
        if status == 409:
            assert (answer.json()["reason"], answer.json()["message"]) == (
                "update_rejected",
                "too much",
            )


async def test_an_update_that_the_worker_does_not_know_is_refused(served: Any) -> None:
    async with served() as wire:
        await wire.register("query_tasks", "update_validation")
        await waiting(wire)
        asked = asyncio.create_task(wire.post("/wf/update/nope"))
        failure = {"message": "unknown", "reason": "update_rejected", "type": "UnknownUpdate"}
        await wire.answer(await wire.question(), "fail", failure=failure)
        refused = await asked
        assert (refused.status_code, refused.json()["reason"]) == (404, "unknown_update")
        assert refused.json()["outcome"] == "rejected_unknown_update"


async def test_a_worker_that_cannot_say_does_not_hold_an_update_up(served: Any) -> None:
    async with served() as wire:
        await wire.register("query_tasks", "update_validation")
        await waiting(wire)
        asked = asyncio.create_task(wire.post("/wf/update/set"))
        failure = {"message": "replay failed", "reason": "query_workflow_state_unavailable"}
        await wire.answer(await wire.question(), "fail", failure=failure)
        assert (await asked).status_code == 202
