"""Messages about tasks."""

from durable_workflow._meet import Lease
from durable_workflow._wire.json_values import JsonObject


def about(lease: Lease, verb: str) -> JsonObject:
    """The beginning of a message about a task."""
    message: JsonObject = {
        "type": verb,
        "kind": lease.kind,
        "task_id": lease.task_id,
        "attempt": lease.attempt,
    }
    if lease.claim is not None:
        message["claim"] = lease.claim
    return message


def ending(lease: Lease, verb: str, took: float | None) -> JsonObject:
    """The beginning of the report that ends a task.

    Args:
        took: The seconds for which it kept the worker busy, where that is known.
    """
    message = about(lease, verb)
    if took is not None:
        # Whole: a text with a float is written by the slower of two writers.
        message["took_us"] = round(took * 1_000_000)
    return message
