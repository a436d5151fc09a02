"""Every figure of `system/metrics` and `system/operator-metrics`, against what was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from durable_workflow.server.requests import ArchiveWorkflow, CreateSchedule, NamedSchedule
from durable_workflow.server.services import archiving, retention, schedules
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views import maintenance, operator_metrics

Json = dict[str, Any]


async def look(server: Any, view: Callable[[Read], Json]) -> Json:
    seen: Json = await server.store.read(view)
    return seen


async def figures(server: Any, namespace: str = "default") -> Json:
    def count(read: Read) -> Json:
        sections = operator_metrics.SECTIONS.items()
        return {name: section(read, namespace, server.settings) for name, section in sections}

    return await look(server, count)


def remove(run_id: str) -> Callable[[Tx], object]:
    return lambda tx: retention.remove(tx, "default", run_id)


async def closed_runs(server: Any, commands: Any) -> None:
    """Seven runs of six workflow ids: one of each end, one chain, and one that is gone."""
    await server.start("completed")
    await server.decide(commands.side_effect(), commands.done())
    await server.start("failed")
    await server.decide(commands.failed())
    await server.start("continued")
    await server.decide(commands.again())
    await server.decide(commands.done())
    for verb in ("cancel", "terminate"):
        await server.start(verb)
        await server.decide(commands.activity(), commands.timer(5))  # end with their run
        await server.close(verb, verb)
    await server.start("late", run_timeout_seconds=1)
    await server.pass_time(2)
    gone = (await server.start("gone")).body["run_id"]
    await server.decide(commands.done())
    await server.store.run(remove(gone))
    await server.run(archiving.archive, server.caller, ArchiveWorkflow(workflow_id="completed"))


async def test_runs_are_counted_by_how_they_ended(server: Any, commands: Any) -> None:
    await closed_runs(server, commands)
    found = await figures(server)
    assert found["runs"] == {
        "total": 7,
        "current": 6,
        "running": 0,
        "completed": 3,
        "failed": 2,
        "cancelled": 1,
        "terminated": 1,
        "archived": 1,
        "waiting": 0,
        "oldest_wait_started_at": None,
        "max_wait_age_ms": 0,
        "claim_failed": 0,
        "repair_needed": 0,
        "oldest_repair_needed_at": None,
        "max_repair_needed_age_ms": 0,
    }
    assert set(found["tasks"].values()) == {0, None}
    assert set(found["activities"].values()) == {0}
    assert set(found["backlog"].values()) == {0}
    assert found["starts"] == {
        "pending_runs": 0,
        "oldest_pending_start_at": None,
        "max_pending_ms": 0,
    }
    history = found["history"]
    assert (history["events"], history["max_event_count"], history["max_size_bytes"]) == (0, 0, 0)


async def test_histories_are_those_of_open_runs(server: Any, commands: Any) -> None:
    await server.start("closed")
    await server.decide(commands.done())
    for name in ("short", "long"):
        await server.start(name)
    for _ in range(3):
        await server.signal("go", workflow_id="long")
    server.limit(history_hint_events=3)
    await server.decide(commands.wait())
    await server.decide(commands.wait())
    lengths = [len(await server.events(name)) for name in ("short", "long")]
    history = (await figures(server))["history"]
    assert history.pop("max_size_bytes") > 100
    assert history == {
        "continue_as_new_recommended_runs": 2,
        "events": sum(lengths),
        "history_orphan_total": 0,
        "max_event_count": max(lengths),
        "event_threshold": 3,
        "size_bytes_threshold": server.settings.limits.history_hint_bytes,
    }


async def test_open_work_is_counted_by_its_state(server: Any, commands: Any) -> None:
    await server.start("waits")
    await server.decide(commands.wait())
    server.clock.advance(1)
    await server.start("leased")
    await server.task()
    await server.start("fails")
    await server.fail(await server.task())
    await server.start("fresh")
    found = await figures(server)
    assert found["runs"]["running"] == found["runs"]["total"] == found["runs"]["current"] == 4
    assert (found["runs"]["waiting"], found["runs"]["max_wait_age_ms"]) == (1, 1000)
    assert found["runs"]["claim_failed"] == found["backlog"]["claim_failed_runs"] == 1
    assert found["runs"]["oldest_wait_started_at"] < found["starts"]["oldest_pending_start_at"]
    assert found["starts"]["pending_runs"] == 3
    tasks = found["tasks"]
    assert {name: tasks[name] for name in ("open", "ready", "ready_due", "delayed", "leased")} == {
        "open": 3,
        "ready": 2,
        "ready_due": 1,
        "delayed": 1,
        "leased": 1,
    }
    assert (tasks["claim_failed"], tasks["lease_expired"], tasks["unhealthy"]) == (1, 0, 1)
    assert (tasks["oldest_lease_expired_at"], tasks["max_lease_expired_age_ms"]) == (None, 0)
    server.clock.advance(60)
    found = await figures(server)
    tasks = found["tasks"]
    assert (tasks["lease_expired"], tasks["unhealthy"], tasks["ready_due"]) == (1, 2, 2)
    assert (tasks["max_lease_expired_age_ms"], tasks["max_ready_due_age_ms"]) == (30_000, 60_000)
    # What is due and not handled yet: the lease that ran out, and the rest that is over.
    assert found["repair"]["existing_task_candidates"] == 2
    assert found["backlog"] == {
        "runnable_tasks": 2,
        "delayed_tasks": 0,
        "leased_tasks": 1,
        "retrying_activities": 0,
        "unhealthy_tasks": 2,
        "repair_needed_runs": 0,
        "claim_failed_runs": 1,
    }


async def test_a_task_that_failed_and_is_lost_is_one_unhealthy_task(server: Any) -> None:
    await server.start("wf")
    await server.fail(await server.task())
    server.clock.advance(5)
    await server.task()
    server.clock.advance(60)
    tasks = (await figures(server))["tasks"]
    assert (tasks["claim_failed"], tasks["lease_expired"], tasks["unhealthy"]) == (1, 1, 1)


async def test_activities_are_counted_by_their_state(server: Any, commands: Any) -> None:
    retried = {"max_attempts": 3, "backoff_seconds": [600]}
    await server.start("wf")
    await server.decide(
        commands.activity("retried", retry_policy=retried),
        commands.activity("running", start_to_close_timeout=30),
        commands.activity("pending"),
        commands.activity("late", schedule_to_start_timeout=30),
    )
    await server.fail_activity(await server.activity())
    await server.activity()
    found = (await figures(server))["activities"]
    assert found == {
        "open": 4,
        "pending": 3,
        "running": 1,
        "retrying": 1,
        "timeout_overdue": 0,
        "max_attempt_count": 1,
    }
    server.clock.advance(40)
    found = await figures(server)
    assert found["activities"]["timeout_overdue"] == 2
    assert found["tasks"]["open"] == 4
    assert (found["tasks"]["ready_due"], found["tasks"]["delayed"]) == (2, 1)
    assert found["backlog"]["retrying_activities"] == 1
    status = await look(
        server, lambda read: maintenance.activity_timeout_status(read, "default", 100)
    )
    assert status["expired_count"] == 2


async def test_schedules_are_counted_by_their_state_and_fires(server: Any) -> None:
    spec = {"intervals": [{"every": "PT1H"}]}
    action = {"workflow_type": "t", "task_queue": "q"}
    for name, paused in (("active", False), ("paused", True), ("deleted", False)):
        request = CreateSchedule(
            schedule_id=name,
            spec=spec,
            action=action,
            paused=paused,
            overlap_policy="allow_all",
        )
        await server.run(schedules.create, server.caller, request)
    await server.run(schedules.delete, server.caller, NamedSchedule(schedule_id="deleted"))
    await server.pass_time(3 * 3600)
    found = (await figures(server))["schedules"]
    assert (found["active"], found["paused"], found["missed"]) == (1, 1, 0)
    assert (found["fires_total"], found["failures_total"]) == (3, 0)
    server.clock.advance(2 * 3600)
    found = (await figures(server))["schedules"]
    assert (found["missed"], found["max_overdue_ms"]) == (1, 3_600_000)


async def test_settings_and_workers_are_those_that_hold(server: Any) -> None:
    await server.register("other", task_queue="q2", build_id="b1")
    found = await figures(server)
    assert found["workers"]["active_workers"] == found["workers"]["active_worker_scopes"] == 2
    assert (found["workers"]["queues"], found["workers"]["build_ids"]) == (["q", "q2"], ["b1"])
    assert found["update_wait"] == {
        "completion_timeout_seconds": server.settings.update_wait_seconds
    }
    assert found["structural_limits"]["pending_activities"] == 2000
    shown = await look(
        server, lambda read: maintenance.repair_status(read, "default", server.settings)
    )
    assert found["repair_policy"] == shown["policy"]
    assert found["repair"] == shown["candidates"]
    for reduced in ("command_contracts", "projections", "backend", "matching_role"):
        assert found[reduced] == {}


async def test_another_namespace_has_none_of_it(server: Any, commands: Any) -> None:
    await closed_runs(server, commands)
    await server.start("open")
    found = await figures(server, "other")
    for section in ("runs", "tasks", "activities", "backlog", "starts", "schedules"):
        assert set(found[section].values()) <= {0, None}, section
    assert (found["history"]["events"], found["workers"]["active_workers"]) == (0, 0)


async def test_the_types_that_fail_most_are_named_and_the_rest_is_counted(server: Any) -> None:
    await server.start("twice", workflow_type="type-21")
    await server.fail(await server.task())
    server.clock.advance(5)
    await server.fail(await server.task())
    for number in range(21):
        await server.start(f"wf-{number}", workflow_type=f"type-{number:02}")
        await server.fail(await server.task())
    await server.start("fine", workflow_type="fine")
    found = await look(server, lambda read: maintenance.metrics(read, "default"))
    failing = found["metrics"]["dw_workflow_task_consecutive_failures"]
    rows = failing.pop("by_workflow_type")
    assert failing.pop("label_cardinality_policy")["workflow_type"]["limit"] == 20
    assert failing == {
        "max_consecutive_failures": 2,
        "failed_task_count": 22,
        "workflow_type_count": 22,
        "workflow_type_limit": 20,
        "workflow_types_truncated": True,
        "suppressed_workflow_type_count": 2,
        "suppressed_failed_task_count": 2,
    }
    assert len(rows) == 20
    assert (rows[0]["workflow_type"], rows[0]["max_consecutive_failures"]) == ("type-21", 2)
    assert [row["workflow_type"] for row in rows[1:]] == [f"type-{n:02}" for n in range(19)]
    drift = found["metrics"]["dw_projection_drift_total"]
    assert (drift["total"], drift["table_count"], drift["tables_with_drift"]) == (0, 5, 0)
    assert len(drift["by_table"]) == 5


async def test_figures_are_whole_numbers_and_times_are_text(server: Any) -> None:
    await server.start("wf")
    await server.fail(await server.task())
    found = await figures(server)
    for section in ("runs", "tasks", "activities", "backlog", "starts", "history", "schedules"):
        members: Json = found[section]
        for name, value in members.items():
            if name.endswith("_at"):
                assert value is None or isinstance(value, str), (section, name)
            else:
                assert type(value) is int, (section, name)
