"""Whether a queue takes more work: the slots of its workers, and what the server allows (10.3)."""

from __future__ import annotations

from collections.abc import Sequence

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.records.queues import TaskCounts

# The budgets that a server may be given, and what it counts against each. This one is given none:
# limits are null, leases are counted because they are known, dispatches only ever for a budget.
_BUDGETS = (
    (
        "server_max_active_leases_per_queue",
        "server_active_lease_count",
        "server_remaining_active_lease_capacity",
    ),
    (
        "server_max_active_leases_per_namespace",
        "server_namespace_active_lease_count",
        "server_remaining_namespace_active_lease_capacity",
    ),
    (
        "server_max_dispatches_per_minute",
        "server_dispatch_count_this_minute",
        "server_remaining_dispatch_capacity",
    ),
    (
        "server_max_dispatches_per_minute_per_namespace",
        "server_namespace_dispatch_count_this_minute",
        "server_remaining_namespace_dispatch_capacity",
    ),
    (
        "server_max_dispatches_per_minute_per_budget_group",
        "server_budget_group_dispatch_count_this_minute",
        "server_remaining_budget_group_dispatch_capacity",
    ),
)


def of_tasks(kind: str, slots: Sequence[int], counts: TaskCounts) -> JsonObject:
    """Admission of one kind of tasks, ``workflow_tasks`` or ``activity_tasks``.

    Args:
        slots: How many tasks each active worker of the queue takes at once.
    """
    configured = sum(slots)
    shown: JsonObject = {
        "budget_source": f"worker_registration.max_concurrent_{kind}",
        "server_budget_source": f"server.admission.{kind}.max_active_leases_per_queue",
        "active_worker_count": len(slots),
        "configured_slot_count": configured,
        "leased_count": counts.leased,
        "ready_count": counts.ready,
        "available_slot_count": max(0, configured - counts.leased),
    }
    for limit, count, remaining in _BUDGETS:
        shown |= {limit: None, count: 0, remaining: None}
    shown |= {
        "server_active_lease_count": counts.leased,
        "server_namespace_active_lease_count": counts.leased_in_namespace,
        "server_dispatch_budget_group": None,
        "server_lock_required": False,
        "server_lock_supported": True,
        "status": _status(slots, configured, counts),
    }
    return shown


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
