"""The little that is shown of a run to those who wait for its end: `Prefer: return=minimal`."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.engine.state import shown_status
from durable_workflow.server.notices import RunEnd
from durable_workflow.server.records import runs
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import describing


def describe(
    read: Read, namespace: str, workflow_id: str, run_id: str | None = None
) -> dict[str, Any]:
    """One run of a workflow id: the current one, or the one named. Nothing is decoded.

    Raises:
        Refused: There is none.
    """
    run = describing.find_run(read, namespace, workflow_id, run_id).run
    if not run.closed:
        return {
            "workflow_id": run.workflow_id,
            "run_id": run.run_id,
            "workflow_type": run.workflow_type,
            "status": shown_status(run),
            "is_terminal": False,
            "payload_codec": run.codec,
        }
    details = runs.details(read, run.run_id)
    return ended(
        RunEnd(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            workflow_type=run.workflow_type,
            status=run.status,
            closed_reason=run.closed_reason,
            codec=run.codec,
            output=details.output,
            failure=details.failure,
            continued_to_run_id=run.continued_to_run_id,
        )
    )


def ended(end: RunEnd) -> dict[str, Any]:
    """A run that has ended, from the unit that closed it."""
    shown: dict[str, Any] = {
        "workflow_id": end.workflow_id,
        "run_id": end.run_id,
        "workflow_type": end.workflow_type,
        "status": end.status,
        "is_terminal": True,
        "closed_reason": end.closed_reason,
        "payload_codec": end.codec,
    }
    if end.continued_to_run_id is not None:
        shown["continued_to_run_id"] = end.continued_to_run_id
    elif end.failure is not None:
        shown["failure"] = end.failure
    else:
        shown["output_envelope"] = end.output
    return shown
