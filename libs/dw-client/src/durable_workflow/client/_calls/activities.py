"""Requests about standalone activities."""

from durable_workflow.client._call import Call, Repeat, json_object, reading
from durable_workflow.client._json import JsonObject, count, objects, present
from durable_workflow.client._results.activities import (
    StandaloneActivityExecution,
    StandaloneActivityList,
)


def start(
    *,
    activity_type: str,
    task_queue: str,
    activity_id: str | None,
    activity_class: str | None,
    input: JsonObject | None,
    business_key: str | None,
    retry_policy: JsonObject | None,
    start_to_close_timeout_seconds: int | None,
    schedule_to_start_timeout_seconds: int | None,
    schedule_to_close_timeout_seconds: int | None,
    heartbeat_timeout_seconds: int | None,
) -> Call[JsonObject]:
    """Start an activity; `input` is the envelope of its arguments."""
    return Call(
        "POST",
        "/activities",
        json_object,
        body=present(
            activity_type=activity_type,
            task_queue=task_queue,
            activity_id=activity_id,
            activity_class=activity_class,
            business_key=business_key,
            input=input,
            retry_policy=retry_policy,
            start_to_close_timeout_seconds=start_to_close_timeout_seconds,
            schedule_to_start_timeout_seconds=schedule_to_start_timeout_seconds,
            schedule_to_close_timeout_seconds=schedule_to_close_timeout_seconds,
            heartbeat_timeout_seconds=heartbeat_timeout_seconds,
        ),
        context=activity_id or activity_type,
        # The id is what tells a repetition from a second activity.
        repeat=Repeat.ALWAYS if activity_id else Repeat.IF_UNSENT,
    )


def describe(activity_id: str) -> Call[JsonObject]:
    """Describe an activity; its result is still an envelope."""
    return Call(
        "GET",
        "/activities/{activity_id}",
        json_object,
        path={"activity_id": activity_id},
        context=activity_id,
    )


def list_(
    *, status: str | None, page_size: int | None, next_page_token: str | None
) -> Call[StandaloneActivityList]:
    """One page of activities."""

    def read(data: JsonObject) -> StandaloneActivityList:
        rows = objects(data.get("activities"))
        total = data.get("activity_count")
        return StandaloneActivityList(
            activities=[StandaloneActivityExecution.from_dict(row) for row in rows],
            activity_count=len(rows) if total is None else count(total),
            next_page_token=data.get("next_page_token"),
        )

    return Call(
        "GET",
        "/activities",
        reading(read),
        query={"status": status, "page_size": page_size, "next_page_token": next_page_token},
    )
