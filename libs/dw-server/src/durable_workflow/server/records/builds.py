"""What operators decided about the builds of a queue."""

from __future__ import annotations

import msgspec

from durable_workflow.server.store.protocol import Read, Tx


class BuildRollout(msgspec.Struct, frozen=True):
    """What was decided about one build of a queue. Times are microseconds.

    Attributes:
        build_id: '' for workers that name none.
        drained_at: Since when its workers get no tasks; None where they do.
        promoted_at: When new runs were last pinned to it.
        rolled_back_at: When another build took its place; None while it has not.
        selected: Whether new runs are pinned to it now; 1 or 0.
    """

    namespace: str
    task_queue: str
    build_id: str
    drained_at: int | None = None
    promoted_at: int | None = None
    rolled_back_at: int | None = None
    selected: int = 0


def find(read: Read, namespace: str, task_queue: str, build_id: str | None) -> BuildRollout:
    """What was decided about a build: nothing, where nobody has decided anything."""
    build_id = build_id or ""
    row = read.one("build_rollout", namespace=namespace, task_queue=task_queue, build_id=build_id)
    return BuildRollout(namespace, task_queue, build_id) if row is None else BuildRollout(*row)


def of_queue(read: Read, namespace: str, task_queue: str) -> list[BuildRollout]:
    """What was decided about the builds of a queue."""
    found = read.all("build_rollouts_of_queue", namespace=namespace, task_queue=task_queue)
    return [BuildRollout(*row) for row in found]


def selected(read: Read, namespace: str, task_queue: str) -> BuildRollout | None:
    """The build that new runs of a queue are pinned to."""
    row = read.one("selected_build", namespace=namespace, task_queue=task_queue)
    return None if row is None else BuildRollout(*row)


def put(tx: Tx, rollout: BuildRollout) -> None:
    """Write what is decided about a build, and have its workers drain or not."""
    tx.do("put_build_rollout", **msgspec.structs.asdict(rollout))
    tx.do(
        "drain_workers",
        namespace=rollout.namespace,
        task_queue=rollout.task_queue,
        build_id=rollout.build_id,
        draining=0 if rollout.drained_at is None else 1,
    )


def pinned_runs(read: Read, namespace: str, task_queue: str) -> dict[str, int]:
    """How many open runs of a queue are pinned to each build."""
    found = read.all("pinned_runs", namespace=namespace, task_queue=task_queue)
    return {row[0]: row[1] for row in found}
