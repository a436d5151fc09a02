"""Arguments and results of calls about schedules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durable_workflow import serializer
from durable_workflow._wire.json_values import (
    JsonObject,
    count,
    object_or_empty,
    object_or_none,
    objects,
    objects_or_none,
    present,
    text,
)
from durable_workflow.client._arguments import WholeSeconds, optional, whole_seconds


@dataclass
class ScheduleSpec:
    """When a schedule fires: at least one cron expression or interval.

    Attributes:
        cron_expressions: Five-field cron expressions.
        intervals: `{"every": ..., "offset": ...}` as ISO 8601 durations, as `PT30M`.
        timezone: IANA name in which cron expressions are read; None is UTC.
    """

    cron_expressions: list[str] | None = None
    intervals: list[dict[str, str]] | None = None
    timezone: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The spec as it is sent, without what is None."""
        return present(
            cron_expressions=self.cron_expressions,
            intervals=self.intervals,
            timezone=self.timezone,
        )


@dataclass
class ScheduleAction:
    """What a schedule starts when it fires.

    Attributes:
        workflow_type: Type of the workflow.
        task_queue: Its task queue; None is the server's default.
        input: Its positional arguments.
        execution_timeout_seconds: Limit for the whole execution.
        run_timeout_seconds: Limit for each run.
    """

    workflow_type: str
    task_queue: str | None = None
    input: list[Any] | None = None
    execution_timeout_seconds: WholeSeconds | None = None
    run_timeout_seconds: WholeSeconds | None = None

    def to_dict(
        self, *, input_encoder: Callable[[list[Any]], dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """The action as it is sent, without what is None.

        Args:
            input_encoder: Makes the payload envelope of the arguments; by default an Avro one.
        """
        encode = input_encoder or serializer.envelope
        return present(
            workflow_type=self.workflow_type,
            task_queue=self.task_queue,
            input=None if self.input is None else encode(self.input),
            execution_timeout_seconds=_timeout(self, "execution_timeout_seconds"),
            run_timeout_seconds=_timeout(self, "run_timeout_seconds"),
        )


def _timeout(action: ScheduleAction, name: str) -> int | None:
    return optional(whole_seconds, name, getattr(action, name))


@dataclass
class ScheduleDescription:
    """A schedule. In lists only its spec, action, policy, note, fires and next times are filled.

    Times are strings in UTC.

    Attributes:
        schedule_id: Its id.
        status: `active` or `paused`.
        spec: When it fires.
        action: What it starts; the input is an envelope, as stored.
        overlap_policy: What happens when the workflow of the fire before is still open.
        jitter_seconds: Largest random delay of a fire.
        max_runs: Fires before it ends; None is without limit.
        remaining_actions: Fires left of those.
        fires_count: Fires that started a workflow.
        failures_count: Fires that could not.
        latest_workflow_instance_id: The workflow that it started last.
        info: Recent and buffered actions.
    """

    schedule_id: str
    status: str | None = None
    spec: dict[str, Any] | None = None
    action: dict[str, Any] | None = None
    overlap_policy: str | None = None
    note: str | None = None
    memo: dict[str, Any] | None = None
    search_attributes: dict[str, Any] | None = None
    jitter_seconds: int | None = None
    max_runs: int | None = None
    remaining_actions: int | None = None
    fires_count: int = 0
    failures_count: int = 0
    next_fire_at: str | None = None
    last_fired_at: str | None = None
    latest_workflow_instance_id: str | None = None
    paused_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    info: dict[str, Any] | None = None


@dataclass
class ScheduleList:
    """The schedules of a namespace, newest first.

    Attributes:
        schedules: The schedules.
        next_page_token: None from servers that send all of them.
    """

    schedules: list[ScheduleDescription]
    next_page_token: str | None = None


@dataclass
class ScheduleTriggerResult:
    """Result of a fire by hand.

    Attributes:
        schedule_id: The schedule.
        outcome: `triggered`, `buffered`, `buffer_full` or `skipped`.
        workflow_id: The workflow that was started.
        run_id: Its run.
        reason: Why none was started.
        buffer_depth: Fires that wait for their turn.
    """

    schedule_id: str
    outcome: str
    workflow_id: str | None = None
    run_id: str | None = None
    reason: str | None = None
    buffer_depth: int | None = None


@dataclass
class ScheduleBackfillResult:
    """Result of a backfill: the fires of a time span, made later.

    Attributes:
        schedule_id: The schedule.
        outcome: `backfill_started` or the like.
        fires_attempted: How many fires there were in the span.
        results: One object for each, with `fire_time` and `outcome`.
    """

    schedule_id: str
    outcome: str
    fires_attempted: int = 0
    results: list[dict[str, Any]] | None = None


_LISTED = ("status", "overlap_policy", "note", "next_fire_at", "last_fired_at")
_DESCRIBED = (
    *_LISTED,
    "jitter_seconds",
    "max_runs",
    "remaining_actions",
    "latest_workflow_instance_id",
    "paused_at",
    "created_at",
    "updated_at",
)


def schedule_list(data: JsonObject) -> ScheduleList:
    """Read a list of schedules."""
    rows = objects(data.get("schedules"))
    return ScheduleList([_listed_schedule(row) for row in rows], data.get("next_page_token"))


def _listed_schedule(row: JsonObject) -> ScheduleDescription:
    members: dict[str, Any] = {name: row.get(name) for name in _LISTED}
    return ScheduleDescription(
        schedule_id=text(row.get("schedule_id")),
        spec=object_or_none(row.get("spec")),
        action=object_or_none(row.get("action")),
        fires_count=count(row.get("fires_count")),
        **members,
    )


def described_schedule(data: JsonObject, schedule_id: str) -> ScheduleDescription:
    """Read a description. Older servers put some members into `state` and `info` only."""
    state, info = object_or_empty(data.get("state")), object_or_empty(data.get("info"))
    older = {
        "status": state.get("status"),
        "note": state.get("note"),
        "next_fire_at": info.get("next_fire"),
        "last_fired_at": info.get("last_fire"),
    }
    members: dict[str, Any] = {name: data.get(name, older.get(name)) for name in _DESCRIBED}
    return ScheduleDescription(
        schedule_id=text(data.get("schedule_id"), schedule_id),
        spec=object_or_none(data.get("spec")),
        action=object_or_none(data.get("action")),
        memo=object_or_none(data.get("memo")),
        search_attributes=object_or_none(data.get("search_attributes")),
        info=object_or_none(data.get("info")),
        fires_count=count(data.get("fires_count", info.get("fires_count"))),
        failures_count=count(data.get("failures_count", info.get("failures_count"))),
        **members,
    )


def trigger_result(data: JsonObject, schedule_id: str) -> ScheduleTriggerResult:
    """Read the result of a fire by hand."""
    return ScheduleTriggerResult(
        schedule_id=text(data.get("schedule_id"), schedule_id),
        outcome=text(data.get("outcome")),
        workflow_id=data.get("workflow_id"),
        run_id=data.get("run_id"),
        reason=data.get("reason"),
        buffer_depth=data.get("buffer_depth"),
    )


def backfill_result(data: JsonObject, schedule_id: str) -> ScheduleBackfillResult:
    """Read the result of a backfill."""
    return ScheduleBackfillResult(
        schedule_id=text(data.get("schedule_id"), schedule_id),
        outcome=text(data.get("outcome")),
        fires_attempted=count(data.get("fires_attempted")),
        results=objects_or_none(data.get("results")),
    )
