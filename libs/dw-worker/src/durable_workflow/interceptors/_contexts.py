"""What a hook is told. Immutable: a hook that wants another one passes a copy to `next`."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WorkflowTaskInterceptorContext:
    """A workflow task that is about to run.

    Attributes:
        worker_id: The worker that runs it.
        task_queue: The queue it came from.
        task: The task as the server sent it.
    """

    worker_id: str
    task_queue: str
    task: dict[str, Any]


@dataclass(frozen=True)
class ActivityInterceptorContext:
    """An activity that is about to be called.

    Attributes:
        worker_id: The worker that runs it.
        task_queue: The queue it came from.
        task: The task as the server sent it.
        activity_type: Name of the activity.
        args: Decoded positional arguments.
    """

    worker_id: str
    task_queue: str
    task: dict[str, Any]
    activity_type: str
    args: tuple[Any, ...]


@dataclass(frozen=True)
class QueryTaskInterceptorContext:
    """A query task that is about to run.

    Attributes:
        worker_id: The worker that runs it.
        task_queue: The queue it came from.
        task: The task as the server sent it.
    """

    worker_id: str
    task_queue: str
    task: dict[str, Any]
