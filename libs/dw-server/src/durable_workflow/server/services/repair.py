"""Repairs: what has stopped goes on at once (control-plane 4.12).

Nothing here is needed for a run to go on: leases, deadlines and retries are due times in the store,
and every unit of work leaves the run with what advances it. A repair does now what would be done a
little later: it frees leases that ran out, tries again what was set aside, and offers a failed
workflow task without its rest.
"""

from __future__ import annotations

import msgspec

from durable_workflow.server.engine import operator_requests
from durable_workflow.server.engine.activity_outcomes import overdue as overdue_since
from durable_workflow.server.engine.state import READY, Run
from durable_workflow.server.notices import DueAt
from durable_workflow.server.records import due as due_records
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, RepairWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import due, targets
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.views import findings, liveness, pending_work
from durable_workflow.server.views.describing import wait_of
from durable_workflow.server.views.pending_work import has_failed


class Repaired(msgspec.Struct):
    """What a repair of a run has done.

    Attributes:
        existing: Tasks and due work that were there, and go on.
        missing: Workflow tasks that had to be created.
        deadlines: Runs that were over their deadline, and are closed.
        timeouts: Activities that were over a deadline.
    """

    existing: int = 0
    missing: int = 0
    deadlines: int = 0
    timeouts: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.existing + self.missing + self.deadlines + self.timeouts

    def add(self, other: Repaired) -> None:
        """Count another run's, too."""
        self.existing += other.existing
        self.missing += other.missing
        self.deadlines += other.deadlines
        self.timeouts += other.timeouts


def repair(tx: Tx, caller: Caller, request: RepairWorkflow, settings: ServiceSettings) -> Reply:
    """Repair the current run of a workflow id, which must be open."""
    unit = Unit(tx, settings)
    target = targets.lock(unit, caller.namespace, request.workflow_id, None)
    command = targets.command_on(unit, target, "repair", request_id=request.request_id)
    if targets.reject_if_closed(unit, caller, target, command):
        return Reply(targets.body(target, command), reason=command.rejection_reason)
    run = target.run
    activities = pending_work.activities(tx, run)
    state = liveness.state_of(run, activities, findings.problems_of(tx, run, activities))
    wait_kind, _ = wait_of(run)
    repaired = repair_run(unit, run.run_id, rested=True)
    outcome = "repair_dispatched" if repaired.total else "repair_not_needed"
    shown = targets.accept(unit, caller, command, outcome)
    unit.apply(
        operator_requests.repair(
            unit.run(run.run_id),
            tx.now,
            tx.new_id,
            command_id=command.command_id,
            command=shown,
            outcome=outcome,
            liveness_state=state,
            wait_kind=wait_kind,
        )
    )
    unit.finish()
    return Reply(targets.body(target, command))


def repair_run(unit: Unit, run_id: str, *, rested: bool) -> Repaired:
    """Have an open run go on that has stopped.

    Args:
        rested: Whether a failed workflow task is offered before its rest is over.
    """
    tx = unit.tx
    repaired = _advance(unit, run_id)
    run = unit.run(run_id)
    if rested and has_failed(run) and run.task_status == READY and run.task_available_at > tx.now:
        unit.apply(operator_requests.offer_now(run, tx.now, tx.new_id))
        repaired.existing += 1
    repaired.existing += _try_again(tx, run_id)
    run = unit.run(run_id)
    if _is_stranded(run):
        unit.apply(operator_requests.recreate_task(run, tx.now, tx.new_id))
        repaired.missing += 1
    return repaired


def _advance(unit: Unit, run_id: str) -> Repaired:
    """Do what is due of a run, and tell what it was."""
    now, run = unit.tx.now, unit.run(run_id)
    deadlines = [run.execution_deadline, run.run_deadline]
    ends = any(at is not None and at <= now for at in deadlines)
    found = due_records.activities_of_run(unit.tx, run_id, due.MOST_OF_ONE)
    overdue = 0 if ends else sum(overdue_since(each, now) is not None for each in found)
    done = due.advance(unit, run_id)
    return Repaired(
        existing=max(done - overdue - ends, 0) if not ends else 0,
        deadlines=int(ends),
        timeouts=overdue,
    )


def _try_again(tx: Tx, run_id: str) -> int:
    """Have what was set aside tried at once; how much that was."""
    count = len(due_records.set_aside_of_run(tx, run_id))
    if count:
        due_records.end_rest_of_run(tx, run_id)
        tx.notify(DueAt(tx.now))
    return count


def _is_stranded(run: Run) -> bool:
    """Whether nothing will ever advance an open run. No unit of work leaves one so."""
    steps = run.pending_activities or run.pending_timers or run.pending_children
    waits = steps or run.buffered or run.wait_id is not None
    return not run.closed and run.task_id is None and not waits
