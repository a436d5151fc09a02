"""Budgets of what is given out: leases, and dispatches per minute (control-plane 10.3).

A budget that is used up refuses nothing: claims find nothing until a lease ends or the minute does.
The counts are in the store and change with the claim, so that polls, streams and claims of tasks
that never waited have one budget.
"""

from __future__ import annotations

from durable_workflow.server.notices import DispatchThrottled, LeaseEnded
from durable_workflow.server.records import admission as records
from durable_workflow.server.records import queues
from durable_workflow.server.records.admission import MINUTE
from durable_workflow.server.records.fairness import QueueKey
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Tx


def admits(tx: Tx, key: QueueKey, settings: ServiceSettings) -> bool:
    """Whether one more task of a queue may be given out now."""
    budget = settings.admission.budget(key.kind, key.namespace, key.task_queue)
    if not budget.limits_anything:
        return True
    if budget.limits_leases:
        in_queue, in_namespace = queues.leases(tx, key.namespace, key.task_queue, key.kind)
        if _is_used_up(in_queue, budget.max_active_leases_per_queue) or _is_used_up(
            in_namespace, budget.max_active_leases_per_namespace
        ):
            tx.notify(DispatchThrottled(key.kind, key.namespace, key.task_queue, None))
            return False
    given = records.dispatched(tx, key, budget)
    if (
        _is_used_up(given.of_queue, budget.max_dispatches_per_minute)
        or _is_used_up(given.of_namespace, budget.max_dispatches_per_minute_per_namespace)
        or _is_used_up(given.of_group, budget.max_dispatches_per_minute_per_budget_group)
    ):
        rest = (MINUTE - tx.now % MINUTE) / 1_000_000
        tx.notify(DispatchThrottled(key.kind, key.namespace, key.task_queue, rest))
        return False
    return True


def limits(key: QueueKey, settings: ServiceSettings) -> bool:
    """Whether a queue has a budget, so that each task needs to be admitted by itself."""
    return settings.admission.budget(key.kind, key.namespace, key.task_queue).limits_anything


def count(tx: Tx, key: QueueKey, settings: ServiceSettings) -> None:
    """Count a task that is given out."""
    budget = settings.admission.budget(key.kind, key.namespace, key.task_queue)
    if budget.limits_anything:
        records.count(tx, key, budget)


def note_lease_ended(tx: Tx, key: QueueKey, settings: ServiceSettings) -> None:
    """Tell those that a budget of leases holds up that a lease of it has ended."""
    if settings.admission.budget(key.kind, key.namespace, key.task_queue).limits_leases:
        tx.notify(LeaseEnded(key.kind, key.namespace))


def _is_used_up(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit
