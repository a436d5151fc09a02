"""What budgets have given out: the dispatches of this calendar minute."""

from __future__ import annotations

from typing import Final, NamedTuple

from durable_workflow.server.admission_settings import Budget
from durable_workflow.server.records.fairness import QueueKey
from durable_workflow.server.store.protocol import Read, Tx

MINUTE: Final = 60_000_000


class Scope(NamedTuple):
    """What a number of dispatches per minute is for: a queue, a namespace, or a group.

    Attributes:
        namespace: '' for groups, which any namespace may share.
    """

    namespace: str
    kind: str
    scope: str
    name: str


class Dispatched(NamedTuple):
    """How many tasks were given out in this minute."""

    of_queue: int
    of_namespace: int
    of_group: int


def scopes(key: QueueKey, budget: Budget) -> tuple[Scope, Scope, Scope]:
    """What the dispatches of a queue count for: the queue, its namespace, its group."""
    return (
        Scope(key.namespace, key.kind, "queue", key.task_queue),
        Scope(key.namespace, key.kind, "namespace", ""),
        Scope("", key.kind, "group", budget.dispatch_budget_group or ""),
    )


def dispatched(read: Read, key: QueueKey, budget: Budget) -> Dispatched:
    """What was given out of a queue in this minute, as far as a budget counts it."""
    limits = _limits(budget)
    return Dispatched(
        *(
            0 if limit is None else _count(read, scope)
            for scope, limit in zip(scopes(key, budget), limits, strict=True)
        )
    )


def count(tx: Tx, key: QueueKey, budget: Budget) -> None:
    """Count a task that is given out, for each number of dispatches that is limited."""
    for scope, limit in zip(scopes(key, budget), _limits(budget), strict=True):
        if limit is not None:
            tx.do("count_dispatch", **scope._asdict(), minute=tx.now // MINUTE)


def _limits(budget: Budget) -> tuple[int | None, int | None, int | None]:
    group = budget.max_dispatches_per_minute_per_budget_group
    return (
        budget.max_dispatches_per_minute,
        budget.max_dispatches_per_minute_per_namespace,
        group if budget.dispatch_budget_group is not None else None,
    )


def _count(read: Read, scope: Scope) -> int:
    row = read.one("dispatch_count", **scope._asdict(), minute=read.now // MINUTE)
    return 0 if row is None else int(row[0])
