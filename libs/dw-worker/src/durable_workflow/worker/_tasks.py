"""Leased tasks as values, read once from what the server sent."""

import time
from dataclasses import dataclass, field
from typing import Any, TypeGuard, TypeVar, cast

from durable_workflow._wire.extensions import UPDATE_VALIDATION
from durable_workflow._wire.json_values import (
    JsonObject,
    dict_or_none,
    integer_or_none,
    text_or_none,
)
from durable_workflow.worker._attempts import NO_POLICY, Attempts, read_attempts

T = TypeVar("T")


class MalformedTask(ValueError):
    """A task lacks what is needed to run it, or to report on it."""


@dataclass(slots=True)
class WorkflowTask:
    """One workflow task: advance a run, or apply one update to it. Nobody changes it.

    It is not frozen: to make one of so many fields would take as long as many a replay.
    """

    task_id: str
    attempt: int
    workflow_type: str
    workflow_id: str
    run_id: str
    events: list[JsonObject]
    next_page_token: str | None
    arguments: Any
    payload_codec: str | None
    update_id: str | None
    last_sequence: int | None
    # Of the extension `sticky_history`: where `events` begins, and how to get the rest.
    after_sequence: int | None
    full_history_token: str | None
    # A task with the end of a history need not say what the run was started with.
    says_arguments: bool
    # Of the extension `worker_stream`: the task may have come before it was committed.
    claim: str | None = None

    def __str__(self) -> str:
        """How log lines name its run."""
        return f"workflow {self.workflow_id} ({self.workflow_type}), run {self.run_id}"


@dataclass(frozen=True, slots=True)
class ActivityTask:
    """One attempt of an activity."""

    task_id: str
    attempt_id: str
    activity_type: str
    attempt_number: int
    arguments: Any
    payload_codec: str | None
    # Empty for an activity that no workflow started.
    workflow_id: str = ""
    run_id: str = ""
    attempts: Attempts = NO_POLICY
    # Of the last heartbeat of the attempts before that had any; not every server sends them.
    heartbeat_details: JsonObject | None = None
    # By the monotonic clock, in seconds; a simulation has one of its own when this is made.
    came_at: float = field(default_factory=lambda: time.monotonic())

    def __str__(self) -> str:
        """How log lines name it."""
        alone = f"activity {self.activity_type}"
        if self.run_id:
            return f"{alone} of workflow {self.workflow_id}, run {self.run_id}"
        return f"{alone} (task {self.task_id})"


@dataclass(frozen=True, slots=True)
class QueryTask:
    """One query of a run, or one update that a validator is asked about."""

    query_task_id: str
    attempt: int
    workflow_type: str
    workflow_id: str
    run_id: str
    query_name: str
    payload_codec: str | None
    events: list[JsonObject]
    history_export: JsonObject | None
    workflow_arguments: Any
    query_arguments: Any
    last_sequence: int | None
    # Of the extension `update_validation`: None in a query.
    update_name: str | None
    # Of the extension `sticky_history`: where `events` begins.
    after_sequence: int | None = None
    # Events behind this one are acknowledged, and will be recorded when the run's leased task ends.
    buffered_after: int | None = None

    def __str__(self) -> str:
        """How log lines name it."""
        what = f"query {self.query_name}" if self.update_name is None else "a validation"
        return (
            f"{what} (task {self.query_task_id}) of workflow {self.workflow_id} "
            f"({self.workflow_type}), run {self.run_id}"
        )


def read_workflow_task(task: JsonObject) -> WorkflowTask:
    """Read a workflow task.

    Raises:
        MalformedTask: It names no task, or its history is not a list of objects.
    """
    return WorkflowTask(
        task_id=_required(task, "task_id"),
        attempt=integer_or_none(task.get("workflow_task_attempt")) or 1,
        workflow_type=text_or_none(task.get("workflow_type")) or "",
        workflow_id=text_or_none(task.get("workflow_id")) or "",
        run_id=text_or_none(task.get("run_id")) or "",
        events=read_events(task),
        next_page_token=text_or_none(task.get("next_history_page_token")),
        arguments=task.get("arguments"),
        payload_codec=_codec(task),
        update_id=text_or_none(task.get("workflow_update_id")),
        last_sequence=integer_or_none(task.get("last_history_sequence")),
        after_sequence=integer_or_none(task.get("history_after_sequence")),
        full_history_token=text_or_none(task.get("full_history_token")),
        says_arguments="arguments" in task or not task.get("history_after_sequence"),
        claim=text_or_none(task.get("claim")),
    )


