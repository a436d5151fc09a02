"""Requests about the registry of workers, as an operator sees it."""

from durable_workflow.client._call import Call, as_object, reading
from durable_workflow.client._json import JsonObject, objects
from durable_workflow.client._results.workers import WorkerDescription, WorkerList

_INVALID = "invalid_worker_response"


def list_(*, task_queue: str | None, status: str | None) -> Call[WorkerList]:
    """The registered workers."""

    def read(data: JsonObject) -> WorkerList:
        rows = objects(data.get("workers"))
        return WorkerList(
            namespace=data.get("namespace"),
            workers=[WorkerDescription.from_dict(row) for row in rows],
            stale_after_seconds=data.get("stale_after_seconds"),
        )

    return Call(
        "GET",
        "/workers",
        reading(read, _INVALID),
        query={"task_queue": task_queue, "status": status},
    )


def describe(worker_id: str) -> Call[WorkerDescription]:
    """One worker."""
    return Call(
        "GET",
        "/workers/{worker_id}",
        reading(lambda data: WorkerDescription.from_dict(data, worker_id=worker_id), _INVALID),
        path={"worker_id": worker_id},
        context=worker_id,
    )


def deregister(worker_id: str) -> Call[JsonObject]:
    """Remove one from the registry."""
    return Call(
        "DELETE",
        "/workers/{worker_id}",
        as_object(_INVALID),
        path={"worker_id": worker_id},
        context=worker_id,
    )
