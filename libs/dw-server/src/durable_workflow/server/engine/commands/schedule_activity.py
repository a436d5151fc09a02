"""`schedule_activity`: have an activity run, at least once, with retries and timeouts."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.fields import Errors, integer, text
from durable_workflow.server.engine.commands.retry_policy import read_retry_policy
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.decision import NewActivity
from durable_workflow.server.engine.payloads import read_envelope
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.state import Activity, ActivityPolicy, JsonObject
from durable_workflow.server.engine.times import SECOND

TIMEOUTS = (
    "start_to_close_timeout",
    "schedule_to_start_timeout",
    "schedule_to_close_timeout",
    "heartbeat_timeout",
)
# Each must not be longer than the other.
_ORDER = (
    ("heartbeat_timeout", "start_to_close_timeout"),
    ("start_to_close_timeout", "schedule_to_close_timeout"),
    ("schedule_to_start_timeout", "schedule_to_close_timeout"),
)


class ScheduleActivity(msgspec.Struct):
    """The command."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False

    activity_type: str
    arguments: JsonObject | None
    queue: str
    policy: ActivityPolicy | None

    @property
    def step(self) -> tuple[str, str] | None:
        return "activity", self.activity_type

    def apply(self, turn: Turn) -> None:
        decision, now = turn.decision, turn.now
        run = decision.run
        turn.check_payload(self.arguments)
        run.pending_activities += 1
        within("pending_activity_count", run.pending_activities, turn.limits.pending_activities)
        sequence = turn.next_sequence()
        policy = self.policy
        activity = Activity(
            execution_id=decision.new_id(),
            run_id=run.run_id,
            namespace=run.namespace,
            sequence=sequence,
            activity_type=self.activity_type,
            task_queue=self.queue or run.task_queue,
            priority=run.priority,
            codec=run.codec if self.arguments is None else self.arguments["codec"],
            policy=None if policy is None else msgspec.json.encode(policy).decode(),
            scheduled_at=now,
            task_id=decision.new_id(),
            available_at=now,
        )
        if policy is not None:
            if policy.schedule_to_start_timeout is not None:
                activity.schedule_to_start_at = now + policy.schedule_to_start_timeout * SECOND
            if policy.schedule_to_close_timeout is not None:
                activity.schedule_to_close_at = now + policy.schedule_to_close_timeout * SECOND
        snapshot: JsonObject = {
            "id": activity.execution_id,
            "idempotency_key": activity.execution_id,
            "sequence": sequence,
            "type": activity.activity_type,
            "class": activity.activity_type,
            "status": activity.status,
            "payload_codec": activity.codec,
            "attempt_count": 0,
            "queue": activity.task_queue,
        }
        if policy is not None:
            snapshot["retry_policy"] = policy
        turn.append(
            names.ACTIVITY_SCHEDULED,
            {
                "activity_execution_id": activity.execution_id,
                "activity_class": activity.activity_type,
                "activity_type": activity.activity_type,
                "sequence": sequence,
                "activity": snapshot,
            },
        )
        turn.schedule(sequence, "activity", self.activity_type)
        decision.new_activities.append(NewActivity(activity, self.arguments))
        decision.created_task_ids.append(activity.task_id)


def read(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> ScheduleActivity:
    """Read the command from its wire form."""
    activity_type = text(raw, "activity_type", at, errors, required=True)
    arguments = read_envelope(raw.get("arguments"), codec, f"{at}.arguments", errors)
    return ScheduleActivity(
        activity_type, arguments, text(raw, "queue", at, errors), _read_policy(raw, at, errors)
    )


def _read_policy(raw: dict[str, Any], at: str, errors: Errors) -> ActivityPolicy | None:
    retries = read_retry_policy(raw, at, errors)
    timeouts = {name: integer(raw, name, at, errors, minimum=1) for name in TIMEOUTS if name in raw}
    if retries is None and all(value is None for value in timeouts.values()):
        return None
    for shorter, longer in _ORDER:
        low, high = timeouts.get(shorter), timeouts.get(longer)
        if low is not None and high is not None and low > high:
            errors[f"{at}.{shorter}"] = [
                f"The {at}.{shorter} field must not be greater than {longer}."
            ]
    policy = ActivityPolicy(
        start_to_close_timeout=timeouts.get("start_to_close_timeout"),
        schedule_to_start_timeout=timeouts.get("schedule_to_start_timeout"),
        schedule_to_close_timeout=timeouts.get("schedule_to_close_timeout"),
        heartbeat_timeout=timeouts.get("heartbeat_timeout"),
    )
    if retries is not None:
        policy.max_attempts = retries.max_attempts
        policy.backoff_seconds = retries.backoff_seconds
        policy.non_retryable_error_types = retries.non_retryable_error_types
    return policy
