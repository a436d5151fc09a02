"""Messages about tasks, and how a task is known by what the server sent."""

import asyncio
from typing import Any, Final, cast

from durable_workflow._meet import ATTEMPT_FIELDS, Lease
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.client._stream._ledger import Key

KINDS: Final = ("workflow", "activity", "query")


def about(lease: Lease, verb: str) -> JsonObject:
    """The beginning of a message about a task."""
    return {"type": verb, "kind": lease.kind, "task_id": lease.task_id, "attempt": lease.attempt}


def key_of_task(kind: str, task: object) -> Key | None:
    """What a task that the server sent is known by."""
    if kind not in KINDS or not isinstance(task, dict):
        return None
    found = cast("JsonObject", task)
    task_id = found.get("query_task_id" if kind == "query" else "task_id")
    attempt = found.get(ATTEMPT_FIELDS[kind])
    if not isinstance(task_id, str) or not isinstance(attempt, int | str):
        return None
    return kind, task_id, attempt


def forget(answered: "asyncio.Future[Any]") -> None:
    """Nobody waits for this answer."""
    if not answered.cancelled():
        answered.exception()