def read_activity_task(task: JsonObject) -> ActivityTask:
    """Read an activity task.

    Raises:
        MalformedTask: It names no task.
    """
    return ActivityTask(
        task_id=_required(task, "task_id"),
        attempt_id=text_or_none(task.get("activity_attempt_id"))
        or text_or_none(task.get("attempt_id"))
        or "",
        activity_type=text_or_none(task.get("activity_type")) or "",
        attempt_number=integer_or_none(task.get("attempt_number")) or 1,
        arguments=task.get("arguments"),
        payload_codec=_codec(task),
        workflow_id=text_or_none(task.get("workflow_id")) or "",
        run_id=text_or_none(task.get("run_id")) or "",
        attempts=read_attempts(task.get("retry_policy"), task.get("redeliveries")),
        heartbeat_details=dict_or_none(task.get("heartbeat_details")),
    )


def read_query_task(task: JsonObject) -> QueryTask:
    """Read a query task.

    Raises:
        MalformedTask: It names no task, or its history is not a list of objects.
    """
    validates = task.get("task_kind") == UPDATE_VALIDATION
    export = task.get("history_export")
    return QueryTask(
        query_task_id=_required(task, "query_task_id"),
        attempt=integer_or_none(task.get("query_task_attempt")) or 1,
        workflow_type=text_or_none(task.get("workflow_type")) or "",
        workflow_id=text_or_none(task.get("workflow_id")) or "",
        run_id=text_or_none(task.get("run_id")) or "",
        query_name=text_or_none(task.get("query_name")) or "",
        payload_codec=_codec(task),
        events=read_events(task),
        history_export=cast("JsonObject", export) if isinstance(export, dict) else None,
        workflow_arguments=task.get("workflow_arguments"),
        query_arguments=_update_arguments(task) if validates else task.get("query_arguments"),
        last_sequence=integer_or_none(task.get("last_history_sequence")),
        update_name=(text_or_none(task.get("update_name")) or "") if validates else None,
        after_sequence=integer_or_none(task.get("history_after_sequence")),
        buffered_after=integer_or_none(task.get("buffered_after_sequence")),
    )


def _update_arguments(task: JsonObject) -> Any:
    # The extension does not name the member: it may be that of the arguments or that of a query.
    for key in ("arguments", "update_arguments", "query_arguments"):
        if task.get(key) is not None:
            return task[key]
    return None


def read_events(holder: JsonObject) -> list[JsonObject]:
    """The `history_events` of a task or of a history page.

    Raises:
        MalformedTask: They are not a list of objects.
    """
    events = holder.get("history_events")
    if events is None:
        return []
    if not is_event_list(events):
        raise MalformedTask("history_events is not a list of objects")
    return events


def is_event_list(value: object) -> TypeGuard[list[JsonObject]]:
    """Whether `value` is a list of JSON objects."""
    return isinstance(value, list) and all(
        isinstance(item, dict) for item in cast("list[object]", value)
    )


def sequence_of(event: JsonObject) -> int | None:
    """Position of an event in its history, where it has one."""
    return integer_or_none(event.get("sequence"))


def _required(task: JsonObject, key: str) -> str:
    value = text_or_none(task.get(key))
    if value is None:
        raise MalformedTask(f"task has no {key}")
    return value


def _codec(task: JsonObject) -> str | None:
    """The codec as sent. A value of another type becomes a string, so that an error can name it."""
    codec = task.get("payload_codec")
    return None if codec in (None, "") else str(codec)
