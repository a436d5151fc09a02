"""`start_child_workflow`: start a workflow that this one waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import children
from durable_workflow.server.engine.commands.retry_policy import Retries
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.starting import Beginning
from durable_workflow.server.engine.state import ChildLink, ChildPolicy
from durable_workflow.server.fields import (
    Choice,
    Envelope,
    RetryPolicy,
    Say,
    Text,
    WorkflowType,
    seconds,
)

POLICIES = ("abandon", "request_cancel", "terminate")


class StartChildWorkflow(Command, kw_only=True):
    """The command."""

    word: ClassVar[str] = names.START_CHILD_WORKFLOW
    reads_details: ClassVar[bool] = True

    workflow_type: Annotated[str, WorkflowType()]
    arguments: Annotated[JsonObject | None, Envelope()] = None
    queue: Annotated[str | None, Text()] = None
    connection: Annotated[str | None, Text()] = None
    retry_policy: Annotated[RetryPolicy | None, Retries(into=RetryPolicy)] = None
    parent_close_policy: Annotated[str, Choice(words=POLICIES)] = "abandon"
    execution_timeout_seconds: Annotated[int | None, seconds()] = None
    run_timeout_seconds: Annotated[int | None, seconds()] = None

    @staticmethod
    def check(values: Mapping[str, Any], say: Say) -> None:
        """A run is not longer than the execution that it is part of."""
        execution, run = (
            values.get("execution_timeout_seconds"),
            values.get("run_timeout_seconds"),
        )
        if execution is not None and run is not None and run > execution:
            say("run_timeout_seconds", "must not be greater than execution_timeout_seconds.")

    @property
    def step(self) -> tuple[str, str] | None:
        return "child workflow", self.workflow_type

    def apply(self, turn: Turn) -> None:
        decision, details = turn.decision, turn.details
        run = decision.run
        assert details is not None
        turn.check_payload(self.arguments)
        run.pending_children += 1
        within("pending_child_count", run.pending_children, turn.limits.pending_children)
        sequence = turn.next_sequence()
        policy = self.retry_policy
        link = ChildLink(
            link_id=decision.new_id(),
            run_id=run.run_id,
            sequence=sequence,
            child_workflow_id=decision.new_id(),
            child_run_id=decision.new_id(),
            child_run_number=1,
            child_type=self.workflow_type,
            parent_close_policy=self.parent_close_policy,
            policy=None if policy is None else _snapshot(policy),
            execution_timeout_seconds=self.execution_timeout_seconds,
            run_timeout_seconds=self.run_timeout_seconds,
        )
        beginning = Beginning(
            namespace=run.namespace,
            workflow_id=link.child_workflow_id,
            workflow_type=self.workflow_type,
            task_queue=self.queue or run.task_queue,
            run_id=link.child_run_id,
            codec=run.codec if self.arguments is None else self.arguments["codec"],
            arguments=self.arguments,
            compatibility=run.compatibility,
            priority=run.priority,
            fairness_key=run.fairness_key,
            fairness_weight=run.fairness_weight,
            memo=details.memo,
            search_attributes=details.search_attributes,
            execution_timeout_seconds=self.execution_timeout_seconds,
            run_timeout_seconds=self.run_timeout_seconds,
            parent_run_id=run.run_id,
            parent_sequence=sequence,
            link_id=link.link_id,
            connection=self.connection or run.connection,
        )
        children.start_child(decision, link, beginning, task_id=turn.task_id)
        turn.schedule(sequence, "child workflow", self.workflow_type)
        decision.created_task_ids += decision.started[-1].created_task_ids


def _snapshot(policy: RetryPolicy) -> str:
    snapshot = ChildPolicy(
        max_attempts=policy.max_attempts,
        backoff_seconds=policy.backoff_seconds,
        non_retryable_error_types=policy.non_retryable_error_types,
    )
    return msgspec.json.encode(snapshot).decode()
