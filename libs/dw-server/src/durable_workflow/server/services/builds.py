"""Rolling out builds on a queue: drain, resume, promote (control-plane 10.5 and 10.6)."""

from __future__ import annotations

import msgspec

from durable_workflow.server.notices import WorkersChanged
from durable_workflow.server.records import builds as records
from durable_workflow.server.records.builds import BuildRollout
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import RollBuild
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views.builds import shown_rollout


def drain(tx: Tx, namespace: str, asked: RollBuild, settings: ServiceSettings) -> Reply:
    """Give the workers of a build no new tasks. They finish what they have."""
    del settings
    known = records.find(tx, namespace, asked.task_queue, asked.build_id)
    return _put(tx, msgspec.structs.replace(known, drained_at=known.drained_at or tx.now))


def resume(tx: Tx, namespace: str, asked: RollBuild, settings: ServiceSettings) -> Reply:
    """Give the workers of a build tasks again."""
    del settings
    known = records.find(tx, namespace, asked.task_queue, asked.build_id)
    return _put(tx, msgspec.structs.replace(known, drained_at=None))


def promote(tx: Tx, namespace: str, asked: RollBuild, settings: ServiceSettings) -> Reply:
    """Pin new runs of the queue to a build. Those that there are keep theirs.

    The build that had been promoted before is rolled back by that.
    """
    del settings
    known = records.find(tx, namespace, asked.task_queue, asked.build_id)
    before = records.selected(tx, namespace, asked.task_queue)
    if before is not None and before.build_id != known.build_id:
        _put(tx, msgspec.structs.replace(before, selected=0, rolled_back_at=tx.now))
    return _put(
        tx,
        msgspec.structs.replace(
            known, selected=1, promoted_at=tx.now, rolled_back_at=None, drained_at=None
        ),
    )


def pin(read: Read, namespace: str, task_queue: str) -> str | None:
    """The build that a new run of a queue is pinned to; None for any."""
    selected = records.selected(read, namespace, task_queue)
    return None if selected is None else selected.build_id or None


def is_drained(read: Read, namespace: str, task_queue: str, build_id: str | None) -> bool:
    """Whether the workers of a build get no tasks."""
    return records.find(read, namespace, task_queue, build_id).drained_at is not None


def _put(tx: Tx, rollout: BuildRollout) -> Reply:
    records.put(tx, rollout)
    tx.notify(WorkersChanged(rollout.namespace, rollout.task_queue))
    return Reply(shown_rollout(rollout))
