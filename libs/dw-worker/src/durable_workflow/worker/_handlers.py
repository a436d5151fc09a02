"""The handlers of one worker's tasks, and the threads where they run user code."""

from dataclasses import dataclass

from durable_workflow._meet import WorkerTransport
from durable_workflow._wire.extensions import PASSED_SIGNALS, STICKY_HISTORY
from durable_workflow.interceptors import WorkerInterceptor
from durable_workflow.metrics import MetricsRecorder
from durable_workflow.worker._activity_tasks import ActivityTasks
from durable_workflow.worker._ahead import AheadDecisions
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._decisions import Decisions
from durable_workflow.worker._definitions import Definitions, Identity
from durable_workflow.worker._dispatch import Handlers
from durable_workflow.worker._foresight import Foresight
from durable_workflow.worker._held import HeldTasks
from durable_workflow.worker._histories import Histories
from durable_workflow.worker._line import Standing
from durable_workflow.worker._machines import MachineCache
from durable_workflow.worker._payloads import Payloads
from durable_workflow.worker._query_tasks import QueryTasks
from durable_workflow.worker._registration import Registration
from durable_workflow.worker._reporting import Reporter
from durable_workflow.worker._settings import Settings
from durable_workflow.worker._thread_kinds import MakeLoopCode, ThreadKinds
from durable_workflow.worker._workflow_tasks import WorkflowTasks

# Besides workflow tasks, code threads serve queries: of the query thread, and of the loop.
_QUERY_THREADS = 2


@dataclass(frozen=True, slots=True)
class Threads:
    """Threads for workflow code, which has a limit of time, and those for activities.

    Attributes:
        make_loop: Makes what runs workflow code on the loop instead, where it is quick.
    """

    workflow: CodeThreads
    activity: CodeThreads
    make_loop: MakeLoopCode


def threads_of(worker_id: str, settings: Settings, kinds: ThreadKinds) -> Threads:
    """As many threads as a worker may need; each starts when there is work."""
    return Threads(
        kinds.code(
            f"{worker_id}-workflow",
            settings.max_concurrent_workflow_tasks + _QUERY_THREADS,
            limit_seconds=settings.workflow_deadline_seconds,
        ),
        kinds.code(f"{worker_id}-activity", settings.max_concurrent_activity_tasks),
        kinds.loop,
    )


@dataclass(frozen=True, slots=True)
class HandlerParts:
    """What the handlers share with the rest of the worker."""

    transport: WorkerTransport
    payloads: Payloads
    reporter: Reporter
    registration: Registration
    machines: MachineCache
    held: HeldTasks
    interceptors: tuple[WorkerInterceptor, ...]
    metrics: MetricsRecorder
    standing: Standing
    threads: Threads


def handlers_of(
    identity: Identity, definitions: Definitions, settings: Settings, parts: HandlerParts
) -> Handlers:
    """One handler for each kind of task."""
    registration = parts.registration
    code = parts.threads.make_loop(
        parts.threads.workflow,
        limit_seconds=settings.workflow_deadline_seconds,
        may_block=parts.payloads.external_storage is not None,
    )
    decisions = Decisions(
        parts.payloads,
        parts.machines,
        limits=lambda: registration.offer.limits,
        # Servers that list no extensions may not accept additional fields.
        names_waits=lambda: bool(registration.offer.extensions),
        notes_signals=lambda: PASSED_SIGNALS in registration.offer.extensions,
    )
    workflow = WorkflowTasks(
        definitions.workflows,
        code=code,
        decisions=decisions,
        machines=parts.machines,
        reporter=parts.reporter,
        histories=Histories(parts.transport, identity.worker_id),
        keeps_history=lambda: registration.uses(STICKY_HISTORY),
    )
    foresight = Foresight(
        definitions.workflows,
        code=code,
        decisions=decisions,
        machines=parts.machines,
        keeps_history=lambda: registration.uses(STICKY_HISTORY),
        limits=lambda: registration.offer.limits,
        passes_on=lambda: parts.standing.passes_on,
    )
    return Handlers(
        workflow=workflow,
        activity=ActivityTasks(
            definitions.activities,
            transport=parts.transport,
            worker_id=identity.worker_id,
            payloads=parts.payloads,
            threads=parts.threads.activity,
            reporter=parts.reporter,
            held=parts.held,
            interceptors=parts.interceptors,
            decide=_ahead(identity, foresight, parts).decide,
        ),
        query=QueryTasks(
            definitions.workflows,
            payloads=parts.payloads,
            threads=parts.threads.workflow,
            machines=parts.machines,
        ),
    )


def _ahead(identity: Identity, foresight: Foresight, parts: HandlerParts) -> AheadDecisions:
    return AheadDecisions(
        foresight,
        parts.machines,
        parts.standing,
        metrics=parts.metrics,
        task_queue=identity.task_queue,
        wanted=not parts.interceptors,
    )
