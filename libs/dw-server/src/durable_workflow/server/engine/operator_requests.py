"""What operators ask of a run besides its end: repairs while it is open, archiving once closed."""

from __future__ import annotations

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import tasks
from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.state import READY, Run


def archive(
    run: Run,
    now: int,
    new_id: NewId,
    *,
    command_id: str,
    command: JsonObject,
    outcome: str,
    reason: str | None,
) -> Decision:
    """Keep a closed run from retention. One that is archived stays as it is, with a note."""
    decision = Decision(run, now, new_id)
    ids = _ids(run, command_id)
    asked = ids | {"command_type": "archive", "outcome": outcome}
    archived = ids | {"archive_command_id": command_id}
    if reason:
        asked["reason"] = archived["reason"] = reason
    asked["command"] = command
    decision.append(names.ARCHIVE_REQUESTED, asked, command_id=command_id)
    if run.archived_at is None:
        decision.append(names.WORKFLOW_ARCHIVED, archived, command_id=command_id)
        decision.run.archived_at = now
    return decision


def repair(
    run: Run,
    now: int,
    new_id: NewId,
    *,
    command_id: str,
    command: JsonObject,
    outcome: str,
    liveness_state: str,
    wait_kind: str | None,
) -> Decision:
    """Note that an open run was looked after, and what came of it."""
    decision = Decision(run, now, new_id)
    asked = _ids(run, command_id) | {
        "command_type": "repair",
        "outcome": outcome,
        "liveness_state": liveness_state,
    }
    if wait_kind is not None:
        asked["wait_kind"] = wait_kind
    if run.task_id is not None:
        asked |= {"task_id": run.task_id, "task_type": "workflow"}
    asked["command"] = command
    decision.append(names.REPAIR_REQUESTED, asked, command_id=command_id)
    return decision


def offer_now(run: Run, now: int, new_id: NewId) -> Decision:
    """Offer a workflow task now that rests after a failure."""
    decision = Decision(run, now, new_id)
    assert run.task_status == READY
    decision.run.task_available_at = now
    return decision


def recreate_task(run: Run, now: int, new_id: NewId) -> Decision:
    """Give a run a workflow task that waits for nothing and has none."""
    decision = Decision(run, now, new_id)
    tasks.wake(decision)
    return decision


def _ids(run: Run, command_id: str) -> JsonObject:
    return {
        "workflow_command_id": command_id,
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
    }
