"""`schedule_activity`: have an activity run, at least once, with retries and timeouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.commands.retry_policy import Retries, RetryPolicy
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.decision import NewActivity
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.state import Activity, ActivityPolicy
from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.fields import Envelope, Say, Text, seconds

# Each must not be longer than the other.
_ORDER = (
    ("heartbeat_timeout", "start_to_close_timeout"),
    ("start_to_close_timeout", "schedule_to_close_timeout"),
    ("schedule_to_start_timeout", "schedule_to_close_timeout"),
)


class ScheduleActivity(Command, kw_only=True):
    """The command."""

    word: ClassVar[str] = names.SCHEDULE_ACTIVITY

    activity_type: Annotated[str, Text()]
    arguments: Annotated[JsonObject | None, Envelope()] = None
    queue: Annotated[str | None, Text()] = None
    connection: Annotated[str | None, Text()] = None
    retry_policy: Annotated[RetryPolicy | None, Retries(into=RetryPolicy)] = None
    start_to_close_timeout: Annotated[int | None, seconds()] = None
    schedule_to_start_timeout: Annotated[int | None, seconds()] = None
    schedule_to_close_timeout: Annotated[int | None, seconds()] = None
    heartbeat_timeout: Annotated[int | None, seconds()] = None

    @staticmethod
    def check(values: Mapping[str, Any], say: Say) -> None:
        """No timeout is longer than the one that it is within."""
        for shorter, longer in _ORDER:
            low, high = values.get(shorter), values.get(longer)
            if low is not None and high is not None and low > high:
                say(shorter, f"must not be greater than {longer}.")

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
        policy = self._policy()
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
            connection=self.connection or run.connection,
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
        if activity.connection is not None:
            snapshot["connection"] = activity.connection
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

    def _policy(self) -> ActivityPolicy | None:
        policy = ActivityPolicy(
            start_to_close_timeout=self.start_to_close_timeout,
            schedule_to_start_timeout=self.schedule_to_start_timeout,
            schedule_to_close_timeout=self.schedule_to_close_timeout,
            heartbeat_timeout=self.heartbeat_timeout,
        )
        retries = self.retry_policy
        if retries is None:
            return policy if policy != ActivityPolicy() else None
        policy.max_attempts = retries.max_attempts
        policy.backoff_seconds = retries.backoff_seconds
        policy.non_retryable_error_types = retries.non_retryable_error_types
        return policy
