"""Polls that were handed a task: one that is repeated gets the same task again while it is leased.

Each poll names itself anew, and few are repeated. So those of each worker that were answered are
remembered, and the store is asked only about one of these.
"""

from __future__ import annotations

from typing import Final

from durable_workflow.server.records.queues import TaskKind
from durable_workflow.server.store.protocol import RecallKey, Tx

_LEASED: Final[dict[TaskKind, str]] = {
    "workflow": "answered_workflow_polls",
    "activity": "answered_activity_polls",
}
# Of a worker with more than these nothing is remembered.
_MOST: Final = 128


def may_be_known(
    tx: Tx, kind: TaskKind, namespace: str, worker_id: str, poll_request_id: str
) -> bool:
    """Whether a poll may have been handed a task that is still leased; False where it was not."""
    key = _recall_key(kind, namespace, worker_id)
    known: frozenset[str] | None = tx.recall(key)
    if known is None:
        found = tx.all(_LEASED[kind], namespace=namespace, worker_id=worker_id)
        known = frozenset(row[0] for row in found)
        if len(known) < _MOST:
            tx.remember(key, known)
    return poll_request_id in known


def note(tx: Tx, kind: TaskKind, namespace: str, worker_id: str, poll_request_id: str) -> None:
    """A poll is handed a task."""
    key = _recall_key(kind, namespace, worker_id)
    known: frozenset[str] | None = tx.recall(key)
    if known is not None:
        # Those whose lease has ended are left out when it is read again.
        tx.remember(key, known | {poll_request_id} if len(known) < _MOST else None)


def _recall_key(kind: TaskKind, namespace: str, worker_id: str) -> RecallKey:
    return f"answered {kind} polls", f"{namespace}\n{worker_id}"
