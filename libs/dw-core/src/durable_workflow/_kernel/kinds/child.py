"""Child workflows: recorded when started, answered when the last of their runs closes."""

from collections.abc import Mapping
from typing import ClassVar

from durable_workflow._kernel.batches import Batch
from durable_workflow._kernel.kind import Decode, Kind, Reader, payload_result
from durable_workflow._kernel.steps import Resolution
from durable_workflow._wire import names
from durable_workflow._wire.events import Event, nested, text
from durable_workflow.errors import (
    ChildWorkflowCancelled,
    ChildWorkflowFailed,
    ChildWorkflowTerminated,
)
from durable_workflow.workflow._commands import StartChildWorkflow


def _failed(event: Event, decode: Decode) -> Resolution:
    payload = event.payload
    exception = nested(payload, "exception")
    error = ChildWorkflowFailed(
        text(payload, "message") or text(exception, "message") or "child workflow failed",
        _exception_class(event),
        failure_kind=text(payload, "failure_category") or "child_workflow",
        child_workflow_run_id=text(payload, "child_workflow_run_id"),
        child_workflow_type=text(payload, "child_workflow_type"),
    )
    return Resolution(error=error)


def _closed_by(
    error_type: type[ChildWorkflowCancelled | ChildWorkflowTerminated], default: str
) -> Reader:
    """A reader of the event that says a child was cancelled or terminated."""

    def read(event: Event, decode: Decode) -> Resolution:
        payload = event.payload
        message = text(payload, "message") or text(nested(payload, "exception"), "message")
        error = error_type(
            message or default,
            _exception_class(event),
            child_workflow_run_id=text(payload, "child_workflow_run_id"),
            child_workflow_type=text(payload, "child_workflow_type"),
        )
        return Resolution(error=error)

    return read


def _exception_class(event: Event) -> str | None:
    exception = nested(event.payload, "exception")
    return text(event.payload, "exception_class", "exception_type") or text(
        exception, "class", "type"
    )


class ChildKind(Kind[StartChildWorkflow]):
    """A child workflow."""

    shape = "child workflow"
    in_lists = True
    opens = frozenset({names.CHILD_WORKFLOW_SCHEDULED, names.CHILD_RUN_STARTED})
    resolves: ClassVar[Mapping[str, Reader]] = {
        names.CHILD_RUN_COMPLETED: payload_result,
        names.CHILD_RUN_FAILED: _failed,
        names.CHILD_RUN_CANCELLED: _closed_by(
            ChildWorkflowCancelled, "child workflow was cancelled"
        ),
        names.CHILD_RUN_TERMINATED: _closed_by(
            ChildWorkflowTerminated, "child workflow was terminated"
        ),
    }

    def stop(self, command: StartChildWorkflow) -> Batch:
        return Batch.of_one(self, command)

    def recorded_detail(self, event: Event) -> str | None:
        return text(event.payload, "workflow_type", "child_workflow_type")

    def asked_detail(self, command: StartChildWorkflow) -> str | None:
        return command.workflow_type

    def difference(self, recorded: str, asked: str) -> str:
        return f"Recorded child workflow_type {recorded!r}, but current workflow started {asked!r}."
