"""`continue_as_new`: end this run and go on as the next one of the same id."""

from __future__ import annotations

from typing import Annotated, ClassVar

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import closing
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.starting import Beginning, begin
from durable_workflow.server.engine.state import COMPLETED, Run
from durable_workflow.server.fields import Envelope, Text, WorkflowType


class ContinueAsNew(Command):
    """The command."""

    word: ClassVar[str] = names.CONTINUE_AS_NEW
    terminal: ClassVar[bool] = True
    reads_details: ClassVar[bool] = True

    workflow_type: Annotated[str | None, WorkflowType()] = None
    arguments: Annotated[JsonObject | None, Envelope()] = None
    queue: Annotated[str | None, Text()] = None

    def apply(self, turn: Turn) -> None:
        decision, details = turn.decision, turn.details
        run = decision.run
        assert details is not None
        turn.check_payload(self.arguments)
        link_id, run_id = decision.new_id(), decision.new_id()
        codec = run.codec if self.arguments is None else self.arguments["codec"]
        beginning = Beginning(
            namespace=run.namespace,
            workflow_id=run.workflow_id,
            workflow_type=self.workflow_type or run.workflow_type,
            task_queue=self.queue or run.task_queue,
            run_id=run_id,
            run_number=run.run_number + 1,
            codec=codec,
            arguments=details.arguments if self.arguments is None else self.arguments,
            compatibility=run.compatibility,
            priority=run.priority,
            fairness_key=run.fairness_key,
            fairness_weight=run.fairness_weight,
            business_key=details.business_key,
            memo=details.memo,
            search_attributes=details.search_attributes,
            execution_timeout_seconds=run.execution_timeout_seconds,
            run_timeout_seconds=run.run_timeout_seconds,
            execution_deadline=run.execution_deadline,
            parent_run_id=run.parent_run_id,
            parent_sequence=run.parent_sequence,
            link_id=run.link_id,
            connection=run.connection,
            schedule_id=run.schedule_id,
            continued_from_run_id=run.run_id,
            started_by=_origin(run, link_id),
        )
        turn.append(
            names.WORKFLOW_CONTINUED_AS_NEW,
            {
                "sequence": turn.next_sequence(),
                "continued_to_run_id": run_id,
                "continued_to_run_number": beginning.run_number,
                "workflow_link_id": link_id,
                "closed_reason": "continued",
            },
        )
        following = begin(beginning, turn.now, decision.new_id)
        run.continued_to_run_id = run_id
        closing.end(decision, COMPLETED, "continued", task_status=COMPLETED)
        decision.started.append(following)
        decision.created_task_ids += following.created_task_ids


def _origin(run: Run, link_id: str) -> JsonObject:
    origin: JsonObject = {"continued_from_run_id": run.run_id, "workflow_link_id": link_id}
    if run.parent_run_id is not None:
        origin["parent_workflow_run_id"] = run.parent_run_id
        origin["parent_sequence"] = run.parent_sequence
        origin["child_call_id"] = run.link_id
    return origin
