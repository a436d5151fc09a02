"""Whether a queue takes more work: the slots of its workers, and what the server allows (10.3)."""

from __future__ import annotations

from collections.abc import Sequence

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.admission_settings import AdmissionSettings, Budget
from durable_workflow.server.records.admission import Dispatched
from durable_workflow.server.records.fairness import QueueKey
from durable_workflow.server.records.queues import TaskCounts


def of_tasks(
    key: QueueKey,
    slots: Sequence[int],
    counts: TaskCounts,
    admission: AdmissionSettings,
    dispatched: Dispatched,
) -> JsonObject:
    """Admission of one kind of tasks of a queue.

    Args:
        slots: How many tasks each active worker of the queue takes at once.
        dispatched: What was given out in this minute, where that is limited.
    """
    kind = f"{key.kind}_tasks"
    budget = admission.budget(key.kind, key.namespace, key.task_queue)
    configured = sum(slots)
    group = "max_dispatches_per_minute_per_budget_group"
    budgets = [
        _shown("max_active_leases_per_queue", "active_lease", budget, counts.leased),
        _shown(
            "max_active_leases_per_namespace",
            "namespace_active_lease",
            budget,
            counts.leased_in_namespace,
        ),
        _shown("max_dispatches_per_minute", "dispatch", budget, dispatched.of_queue),
        _shown(
            "max_dispatches_per_minute_per_namespace",
            "namespace_dispatch",
            budget,
            dispatched.of_namespace,
        ),
        {"server_dispatch_budget_group": budget.dispatch_budget_group},
        _shown(group, "budget_group_dispatch", budget, dispatched.of_group),
    ]
    shown: JsonObject = {
        "budget_source": f"worker_registration.max_concurrent_{kind}",
        "server_budget_source": _source(key, admission),
        "active_worker_count": len(slots),
        "configured_slot_count": configured,
        "leased_count": counts.leased,
        "ready_count": counts.ready,
        "available_slot_count": max(0, configured - counts.leased),
    }
    for each in budgets:
        shown |= each
    used_up = any(
        value == 0 for name, value in shown.items() if name.startswith("server_remaining_")
    )
    return shown | {
        "server_lock_required": budget.limits_anything,
        "server_lock_supported": True,
        "status": "throttled" if used_up else _status(slots, configured, counts),
    }


def _shown(limit: str, what: str, budget: Budget, count: int) -> JsonObject:
    """One limit, what counts for it, and what is left of it."""
    most: int | None = getattr(budget, limit)
    if what.endswith("lease"):
        counted, left = f"server_{what}_count", f"server_remaining_{what}_capacity"
    else:
        counted, left = f"server_{what}_count_this_minute", f"server_remaining_{what}_capacity"
    return {
        f"server_{limit}": most,
        counted: count,
        left: None if most is None else max(0, most - count),
    }


def _source(key: QueueKey, admission: AdmissionSettings) -> str:
    """Which settings limit a queue; without any, the name of the first that could."""
    usual = admission.workflow if key.kind == "workflow" else admission.activity
    at = f"server.admission.{key.kind}_tasks"
    found = [
        f"{at}.{limit}" for limit in Budget.__struct_fields__ if getattr(usual, limit) is not None
    ]
    if admission.is_overridden(key.kind, key.namespace, key.task_queue):
        found.append("server.admission.queue_overrides")
    return ";".join(found) or f"{at}.max_active_leases_per_queue"


def of_queries(pending: int, most: int) -> JsonObject:
    """Admission of queries; `most` 0 is no limit, and then there is always room."""
    full = bool(most) and pending >= most
    return {
        "budget_source": "server.query_tasks.max_pending_per_queue",
        "max_pending_per_queue": most,
        "approximate_pending_count": pending,
        "remaining_pending_capacity": max(0, most - pending) if most else None,
        "lock_required": True,
        "lock_supported": True,
        "status": "full" if full else "accepting",
    }


def _status(slots: Sequence[int], configured: int, counts: TaskCounts) -> str:
    if not slots:
        return "no_active_workers"
    if not configured:
        return "no_slots"
    return "saturated" if counts.leased >= configured else "accepting"
