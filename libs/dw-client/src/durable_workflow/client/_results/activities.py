"""Results of calls about standalone activities."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import JsonObject, count, objects, text


@dataclass
class StandaloneActivityExecution:
    """A standalone activity. The server runs it inside a workflow of its own, the host.

    Times are strings in UTC.

    Attributes:
        activity_id: Id of the activity, and of its host workflow.
        workflow_run_id: The host run.
        activity_execution_id: The execution inside it.
        workflow_type: Type of the host workflow.
        activity_type: Type of the activity.
        activity_class: The label that the starter gave.
        status: Status of the host run, as of any run.
        activity_status: `pending`, `running`, `completed`, `failed` or `cancelled`.
        closed_reason: How the host run ended.
        attempt_count: Attempts so far.
        result: The decoded result; None while there is none.
    """

    activity_id: str
    workflow_run_id: str | None
    activity_execution_id: str | None
    workflow_type: str
    activity_type: str | None
    activity_class: str | None
    task_queue: str | None
    namespace: str | None
    status: str | None
    activity_status: str | None
    closed_reason: str | None
    business_key: str | None
    payload_codec: str | None
    started_at: str | None
    closed_at: str | None
    last_progress_at: str | None
    last_heartbeat_at: str | None
    schedule_to_start_deadline_at: str | None
    schedule_to_close_deadline_at: str | None
    attempt_count: int | None
    result: Any = None

    @classmethod
    def from_dict(
        cls, data: dict[str, Any], *, activity_id: str | None = None, result: Any = None
    ) -> "StandaloneActivityExecution":
        """Read the activity from a response object.

        Args:
            data: The object.
            activity_id: Id to take where the object has none.
            result: The decoded result; that of the object is an envelope and not read here.
        """
        members = {name: data.get(name) for name in cls.__dataclass_fields__}
        members["activity_id"] = text(data.get("activity_id"), activity_id)
        members["workflow_type"] = text(data.get("workflow_type"))
        members["result"] = result
        return cls(**members)  # type: ignore[arg-type]  # JSON scalars pass through unchecked


@dataclass
class StandaloneActivityList:
    """One page of standalone activities.

    Attributes:
        activities: The activities, without their results.
        activity_count: How many are on this page.
        next_page_token: Token of the next page; None on the last.
    """

    activities: list[StandaloneActivityExecution]
    activity_count: int
    next_page_token: str | None = None


def activity_list(data: JsonObject) -> StandaloneActivityList:
    """Read one page of activities."""
    rows = objects(data.get("activities"))
    total = data.get("activity_count")
    return StandaloneActivityList(
        activities=[StandaloneActivityExecution.from_dict(row) for row in rows],
        activity_count=len(rows) if total is None else count(total),
        next_page_token=data.get("next_page_token"),
    )
