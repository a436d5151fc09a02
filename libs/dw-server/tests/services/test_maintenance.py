"""Passes of upkeep, and what they would find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from durable_workflow.server.records import due, runs
from durable_workflow.server.records.due import DueItem
from durable_workflow.server.requests import (
    ActivityTimeoutPass,
    ArchiveWorkflow,
    CreateSchedule,
    RepairPass,
)
from durable_workflow.server.services import archiving, maintenance, repair, schedules
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views import maintenance as views
from durable_workflow.server.views import operator_metrics

T = TypeVar("T")
Json = dict[str, Any]


async def _look(server: Any, view: Callable[[Read], T]) -> T:
    seen: T = await server.store.read(view)
    return seen


async def _repair_pass(server: Any, **fields: Any) -> Any:
    request = RepairPass(**fields)
    return await maintenance.repair_pass(server.store, "default", request, server.settings)


async def _candidates(server: Any) -> Json:
    shown = await _look(server, lambda read: views.repair_status(read, "default", server.settings))
    found: Json = shown["candidates"]
    return found


async def _timeout_pass(server: Any, **fields: Any) -> Any:
    request = ActivityTimeoutPass(**fields)
    return await maintenance.activity_timeout_pass(
        server.store, "default", request, server.settings
    )


async def test_a_quiet_namespace_has_nothing_to_repair(server: Any) -> None:
    await server.start("wf")
    assert (await _candidates(server))["total_candidates"] == 0
    reply = await _repair_pass(server)
    assert reply.form == "done"
    assert reply.body["selected_total_candidates"] == reply.body["dispatched_tasks"] == 0


async def test_leases_that_ran_out_are_candidates_and_are_freed(server: Any) -> None:
    await server.start("wf")
    await server.task()
    server.clock.advance(60)
    found = await _candidates(server)
    assert (found["existing_task_candidates"], found["max_task_candidate_age_ms"]) == (1, 30_000)
    [scope] = found["scopes"]
    assert (scope["queue"], scope["selected_total_candidates"]) == ("q", 1)
    reply = await _repair_pass(server)
    assert (reply.body["repaired_existing_tasks"], reply.body["dispatched_tasks"]) == (1, 1)
    assert (await _candidates(server))["total_candidates"] == 0
    assert await server.poll() is not None


async def test_a_pass_keeps_to_the_runs_that_are_named(server: Any) -> None:
    ids = [(await server.start(name)).body["run_id"] for name in ("a", "b")]
    await server.task()
    await server.task()
    server.clock.advance(60)
    assert (await _repair_pass(server, run_ids=["nope"])).body["dispatched_tasks"] == 0
    assert (await _repair_pass(server, instance_id="nope")).body["dispatched_tasks"] == 0
    both = await _repair_pass(server, run_ids=[ids[0]], instance_id="b")
    assert both.body["dispatched_tasks"] == 0
    assert (await _repair_pass(server, instance_id="b")).body["dispatched_tasks"] == 1
    assert (await _candidates(server))["total_candidates"] == 1


async def test_a_pass_of_another_namespace_touches_nothing(server: Any) -> None:
    run_id = (await server.start("wf")).body["run_id"]
    await server.task()
    server.clock.advance(60)
    request = RepairPass(run_ids=[run_id])
    reply = await maintenance.repair_pass(server.store, "other", request, server.settings)
    assert reply.body["dispatched_tasks"] == 0
    assert (await _candidates(server))["total_candidates"] == 1


async def test_a_run_that_cannot_be_repaired_is_reported_and_the_others_go_on(
    server: Any, monkeypatch: Any
) -> None:
    ids = [(await server.start(name)).body["run_id"] for name in ("a", "b")]
    await server.task()
    await server.task()
    server.clock.advance(60)

    def fail_on_first(unit: Any, run_id: str, *, rested: bool) -> Any:
        if run_id == ids[0]:
            raise ValueError("boom")
        return repair.repair_run(unit, run_id, rested=rested)

    monkeypatch.setattr(maintenance, "repair_run", fail_on_first)
    reply = await _repair_pass(server)
    assert reply.form == "partial"
    failure = {"candidate_id": ids[0], "message": "ValueError: boom"}
    assert reply.body["existing_task_failures"] == [failure]
    assert reply.body["repaired_existing_tasks"] == 1


async def test_runs_and_activities_over_their_deadlines_are_told_apart(
    server: Any, commands: Any
) -> None:
    await server.start("deadline", run_timeout_seconds=5)
    await server.task()
    await server.start("timeout")
    await server.decide(commands.activity(schedule_to_start_timeout=5))
    server.clock.advance(60)
    reply = await _repair_pass(server)
    assert reply.body["deadline_expired_candidates"] == 1
    assert reply.body["activity_timeouts_enforced"] == 1
    assert reply.body["repaired_existing_tasks"] == 0
    assert (await server.describe("deadline"))["closed_reason"] == "timed_out"


async def test_what_is_set_aside_is_a_candidate(server: Any) -> None:
    run_id = (await server.start("wf")).body["run_id"]

    def rest(tx: Tx) -> None:
        runs.lock(tx, run_id)
        item = DueItem("run", run_id, run_id)
        due.set_aside(tx, item, failures=1, error="boom", until=tx.now + 60_000_000)

    await server.store.run(rest)
    assert (await _candidates(server))["total_candidates"] == 1
    assert (await _repair_pass(server)).body["repaired_existing_tasks"] == 1
    assert (await _candidates(server))["total_candidates"] == 0


async def test_overdue_activities_are_listed_and_timed_out(server: Any, commands: Any) -> None:
    await server.start("wf")
    policy = {"max_attempts": 2, "backoff_seconds": [5]}
    await server.decide(commands.activity(start_to_close_timeout=5, retry_policy=policy))
    await server.activity()
    [known] = await _open_ids(server)
    early = await _timeout_pass(server, execution_ids=[known, "nope"])
    assert [each["reason"] for each in early.body["results"]] == [
        "no_deadline_expired",
        "execution_not_found",
    ]
    server.clock.advance(6)
    shown = await _look(server, lambda read: views.activity_timeout_status(read, "default", 100))
    assert shown == {
        "expired_count": 1,
        "expired_execution_ids": [known],
        "scan_limit": 100,
        "scan_pressure": False,
    }
    first = await _timeout_pass(server)
    enforced = {"execution_id": known, "outcome": "enforced", "has_retry": True}
    assert first.body == {
        "processed": 1,
        "enforced": 1,
        "skipped": 0,
        "failed": 0,
        "results": [enforced],
    }
    server.clock.advance(6)
    await server.activity()
    server.clock.advance(6)
    last = await _timeout_pass(server, execution_ids=[known])
    assert last.body["results"] == [enforced | {"has_retry": False}]
    assert (await server.types("wf"))[-1] == "ActivityTimedOut"
    assert (await _timeout_pass(server)).body["processed"] == 0


async def test_figures_count_what_is_there(server: Any) -> None:
    await server.start("open")
    await server.start("failing")
    await server.fail(await server.task())
    metrics = await _look(server, lambda read: views.metrics(read, "default"))
    failing = metrics["metrics"]["dw_workflow_task_consecutive_failures"]
    assert failing["by_workflow_type"] == [
        {"workflow_type": "flow", "max_consecutive_failures": 1, "failed_task_count": 1}
    ]

    def count(read: Read) -> Json:
        sections = operator_metrics.SECTIONS.items()
        return {name: section(read, "default", server.settings) for name, section in sections}

    figures = await _look(server, count)
    assert figures["runs"]["total"] == figures["runs"]["running"] == 2
    assert (figures["tasks"]["ready"], figures["tasks"]["delayed"]) == (2, 1)
    assert figures["tasks"]["claim_failed"] == figures["backlog"]["claim_failed_runs"] == 1
    assert figures["starts"]["pending_runs"] == 2
    elsewhere = await _look(
        server, lambda read: operator_metrics.SECTIONS["runs"](read, "other", server.settings)
    )
    assert elsewhere["total"] == 0


async def test_archived_runs_and_schedules_are_counted(server: Any, commands: Any) -> None:
    await server.start("wf")
    await server.decide(commands.done())
    await server.run(archiving.archive, server.caller, ArchiveWorkflow(workflow_id="wf"))
    spec = {"intervals": [{"every": "PT1H"}]}
    action = {"workflow_type": "t", "task_queue": "q"}
    for name, paused in (("late", False), ("paused", True)):
        request = CreateSchedule(schedule_id=name, spec=spec, action=action, paused=paused)
        await server.run(schedules.create, server.caller, request)
    server.clock.advance(2 * 3600)

    def figures(read: Read) -> Json:
        return {
            name: operator_metrics.SECTIONS[name](read, "default", server.settings)
            for name in ("runs", "schedules")
        }

    shown = await _look(server, figures)
    assert (shown["runs"]["archived"], shown["runs"]["completed"]) == (1, 1)
    assert shown["schedules"].pop("oldest_overdue_at") is not None
    assert shown["schedules"].pop("max_overdue_ms") > 0
    assert shown["schedules"] == {
        "active": 1,
        "paused": 1,
        "missed": 1,
        "fires_total": 0,
        "failures_total": 0,
    }


async def _open_ids(server: Any) -> list[str]:
    events = await server.events("wf")
    return [
        each["payload"]["activity_execution_id"]
        for each in events
        if each["event_type"] == "ActivityScheduled"
    ]
