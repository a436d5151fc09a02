"""Claims of workflow tasks: by polls, and for workers that have a stream."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from durable_workflow._wire.extensions import STICKY_HISTORY
from durable_workflow.server.engine import tasks
from durable_workflow.server.engine.state import (
    READY,
    Run,
    shown_status,
)
from durable_workflow.server.engine.times import precise
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.records import answered_polls, runs
from durable_workflow.server.records.columns import value
from durable_workflow.server.records.fairness import QueueKey, ReadyClass
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.records.workers import find as find_worker
from durable_workflow.server.requests import (
    PollTask,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import admission, fairness
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workers import (
    lease_seconds,
    poll_guard,
)
from durable_workflow.server.services.writing import is_long
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.views import history
from durable_workflow.server.views.fingerprints import hide_fingerprint

# Why the task exists. All members are always present, and null where they do not apply.
_NO_CONTEXT: dict[str, Any] = dict.fromkeys(
    (
        "workflow_wait_kind",
        "open_wait_id",
        "resume_source_kind",
        "resume_source_id",
        "workflow_update_id",
        "workflow_signal_id",
        "signal_name",
        "signal_wait_id",
        "workflow_command_id",
        "activity_execution_id",
        "activity_attempt_id",
        "activity_type",
        "child_call_id",
        "child_workflow_run_id",
        "workflow_sequence",
        "workflow_event_type",
        "timer_id",
        "condition_wait_id",
        "condition_key",
        "condition_definition_fingerprint",
    )
)


def claim(
    tx: Tx,
    namespace: str,
    request: PollTask,
    settings: ServiceSettings,
    fair: FairQueues | None = None,
) -> dict[str, Any] | None:
    """Lease the next task of a queue to a worker; None where there is none for it.

    Args:
        fair: What is remembered of queues; None for nothing.
    """
    fair = fair or FairQueues()
    worker = poll_guard(tx, namespace, request, settings)
    lease = lease_seconds(worker, settings.workflow_lease_seconds)
    unit = Unit(tx, settings)
    again = _claimed_before(tx, namespace, request)
    if again is not None:
        decision = tasks.renew(unit.adopt(again), tx.now, tx.new_id, lease_seconds=lease)
    else:
        run = _claimable(tx, worker, settings, fair)
        return None if run is None else _lease(unit, run, request, worker, fair)
    unit.put(decision.run)
    unit.finish()
    return _task(tx, decision.run, request, settings, foreign=not worker.knows_extensions)


def claim_for(
    tx: Tx,
    worker: Worker,
    task_id: str | None,
    busy: Callable[[], Collection[str]],
    names_claims: bool,
    settings: ServiceSettings,
    fair: FairQueues,
) -> dict[str, Any] | None:
    """Lease a task to a worker that has a stream; None where there is none for it.

    Args:
        task_id: The task, which suits the worker; None for the one that it should get next.
        busy: Tells the workers that tasks are not kept for now.
        names_claims: The task gets a claim, which all reports of it have to name: so it may leave
            before the commit.
        fair: What is remembered of queues.
    """
    if task_id is None:
        run = _claimable(tx, worker, settings, fair, busy())
    elif not admission.admits(tx, _queue(worker), settings):
        return None
    else:
        run = runs.by_task(tx, worker.namespace, task_id)
        if run is not None and not _is_free(tx, run, worker, busy):
            run = None
    if run is None:
        return None
    request = PollTask(
        worker_id=worker.worker_id,
        task_queue=worker.task_queue,
        history_page_bytes=history.PAGE_BYTES,
    )
    claim_id = tx.new_id() if names_claims else None
    task = _lease(Unit(tx, settings), run, request, worker, fair, claim_id)
    return task if claim_id is None else task | {"claim": claim_id}


def _claimed_before(tx: Tx, namespace: str, request: PollTask) -> Run | None:
    """The run whose task this very poll was handed before and still holds, for it is repeated."""
    poll, worker_id = request.poll_request_id, request.worker_id
    if poll is None or not answered_polls.may_be_known(tx, "workflow", namespace, worker_id, poll):
        return None
    return runs.claimed_by_request(tx, namespace, request.task_queue, worker_id, poll)


def _claimable(
    tx: Tx,
    worker: Worker,
    settings: ServiceSettings,
    fair: FairQueues,
    busy: Collection[str] = (),
) -> Run | None:
    if worker.draining or not admission.admits(tx, _queue(worker), settings):
        return None

    def take(of: ReadyClass, is_alone: bool) -> Run | None:
        del is_alone  # what is kept for a worker is chosen for each
        # Mostly it is the first of its class, whose row is in memory.
        first = runs.by_task(tx, worker.namespace, of.task_id)
        if first is not None and _may_have(first, worker, busy, tx.now):
            return first
        return runs.claimable(
            tx,
            worker.namespace,
            worker.task_queue,
            worker_id=worker.worker_id,
            build_id=worker.build_id,
            types=worker.workflow_types,
            of=of,
            busy=busy,
        )

    return fairness.choose(tx, _queue(worker), fair, take)


def _queue(worker: Worker) -> QueueKey:
    return QueueKey("workflow", worker.namespace, worker.task_queue)


def _may_have(run: Run, worker: Worker, busy: Collection[str], now: int) -> bool:
    """Whether a worker may have a task that is ready; False too where its keeper has to be read."""
    if run.task_status != READY or run.task_available_at > now:
        return False
    if run.compatibility is not None and run.compatibility != worker.build_id:
        return False
    if worker.workflow_types and run.workflow_type not in worker.workflow_types:
        return False
    keeper = run.sticky_worker
    if keeper is None or run.sticky_until <= now:
        return True
    return keeper == worker.worker_id or keeper in busy


def _is_free(tx: Tx, run: Run, worker: Worker, busy: Callable[[], Collection[str]]) -> bool:
    """Whether the task of `run` is ready, and kept for nobody else that is there."""
    if run.task_status != READY or run.task_available_at > tx.now:
        return False
    keeper = run.sticky_worker
    if keeper is None or run.sticky_until <= tx.now:
        return True
    if keeper == worker.worker_id or keeper in busy():
        return True
    kept_for = find_worker(tx, run.namespace, keeper)
    return kept_for is None or not kept_for.is_there(tx.now)


def _lease(
    unit: Unit,
    run: Run,
    request: PollTask,
    worker: Worker,
    fair: FairQueues,
    claim_id: str | None = None,
) -> dict[str, Any]:
    tx, settings = unit.tx, unit.settings
    if request.poll_request_id is not None:
        of = worker.namespace, worker.worker_id
        answered_polls.note(tx, "workflow", *of, request.poll_request_id)
    fairness.count(tx, _queue(worker), run.fairness_key, fair)
    admission.count(tx, _queue(worker), settings)
    decision = tasks.claim(
        unit.adopt(run),
        tx.now,
        tx.new_id,
        worker_id=worker.worker_id,
        poll_request_id=request.poll_request_id,
        lease_seconds=lease_seconds(worker, settings.workflow_lease_seconds),
        session=worker.session or None,
        keeps_machines=STICKY_HISTORY in worker.capabilities,
        claim_id=claim_id,
    )
    unit.put(decision.run)
    unit.finish()
    return _task(tx, decision.run, request, settings, foreign=not worker.knows_extensions)


def _task(
    tx: Tx, run: Run, request: PollTask, settings: ServiceSettings, *, foreign: bool
) -> dict[str, Any]:
    limits = settings.limits
    # The worker that kept the run's machine needs only what it has not seen.
    sticky = run.sticky_worker is not None and run.sticky_worker == run.lease_owner
    after = run.sticky_sequence if sticky else 0
    assert run.lease_expires_at is not None
    task: dict[str, Any] = {
        "task_id": run.task_id,
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "workflow_task_attempt": run.task_attempt,
        "workflow_type": run.workflow_type,
        "payload_codec": run.codec,
        "run_status": shown_status(run),
        "last_history_sequence": run.claimed_sequence,
        "task_queue": run.task_queue,
        "connection": run.connection,
        "compatibility": run.compatibility,
        "lease_owner": run.lease_owner,
        "lease_expires_at": precise(run.lease_expires_at),
        **_NO_CONTEXT,
        "continue_as_new_recommended": is_long(
            run, limits.history_hint_events, limits.history_hint_bytes
        ),
    }
    # A stream's worker that kept the machine has them. Where it did not, the whole history that it
    # then asks for brings them.
    if not after or request.history_page_bytes is None:
        task["arguments"] = history.arguments(tx, run.run_id)
    if run.task_context is not None:
        task.update(value(run.task_context))
    if foreign:
        hide_fingerprint(task)
    task.update(
        history.task_page(
            tx,
            run,
            settings,
            after=after,
            page_size=request.history_page_size,
            page_bytes=request.history_page_bytes,
            encoding=request.accept_history_encoding,
            foreign=foreign,
        )
    )
    if sticky:
        task["history_after_sequence"] = after
        task["full_history_token"] = history.FROM_THE_BEGINNING
    return task
