"""States that are seldom seen: what is answered then is described too, and is as a client reads it.

That every answer fits the description is held by the client of these tests itself.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
Wire = Any
Json = dict[str, Any]


async def debug(wire: Wire) -> Json:
    found: Json = (await wire.http.get("/api/workflows/wf/debug", headers=CONTROL)).json()
    return found


async def test_a_task_that_fails_has_a_badge(wire: Wire) -> None:
    await wire.start()
    task = await wire.task()
    failure = {"message": "no price list", "type": "KeyError"}
    body = {"workflow_task_attempt": task["workflow_task_attempt"], "failure": failure}
    assert (await wire.work(f"workflow-tasks/{task['task_id']}/fail", body)).status_code == 200
    badge = (await debug(wire))["execution"]["task_problem_badge"]
    assert badge["description"] == "no price list"


async def test_a_wait_with_a_time_out_is_what_comes_next(wire: Wire) -> None:
    await wire.start()
    await wire.complete(await wire.task(), {"type": "open_condition_wait", "timeout_seconds": 60})
    comes = (await debug(wire))["execution"]["next_scheduled_event"]
    assert comes["source"] == "run_summary"
    assert comes["wait_deadline_at"] == comes["available_at"]
    assert comes["task_id"] is comes["task_type"] is comes["task_status"] is None


async def test_a_failure_may_be_of_no_class(wire: Wire) -> None:
    await wire.start()
    await wire.complete(await wire.task(), {"type": "schedule_activity", "activity_type": "charge"})
    task = (await wire.work("activity-tasks/poll", {})).json()["task"]
    body = {"activity_attempt_id": task["activity_attempt_id"], "failure": {"message": "broken"}}
    path = f"activity-tasks/{task['task_id']}/fail"
    assert (await wire.work(path, body)).status_code == 200
    [failure] = (await debug(wire))["recent_failures"]
    assert (failure["message"], failure["exception_class"]) == ("broken", None)


async def test_an_update_that_fails_was_accepted_and_has_no_reason(wire: Wire) -> None:
    await wire.start()
    await wire.complete(await wire.task(), {"type": "open_condition_wait"})
    accepted = (await wire.post("/wf/update/set", {"request_id": "one"})).json()
    task = await wire.task()
    ended = {"type": "fail_update", "update_id": accepted["update_id"], "message": "too much"}
    await wire.complete(task, ended)
    answer = await wire.post("/wf/update/set", {"request_id": "one", "wait_for": "completed"})
    body = answer.json()
    assert (answer.status_code, body["outcome"]) == (422, "update_failed")
    assert (body["message"], body["command_status"]) == ("too much", "accepted")
    assert body["reason"] is body["rejection_reason"] is None


async def test_a_worker_s_own_reason_is_handed_on_and_a_query_may_find_no_arguments(
    wire: Wire,
) -> None:
    body = {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q"}
    assert (await wire.post("", body)).status_code == 201
    asked = asyncio.create_task(wire.post("/wf/query/status"))
    task = await wire.question()
    assert task["workflow_arguments"] is task["query_arguments"] is None
    await wire.answer(task, "fail", failure={"message": "later", "reason": "closed_on_sundays"})
    answer = await asked
    assert (answer.status_code, answer.json()["reason"]) == (409, "closed_on_sundays")


@pytest.mark.parametrize("told", [{}, {"correlation": {"provider": "shop"}}])
async def test_an_event_may_say_nothing_of_where_it_comes_from(wire: Wire, told: Json) -> None:
    target = {"workflow_type": "flow", "task_queue": "q"}
    event = {"action": "start_workflow", "idempotency_key": "1", "target": target} | told
    for status in (202, 200):
        answer = await wire.http.post(
            "/api/bridge-adapters/webhook/shop", json=event, headers=CONTROL
        )
        assert answer.status_code == status
        assert answer.json().get("correlation") == told.get("correlation")


@pytest.mark.parametrize(
    ("verb", "reason"), [("cancel", "run_cancelled"), ("terminate", "run_terminated")]
)
@pytest.mark.parametrize("report", ["complete", "fail", "heartbeat"])
async def test_a_report_for_a_run_that_was_ended_says_how(
    wire: Wire, verb: str, reason: str, report: str
) -> None:
    await wire.start()
    await wire.complete(await wire.task(), {"type": "schedule_activity", "activity_type": "charge"})
    task = (await wire.work("activity-tasks/poll", {})).json()["task"]
    assert (await wire.post(f"/wf/{verb}")).status_code == 200
    body = {"activity_attempt_id": task["activity_attempt_id"], "failure": {"message": "broken"}}
    answer = await wire.work(f"activity-tasks/{task['task_id']}/{report}", body)
    assert answer.status_code == (200 if report == "heartbeat" else 409)
    told = answer.json()
    assert (told["reason"], told["cancel_requested"], told["can_continue"]) == (reason, True, False)


async def test_a_report_for_a_run_that_has_completed_is_not_recorded(wire: Wire) -> None:
    await wire.start()
    charge = {"type": "schedule_activity", "activity_type": "charge"}
    await wire.complete(await wire.task(), charge)
    task = (await wire.work("activity-tasks/poll", {})).json()["task"]
    await wire.post("/wf/update/stop")
    update = await wire.task()
    ended = {"type": "complete_update", "update_id": update["workflow_update_id"]}
    await wire.complete(update, ended, {"type": "complete_workflow"})
    body = {"activity_attempt_id": task["activity_attempt_id"], "result": None}
    answer = await wire.work(f"activity-tasks/{task['task_id']}/complete", body)
    assert (answer.status_code, answer.json()["reason"]) == (409, "run_closed")
    assert answer.json()["recorded"] is False


async def test_a_worker_that_was_taken_out_is_told_by_its_heartbeat(wire: Wire) -> None:
    assert (await wire.http.delete("/api/workers/w", headers=CONTROL)).status_code == 200
    answer = await wire.work("heartbeat", {})
    assert (answer.status_code, answer.json()["reason"]) == (409, "worker_deregistered")


async def test_a_trigger_whose_start_is_refused_says_why_in_words(wire: Wire) -> None:
    schedule = {
        "schedule_id": "nightly",
        "spec": {"intervals": [{"every": "P1D"}]},
        "action": {"workflow_type": "flow"},
        "search_attributes": {"Tier": 1},
    }
    for path, body in [
        ("schedules", schedule),
        ("search-attributes", {"name": "Tier", "type": "keyword"}),
    ]:
        answer = await wire.http.post(f"/api/{path}", json=body, headers=CONTROL)
        assert answer.status_code == 201
    answer = await wire.http.post("/api/schedules/nightly/trigger", json={}, headers=CONTROL)
    told = answer.json()
    assert (answer.status_code, told["outcome"]) == (409, "trigger_failed")
    assert "Tier must be a string" in told["reason"] == told["message"]


@pytest.mark.parametrize("verb", [None, "terminate"])
async def test_a_start_that_finds_its_workflow_may_be_held_as_any_other(
    wire: Wire, verb: str | None
) -> None:
    await wire.start()
    if verb is not None:
        await wire.post(f"/wf/{verb}")
    body = {"workflow_id": "wf", "workflow_type": "t", "duplicate_policy": "use-existing"}
    headers = {**CONTROL, "Prefer": "wait=0, return=minimal" if verb is None else "wait=5"}
    answer = await wire.http.post("/api/workflows", json=body, headers=headers)
    told = answer.json()
    assert (answer.status_code, told["outcome"]) == (200, "returned_existing_active")
    assert told.get("is_terminal") == (None if verb is None else True)
