"""A task queue: backlog, leases, workers, and whether it takes more."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import task_queues

Json = dict[str, Any]
TASK_ADMISSION = {
    "status",
    "budget_source",
    "server_budget_source",
    "active_worker_count",
    "configured_slot_count",
    "leased_count",
    "ready_count",
    "available_slot_count",
    "server_max_active_leases_per_queue",
    "server_active_lease_count",
    "server_remaining_active_lease_capacity",
    "server_max_active_leases_per_namespace",
    "server_namespace_active_lease_count",
    "server_remaining_namespace_active_lease_capacity",
    "server_max_dispatches_per_minute",
    "server_dispatch_count_this_minute",
    "server_remaining_dispatch_capacity",
    "server_max_dispatches_per_minute_per_namespace",
    "server_namespace_dispatch_count_this_minute",
    "server_remaining_namespace_dispatch_capacity",
    "server_dispatch_budget_group",
    "server_max_dispatches_per_minute_per_budget_group",
    "server_budget_group_dispatch_count_this_minute",
    "server_remaining_budget_group_dispatch_capacity",
    "server_lock_required",
    "server_lock_supported",
}


async def look(server: Any, name: str = "q", pending: int = 0) -> Json:
    def work(read: Read) -> Json:
        return task_queues.describe(read, "default", name, server.settings, pending_queries=pending)

    body: Json = await server.store.read(work)
    return body


async def test_a_queue_that_nobody_uses_is_all_zero(server: Any) -> None:
    body = await look(server, "nobody")

    assert (body["name"], body["namespace"]) == ("nobody", "default")
    assert body["stats"]["approximate_backlog_count"] == 0
    assert body["stats"]["oldest_ready_task"] is None
    assert body["pollers"] == body["current_leases"] == []
    assert body["repair"]["needs_attention"] is False
    for kind in ("workflow_tasks", "activity_tasks"):
        assert body["admission"][kind].keys() == TASK_ADMISSION
        assert body["admission"][kind]["status"] == "no_active_workers"


async def test_the_backlog_counts_ready_tasks_of_both_kinds(server: Any, commands: Any) -> None:
    await server.start("a")
    await server.decide(commands.activity())
    await server.pass_time(2)
    await server.start("b")
    await server.start("elsewhere", task_queue="other")
    await server.fail(await server.task())  # rests: it is not ready
    await server.start("c")
    await server.pass_time(0.5)
    stats = (await look(server))["stats"]

    assert stats["approximate_backlog_count"] == 2
    assert stats["workflow_tasks"]["ready_count"] == stats["activity_tasks"]["ready_count"] == 1
    oldest = stats["oldest_ready_task"]
    assert (oldest["task_type"], oldest["workflow_id"], oldest["age_seconds"]) == (
        "activity",
        "a",
        2,
    )
    assert (stats["approximate_backlog_age"], stats["approximate_backlog_age_seconds"]) == ("2s", 2)


async def test_leases_are_listed_those_that_end_first_first(server: Any, commands: Any) -> None:
    await server.start("a")
    await server.decide(commands.activity())
    activity = await server.activity()
    await server.start("b")
    task = await server.task()
    body = await look(server)

    first, second = body["current_leases"]
    assert (first["task_id"], first["workflow_task_attempt"]) == (task["task_id"], 1)
    assert (second["task_id"], second["workflow_id"]) == (activity["task_id"], "a")
    assert second["activity_attempt_id"] == activity["activity_attempt_id"]
    assert second["lease_owner"] == "w"
    assert second["is_expired"] is False
    assert body["stats"]["workflow_tasks"]["leased_count"] == 1
    admission = body["admission"]["activity_tasks"]
    assert (admission["leased_count"], admission["server_active_lease_count"]) == (1, 1)
    assert admission["available_slot_count"] == admission["configured_slot_count"] - 1


async def test_leases_of_other_queues_count_in_the_namespace_only(server: Any) -> None:
    await server.start()
    await server.task()
    admission = (await look(server, "other"))["admission"]["workflow_tasks"]

    assert admission["server_active_lease_count"] == 0
    assert admission["server_namespace_active_lease_count"] == 1


@pytest.mark.parametrize(("slots", "status"), [(5, "accepting"), (1, "saturated"), (0, "no_slots")])
async def test_admission_follows_from_the_slots_of_live_workers(
    server: Any, slots: int, status: str
) -> None:
    await server.register(max_concurrent_workflow_tasks=1)
    await server.start()
    await server.task()
    await server.register(max_concurrent_workflow_tasks=slots)
    assert (await look(server))["admission"]["workflow_tasks"]["status"] == status


async def test_silent_workers_are_stale(server: Any) -> None:
    before = await look(server)
    [poller] = before["pollers"]
    assert (poller["status"], poller["is_stale"], poller["worker_id"]) == ("active", False, "w")
    assert poller["heartbeat_expires_at"] > poller["last_heartbeat_at"]
    await server.pass_time(60)
    body = await look(server)

    assert (body["pollers"][0]["status"], body["pollers"][0]["is_stale"]) == ("stale", True)
    assert body["stats"]["pollers"] == {
        "active_count": 0,
        "stale_count": 1,
        "stale_after_seconds": 60,
    }
    assert body["admission"]["workflow_tasks"]["status"] == "no_active_workers"


@pytest.mark.parametrize(
    ("most", "pending", "remaining", "status"),
    [(2, 0, 2, "accepting"), (2, 2, 0, "full"), (0, 9, None, "accepting")],
)
async def test_queries_are_admitted_up_to_their_limit(
    server: Any, most: int, pending: int, remaining: int | None, status: str
) -> None:
    server.configure(query_max_pending_per_queue=most)
    queries = (await look(server, pending=pending))["admission"]["query_tasks"]

    assert queries["approximate_pending_count"] == pending
    assert (queries["remaining_pending_capacity"], queries["status"]) == (remaining, status)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (45, "45s"), (125, "2m05s"), (3723, "1h02m03s")]
)
def test_ages_are_written_for_people(seconds: int, text: str) -> None:
    assert task_queues.age(seconds) == text


async def test_a_queue_is_encodable(server: Any) -> None:
    assert msgspec.json.decode(msgspec.json.encode(await look(server)))["name"] == "q"
