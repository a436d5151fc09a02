"""`start_child_workflow`: start a workflow that this one waits for."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow.server.engine import children
from durable_workflow.server.engine.commands.fields import Errors, integer, text
from durable_workflow.server.engine.commands.retry_policy import RetryPolicy, read_retry_policy
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.payloads import read_envelope
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.starting import Beginning
from durable_workflow.server.engine.state import ChildLink, ChildPolicy, JsonObject

POLICIES = ("abandon", "request_cancel", "terminate")


class StartChildWorkflow(msgspec.Struct):
    """The command."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False

    workflow_type: str
    arguments: JsonObject | None
    queue: str
    retry_policy: RetryPolicy | None
    parent_close_policy: str
    execution_timeout_seconds: int | None
    run_timeout_seconds: int | None

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


def read(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> StartChildWorkflow:
    """Read the command from its wire form."""
    workflow_type = text(raw, "workflow_type", at, errors, required=True)
    arguments = read_envelope(raw.get("arguments"), codec, f"{at}.arguments", errors)
    execution = integer(raw, "execution_timeout_seconds", at, errors, minimum=1)
    run = integer(raw, "run_timeout_seconds", at, errors, minimum=1)
    if execution is not None and run is not None and run > execution:
        errors[f"{at}.run_timeout_seconds"] = [
            f"The {at}.run_timeout_seconds field must not be greater than "
            "execution_timeout_seconds."
        ]
    policy = text(raw, "parent_close_policy", at, errors) or "abandon"
    if policy not in POLICIES:
        errors[f"{at}.parent_close_policy"] = [
            f"The {at}.parent_close_policy field must be one of {', '.join(POLICIES)}."
        ]
    return StartChildWorkflow(
        workflow_type,
        arguments,
        text(raw, "queue", at, errors),
        read_retry_policy(raw, at, errors),
        policy,
        execution,
        run,
    )
