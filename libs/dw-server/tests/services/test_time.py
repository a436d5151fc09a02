"""Timers, deadlines of runs, continue-as-new, and workers that have gone silent."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import WorkerHeartbeat
from durable_workflow.server.services import workers


async def test_a_timer_fires_when_it_is_due(server: Any, commands: Any) -> None:
    await server.start()
    answer = await server.decide(commands.timer(60))
    assert len(answer.body["created_task_ids"]) == 1
    assert (await server.describe())["wait_kind"] == "timer"
    await server.pass_time(59)
    assert await server.poll() is None
    await server.pass_time(1)
    task = await server.task()
    assert task["workflow_wait_kind"] == "timer"
    fired = task["history_events"][-1]["payload"]
    assert (fired["delay_seconds"], fired["sequence"]) == (60, 3)
    assert fired["fire_at"] == fired["fired_at"] == "2026-01-01T00:01:00.000000Z"


async def test_a_timer_may_take_part_of_a_second(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.timer(0.5))
    assert (await server.events())[-1]["payload"]["delay_seconds"] == 0.5
    await server.pass_time(0.5)
    assert await server.poll() is not None


async def test_a_timer_of_nothing_fires_at_once(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.timer(0))
    await server.pass_time(0)
    assert await server.poll() is not None


async def test_a_year_of_timers_passes_quickly(server: Any, commands: Any) -> None:
    await server.start()
    for _ in range(365):
        await server.decide(commands.timer(86_400))
        await server.pass_time(86_400)
    await server.decide(commands.done())
    assert (await server.types()).count("TimerFired") == 365


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("run_timeout_seconds", "run_timeout"),
        ("execution_timeout_seconds", "execution_timeout"),
    ],
)
async def test_an_overdue_run_is_closed(server: Any, commands: Any, field: str, kind: str) -> None:
    await server.start(**{field: 10})
    await server.decide(commands.activity(), commands.timer(100))
    activity = await server.activity()
    await server.pass_time(10)
    described = await server.describe()
    assert (described["status"], described["closed_reason"]) == ("failed", "timed_out")
    assert described["failure"]["failure_category"] == "timeout"
    assert (await server.types())[-3:] == [
        "ActivityCancelled",
        "TimerCancelled",
        "WorkflowTimedOut",
    ]
    assert (await server.events())[-1]["payload"]["timeout_kind"] == kind
    late = await server.complete_activity(activity)
    assert late.reason == late.body["reason"] == "run_closed"
    await server.pass_time(1000)
    assert (await server.types())[-1] == "WorkflowTimedOut"


async def test_a_deadline_passes_while_the_task_is_leased(server: Any, commands: Any) -> None:
    await server.start(run_timeout_seconds=10)
    task = await server.task()
    await server.pass_time(10)
    with pytest.raises(Refused) as error:
        await server.complete(task, commands.done())
    assert error.value.reason == "run_closed"
    assert error.value.extra["stop_reason"] == "run_failed"
    assert error.value.extra["run_closed_reason"] == "timed_out"


async def test_a_chain_keeps_its_deadline_and_renews_that_of_the_run(
    server: Any, commands: Any
) -> None:
    first = await server.start(
        execution_timeout_seconds=100, run_timeout_seconds=60, memo={"m": 1}, business_key="b"
    )
    await server.pass_time(50)
    answer = await server.decide(commands.again(workflow_type="next", queue="far"))
    assert answer.body["run_status"] == "completed"
    old = await server.describe("wf", first.body["run_id"])
    assert (old["status"], old["closed_reason"]) == ("completed", "continued")
    now = await server.describe()
    assert old["continued_to_run_id"] == now["run_id"]
    assert (now["workflow_type"], now["task_queue"], now["run_number"]) == ("next", "far", 2)
    assert (now["memo"], now["business_key"]) == ({"m": 1}, "b")
    assert now["execution_deadline_at"] == old["execution_deadline_at"]
    assert now["run_deadline_at"] == "2026-01-01T00:01:50+00:00"
    assert await server.types() == ["WorkflowStarted"]
    started = (await server.events())[0]["payload"]
    assert started["continued_from_run_id"] == old["run_id"]
    await server.register("far", task_queue="far")
    task = await server.task("far", task_queue="far")
    assert task["arguments"] == {"codec": "json", "blob": "[2]"}
    assert answer.body["created_task_ids"] == [task["task_id"]]
    await server.pass_time(50)
    assert (await server.describe())["closed_reason"] == "timed_out"


async def test_a_chain_without_arguments_keeps_those_it_had(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.again(arguments=None))
    assert (await server.task())["arguments"] == {"codec": "json", "blob": "[1]"}
    assert (await server.describe())["workflow_type"] == "flow"


async def test_polls_and_heartbeats_are_signs_of_life(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity())
    task = await server.activity()
    for number in range(8):
        await server.pass_time(20)
        if number % 2:
            await server.poll()
        else:
            beat = WorkerHeartbeat(worker_id="w")
            answer = await server.run(workers.heartbeat, "default", beat)
            assert answer.body["heartbeat_interval_seconds"] == 10
            assert answer.body["stale_after_seconds"] == 60
    assert (await server.complete_activity(task)).reason is None


async def test_a_worker_may_ask_for_another_cadence(server: Any) -> None:
    body = await server.register("slow", heartbeat_interval_seconds=100)
    assert (body["heartbeat_interval_seconds"], body["stale_after_seconds"]) == (100, 300)


async def test_a_live_worker_must_not_change_what_it_says_it_runs(server: Any) -> None:
    kinds = {"supported_workflow_types": ["a", "b"]}
    await server.register("x", workflow_definition_fingerprints={"a": "1", "b": "1"}, **kinds)
    with pytest.raises(Refused) as error:
        await server.register("x", workflow_definition_fingerprints={"a": "2"}, **kinds)
    assert error.value.reason == "workflow_definition_changed"
    assert error.value.extra["workflow_type"] == "a"
    await server.register("x", **kinds)
    with pytest.raises(Refused):
        await server.register("x", workflow_definition_fingerprints={"b": "2"}, **kinds)
    await server.pass_time(60)
    await server.register("x", workflow_definition_fingerprints={"a": "2"}, **kinds)


async def test_a_heartbeat_of_an_unknown_worker_is_refused(server: Any) -> None:
    with pytest.raises(Refused) as error:
        await server.run(workers.heartbeat, "default", WorkerHeartbeat(worker_id="ghost"))
    assert error.value.reason == "worker_not_registered"
