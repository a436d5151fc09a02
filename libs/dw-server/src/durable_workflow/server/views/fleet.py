"""Who works in a namespace at the moment."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.engine.times import precise
from durable_workflow.server.records import workers
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read


def summary(read: Read, namespace: str, settings: ServiceSettings) -> dict[str, Any]:
    """The workers that are not stale, their queues and builds, as cluster info tells them."""
    found = workers.live(read, namespace, settings)
    shown = [
        {
            "worker_id": worker.worker_id,
            "queues": [worker.task_queue],
            "build_ids": [worker.build_id] if worker.build_id else [],
            "recorded_at": precise(worker.seen_at),
            "expires_at": precise(worker.stale_at(settings)),
        }
        for worker in found
    ]
    return {
        "namespace": namespace,
        "active_workers": len(shown),
        "active_worker_scopes": len({(each.task_queue, each.build_id) for each in found}),
        "queues": sorted({each.task_queue for each in found}),
        "build_ids": sorted({each.build_id for each in found if each.build_id}),
        "workers": shown,
    }
