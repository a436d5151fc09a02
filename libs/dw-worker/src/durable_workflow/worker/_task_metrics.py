"""Counting tasks by how they ended."""

import inspect
import time
from typing import cast

from durable_workflow.metrics import (
    NOOP_METRICS,
    WORKER_TASK_DURATION_SECONDS,
    WORKER_TASKS,
    MetricsRecorder,
)
from durable_workflow.metrics._counting import count


class TaskObservation:
    """One task being counted. Set `outcome` before the block ends, else it is an `error`."""

    def __init__(self, metrics: MetricsRecorder, kind: str, task_queue: str) -> None:
        self.outcome = "error"
        self._metrics = metrics
        self._kind = kind
        self._task_queue = task_queue
        self._started = time.perf_counter()

    def __enter__(self) -> "TaskObservation":
        return self

    def __exit__(self, *_: object) -> None:
        self.count()

    def count(self) -> None:
        """Count it, by its outcome and with the time since it was made."""
        if self._metrics is NOOP_METRICS:
            return
        tags = {
            "task_kind": self._kind,
            "task_queue": self._task_queue,
            "outcome": self.outcome,
        }
        count(self._metrics, WORKER_TASKS, WORKER_TASK_DURATION_SECONDS, self._started, tags)


def recorder_of(client: object) -> MetricsRecorder:
    """The client's recorder, if it has one that is: calls are synchronous."""
    recorder = getattr(client, "metrics", None)
    methods = [getattr(recorder, name, None) for name in ("increment", "record")]
    if all(callable(each) and not inspect.iscoroutinefunction(each) for each in methods):
        return cast("MetricsRecorder", recorder)
    return NOOP_METRICS
