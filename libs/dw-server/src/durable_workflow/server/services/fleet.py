"""Who works in a namespace at the moment."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.engine.times import precise
from durable_workflow.server.store.protocol import Read


def summary(read: Read, namespace: str) -> dict[str, Any]:
    """The live workers of a namespace, their queues and builds, as cluster info tells them."""
    found = read.all("live_workers", namespace=namespace, now=read.now)
    workers = [
        {
            "worker_id": worker_id,
            "queues": [task_queue],
            "build_ids": [build_id] if build_id else [],
            "recorded_at": precise(seen_at),
            "expires_at": precise(due_at),
        }
        for worker_id, task_queue, build_id, seen_at, due_at in found
    ]
    return {
        "namespace": namespace,
        "active_workers": len(workers),
        "active_worker_scopes": len({(row[1], row[2]) for row in found}),
        "queues": sorted({row[1] for row in found}),
        "build_ids": sorted({row[2] for row in found if row[2]}),
        "workers": workers,
    }
