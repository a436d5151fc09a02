"""`schedule_activity`: have an activity run, at least once, with retries and timeouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.commands.retry_policy import Retries
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.scheduling import Scheduling, policy_from, schedule
from durable_workflow.server.fields import (
    Envelope,
    RetryPolicy,
    Say,
    Text,
    check_timeouts,
    seconds,
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
        check_timeouts(values, say)

    @property
    def step(self) -> tuple[str, str] | None:
        return "activity", self.activity_type

    def apply(self, turn: Turn) -> None:
        run = turn.decision.run
        turn.check_payload(self.arguments)
        run.pending_activities += 1
        within("pending_activity_count", run.pending_activities, turn.limits.pending_activities)
        what = Scheduling(
            activity_type=self.activity_type,
            task_queue=self.queue or run.task_queue,
            arguments=self.arguments,
            policy=policy_from(
                self.retry_policy,
                start_to_close_timeout=self.start_to_close_timeout,
                schedule_to_start_timeout=self.schedule_to_start_timeout,
                schedule_to_close_timeout=self.schedule_to_close_timeout,
                heartbeat_timeout=self.heartbeat_timeout,
            ),
            connection=self.connection or run.connection,
        )
        schedule(turn.decision, what, sequence=turn.next_sequence(), task_id=turn.task_id)
