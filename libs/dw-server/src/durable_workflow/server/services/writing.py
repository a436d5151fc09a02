"""Writing the parts of a decision, and the notices that tell of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.state import CANCELLED, TERMINATED, ChildLink, Run
from durable_workflow.server.notices import ReadyTask, RunEnd, RunProgressed, TaskReady
from durable_workflow.server.records import history, instances, runs, updates
from durable_workflow.server.store.protocol import Tx

T = TypeVar("T")

# Rows between two pauses: encoding them takes about a millisecond.
_PART: Final = 64


def in_parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """`rows`, so many at a time as are written between two pauses; none where there are none."""
    if len(rows) <= _PART:
        return iter([rows] if rows else [])
    return (rows[at : at + _PART] for at in range(0, len(rows), _PART))


def write_run(tx: Tx, decision: Decision) -> None:
    """Write what of a decision is about its run alone, but for the run and its events."""
    run = decision.run
    if decision.created is not None:
        runs.insert_details(tx, run, decision.created)
    for past in decision.past_tasks:
        runs.insert_past_task(tx, past)


def tell_of_progress(tx: Tx, decision: Decision) -> None:
    """Tell those who watch a run that it has gone on, and how it has ended where it has."""
    run = decision.run
    end = _end_of(decision) if decision.closes else None
    tx.notify(RunProgressed(run.run_id, run.closed, end))


def write_buffered(tx: Tx, decision: Decision) -> None:
    """Write what a decision keeps for later: buffered events, held results, updates."""
    run_id = decision.run.run_id
    if decision.drained:
        history.delete_buffered_events(tx, run_id)
    for event in decision.buffered:
        history.insert_buffered_event(tx, run_id, event)
    if decision.released:
        history.delete_held_results(tx, run_id)
    if decision.held_results:
        history.insert_held_results(tx, run_id, decision.held_results)
    for update in decision.new_updates:
        updates.insert(tx, update)
    for update in decision.updates:
        updates.save(tx, update)
    if decision.attributes is not None:
        runs.save_search_attributes(tx, decision.run, decision.attributes)


def write_instance(tx: Tx, link: ChildLink, decision: Decision) -> None:
    """Write the workflow id of a new child."""
    instances.insert(
        tx,
        decision.run.namespace,
        link.child_workflow_id,
        workflow_type=link.child_type,
        run_id=link.child_run_id,
        command_sequence=0,
    )


def ready_task(run: Run, now: int) -> TaskReady:
    """The notice that a run's task can be claimed."""
    assert run.task_id is not None
    keeper = run.sticky_worker if run.sticky_until > now else None
    task = ReadyTask(run.task_id, run.workflow_type, run.compatibility, keeper)
    return TaskReady("workflow", run.namespace, run.task_queue, task)


def _end_of(decision: Decision) -> RunEnd:
    run = decision.run
    return RunEnd(
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        workflow_type=run.workflow_type,
        status=run.status,
        closed_reason=run.closed_reason,
        codec=run.codec,
        output=decision.output,
        failure=decision.failure,
        continued_to_run_id=run.continued_to_run_id,
    )


def why_dropped(run: Run) -> str:
    """What a worker is told whose attempt is over: the words of an activity's heartbeat."""
    if run.status in (CANCELLED, TERMINATED):
        return f"run_{run.status}"
    return "run_closed" if run.closed else "stale_attempt"


def is_long(run: Run, events: int, size: int) -> bool:
    """Whether a run's history is so long that the workflow should continue as new."""
    return bool((events and run.last_sequence >= events) or (size and run.history_bytes >= size))
