"""Requests about task queues and the builds on them."""

from durable_workflow.client._call import Answer, Call, reading
from durable_workflow.client._json import object_or_empty, objects
from durable_workflow.client._results.build_ids import (
    TaskQueueBuildIdRollout,
    TaskQueueBuildIdRolloutState,
)
from durable_workflow.client._results.task_queues import TaskQueueDescription, TaskQueueList


def list_() -> Call[TaskQueueList]:
    """All queues of the namespace."""

    def read(answer: Answer) -> TaskQueueList:
        # The one list that takes whatever comes: servers without queues have answered nothing.
        data = object_or_empty(answer.body)
        rows = objects(data.get("task_queues"))
        return TaskQueueList(
            data.get("namespace"), [TaskQueueDescription.from_dict(row) for row in rows]
        )

    return Call("GET", "/task-queues", read)


def describe(name: str) -> Call[TaskQueueDescription]:
    """One queue."""
    return Call(
        "GET",
        "/task-queues/{task_queue}",
        reading(TaskQueueDescription.from_dict, "invalid_task_queue_response"),
        path={"task_queue": name},
        context=name,
    )


def list_build_ids(task_queue: str) -> Call[TaskQueueBuildIdRollout]:
    """All builds on a queue."""
    return Call(
        "GET",
        "/task-queues/{task_queue}/build-ids",
        reading(TaskQueueBuildIdRollout.from_dict, "invalid_task_queue_build_ids_response"),
        path={"task_queue": task_queue},
        context=task_queue,
    )


def roll(task_queue: str, build_id: str | None, action: str) -> Call[TaskQueueBuildIdRolloutState]:
    """Drain, promote or resume a build; `action` is the word, None the workers without one."""
    return Call(
        "POST",
        f"/task-queues/{{task_queue}}/build-ids/{action}",
        reading(
            TaskQueueBuildIdRolloutState.from_dict, f"invalid_task_queue_build_id_{action}_response"
        ),
        path={"task_queue": task_queue},
        body={"build_id": build_id},
        context=task_queue,
    )
