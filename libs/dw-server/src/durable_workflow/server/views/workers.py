"""Registered workers, as an operator sees them (control-plane 11)."""

from __future__ import annotations

from typing import Final

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.records import workers as records
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import ListWorkers, NamedWorker
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read

ACTIVE, DRAINING, STALE = "active", "draining", "stale"
SHARED_ID: Final = (
    "another live worker is registered under this worker id; give each worker an id of its own"
)


def status(worker: Worker, now: int, settings: ServiceSettings) -> str:
    """What a worker is: `stale` where it is silent, else `draining` or `active`."""
    if not worker.is_live(now, settings):
        return STALE
    return DRAINING if worker.draining else ACTIVE


def list_workers(
    read: Read, namespace: str, asked: ListWorkers, settings: ServiceSettings
) -> JsonObject:
    """The workers of a namespace, those that were heard last first: a row for each session."""
    found = records.of_namespace(read, namespace, asked.task_queue)
    shared = records.shared_ids(found, read.now, settings)
    return {
        "namespace": namespace,
        "stale_after_seconds": settings.stale_after(settings.heartbeat_interval_seconds),
        "workers": [
            shown(worker, read.now, settings) | warnings(worker, shared)
            for worker in found
            if asked.status is None or status(worker, read.now, settings) == asked.status
        ],
    }


def describe(
    read: Read, namespace: str, asked: NamedWorker, settings: ServiceSettings
) -> JsonObject:
    """The session of a worker that registered last, and what others there are under its id.

    Raises:
        Refused: None of that id is registered.
    """
    found = records.sessions(read, namespace, asked.worker_id)
    if not found:
        raise not_found(namespace, asked.worker_id)
    shared = records.shared_ids(found, read.now, settings)
    worker = found[0]
    others = [
        {
            "session": each.session or None,
            "status": status(each, read.now, settings),
            "last_heartbeat_at": precise(each.seen_at),
            "registered_at": precise(each.registered_at),
        }
        for each in found
    ]
    body = shown(worker, read.now, settings) | warnings(worker, shared)
    return body | {"updated_at": precise(worker.seen_at), "sessions": others}


def shown(worker: Worker, now: int, settings: ServiceSettings) -> JsonObject:
    """One session of a worker. Each sign of life counts as a heartbeat."""
    return {
        "worker_id": worker.worker_id,
        "namespace": worker.namespace,
        "task_queue": worker.task_queue,
        "runtime": worker.runtime,
        "sdk_version": worker.sdk_version,
        "build_id": worker.build_id,
        "status": status(worker, now, settings),
        "supported_workflow_types": worker.workflow_types,
        "supported_activity_types": worker.activity_types,
        "workflow_definition_fingerprints": worker.fingerprints,
        "max_concurrent_workflow_tasks": worker.max_workflow_tasks,
        "max_concurrent_activity_tasks": worker.max_activity_tasks,
        "last_heartbeat_at": precise_or_none(worker.seen_at),
        "registered_at": precise_or_none(worker.registered_at),
        "task_slots": worker.task_slots,
        "process_metrics": worker.process_metrics,
        "heartbeat_interval_seconds": worker.heartbeat_interval,
        "capabilities": worker.capabilities,
        "session": worker.session or None,
        "worker_stream": bool(worker.on_stream),
    }


def warnings(worker: Worker, shared: set[str]) -> JsonObject:
    """What is wrong with a worker; no member where nothing is."""
    return {"warnings": [SHARED_ID]} if worker.worker_id in shared else {}


def not_found(namespace: str, worker_id: str) -> Refused:
    """The refusal that says that no worker of an id is registered."""
    text = f"Worker [{worker_id}] not found in namespace [{namespace}]."
    return Refused("worker_not_found", text, extra={"worker_id": worker_id})
