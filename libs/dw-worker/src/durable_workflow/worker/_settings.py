"""What a worker is configured with, checked."""

import inspect
import operator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Numbers, checked.

    Attributes:
        poll_timeout: Seconds to wait for the answer to a poll; the server may ask for more.
        max_concurrent_workflow_tasks: Most workflow tasks at once.
        max_concurrent_activity_tasks: Most activities at once.
        shutdown_timeout: Seconds to wait for tasks when the worker stops.
        heartbeat_interval: Seconds between signs of life, until the server says otherwise.
        workflow_deadline_seconds: Longest that workflow code may run between two yields.
        max_cached_workflows: Most replayed runs to keep.
        max_cached_bytes: Most bytes that they may hold.
    """

    poll_timeout: float
    max_concurrent_workflow_tasks: int
    max_concurrent_activity_tasks: int
    shutdown_timeout: float
    heartbeat_interval: float
    workflow_deadline_seconds: float | None
    max_cached_workflows: int
    max_cached_bytes: int

    def __post_init__(self) -> None:
        for name in ("max_concurrent_workflow_tasks", "max_concurrent_activity_tasks"):
            if _whole(name, getattr(self, name)) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.heartbeat_interval <= 0:
            raise ValueError("heartbeat_interval must be greater than 0")
        if self.workflow_deadline_seconds is not None and self.workflow_deadline_seconds <= 0:
            raise ValueError("workflow_deadline_seconds must be greater than 0, or None")
        for name in ("max_cached_workflows", "max_cached_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number, not of type {type(value).__name__}"
        ) from None


def check_client(client: object) -> None:
    """Refuse what cannot be a client, before a task of the worker finds out."""
    polls = getattr(client, "poll_workflow_task", None)
    if "_async" in getattr(client, "__dict__", ()) and not inspect.iscoroutinefunction(polls):
        raise TypeError(
            "client must be the async Client: a worker runs on an event loop, which the blocking "
            "client of durable_workflow.sync would stop"
        )
    if client is None or isinstance(client, str):  # tests bring objects of their own
        raise TypeError(f"client must be a Client, not of type {type(client).__name__}")


def check_metrics(metrics: object) -> None:
    """Refuse what cannot record, before each poll and each task fails with it."""
    if metrics is not None and not hasattr(metrics, "increment"):
        raise TypeError(f"metrics must be a MetricsRecorder, not of type {type(metrics).__name__}")


def check_build_id(build_id: object) -> None:
    """Refuse a build id that the server would refuse."""
    if build_id is not None and (not isinstance(build_id, str) or not build_id.strip()):
        raise ValueError("build_id must be a non-blank string")


def check_threshold(threshold_bytes: int | None) -> None:
    """Refuse a threshold that would offload nothing or everything by mistake."""
    if threshold_bytes is not None and threshold_bytes < 1:
        raise ValueError("external_storage_threshold_bytes must be at least 1")
