"""Query tasks: which workers may get them, and their content."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from durable_workflow._wire.extensions import QUERY_TASKS, STICKY_HISTORY
from durable_workflow.server.engine.state import LEASED, Run, shown_status
from durable_workflow.server.querying.pending_queries import PendingQueries
from durable_workflow.server.querying.query import QUERY, UPDATE_VALIDATION, Kind, Query
from durable_workflow.server.querying.query_task import Asker, Claim
from durable_workflow.server.records import runs, workers
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.requests import FailQueryTask, PollTask
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import targets
from durable_workflow.server.store.protocol import Read, Store
from durable_workflow.server.views import history

# The capability that a worker must have registered, by kind of query.
_CAPABILITIES: Final = {QUERY: QUERY_TASKS, UPDATE_VALIDATION: "update_validation"}


def about(read: Read, run: Run, kind: Kind, name: str, *, follows: bool) -> Query:
    """A query about a run, without arguments."""
    return Query(
        kind=kind,
        name=name,
        namespace=run.namespace,
        task_queue=run.task_queue,
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        workflow_type=run.workflow_type,
        codec=run.codec,
        run_status=shown_status(run),
        workflow_arguments=runs.arguments(read, run.run_id),
        arguments=None,
        build_id=run.compatibility,
        follows=follows,
    )


def capable_workers(
    read: Read, query: Query, settings: ServiceSettings, pollers: Collection[str] = ()
) -> list[Worker]:
    """Live workers that could be asked, of whatever build.

    Args:
        pollers: Workers known to poll for query tasks, whatever they said when they registered.
    """
    capability = _CAPABILITIES[query.kind]
    return [
        worker
        for worker in workers.of_queue(read, query.namespace, query.task_queue)
        if worker.runtime != "php"
        and worker.is_live(read.now, settings)
        and _knows(worker, query.workflow_type)
        and (
            capability in worker.capabilities
            or (query.kind == QUERY and worker.worker_id in pollers)
        )
    ]


def is_compatible(query: Query, worker: Worker) -> bool:
    """Whether a worker runs the build that the run is pinned to, if it is."""
    return query.build_id is None or query.build_id == worker.build_id


async def claim(
    store: Store, queries: PendingQueries, asked: PollTask, worker: Worker
) -> dict[str, Any] | None:
    """The query task for a worker that polls; None where there is none for it."""
    queries.note_poll(worker.namespace, worker.task_queue, worker.worker_id)
    while True:
        claimed = queries.claim(
            worker.namespace,
            worker.task_queue,
            worker_id=worker.worker_id,
            poll_request_id=asked.poll_request_id,
            asker=lambda query: _asker(query, worker),
        )
        if claimed is None:
            return None
        try:
            task = await _task(store, queries, claimed, worker)
        except BaseException:
            queries.free(claimed)
            raise
        if task is not None:
            return task


async def fail(
    store: Store,
    queries: PendingQueries,
    namespace: str,
    request: FailQueryTask,
    settings: ServiceSettings,
) -> dict[str, Any]:
    """Take the reason why a worker gives no answer; another one may be asked.

    Raises:
        Refused: The query is not the caller's to answer.
    """
    query = queries.query(namespace, request.owner)
    others: list[Asker] = []
    if query is not None:
        pollers = queries.pollers(namespace, query.task_queue)
        live = await store.read(lambda read: capable_workers(read, query, settings, pollers))
        askers = (_asker(query, worker) for worker in live if worker.left_at is None)
        others = [asker for asker in askers if asker is not None]
    return queries.fail(namespace, request, others)


def _asker(query: Query, worker: Worker) -> Asker | None:
    """A worker as a query sees it; None where it may not be given the task."""
    validates = query.kind == UPDATE_VALIDATION
    if validates and UPDATE_VALIDATION not in worker.capabilities:
        return None
    if not _knows(worker, query.workflow_type) or not is_compatible(query, worker):
        return None
    version = worker.fingerprints.get(query.workflow_type)
    return Asker(worker.worker_id, worker.session, version)


def _knows(worker: Worker, workflow_type: str) -> bool:
    return not worker.workflow_types or workflow_type in worker.workflow_types


async def _task(
    store: Store, queries: PendingQueries, claimed: Claim, worker: Worker
) -> dict[str, Any] | None:
    """The query task that a worker gets: the run as it is now, with its history.

    Signals and updates that were acknowledged and wait for the run's leased task follow behind
    `buffered_after_sequence`, with the sequences that they would get now.

    The worker that kept the run's machine gets what that has not seen (`sticky_history`). If it
    has it no more it says so, and the query is offered again with the whole history.

    Returns:
        None where the run was removed, or has continued as new and the query went on to the next.
    """
    task = claimed.task
    query = task.query

    def look(read: Read) -> tuple[Run | None, list[bytes], Query | None]:
        found = runs.find(read, query.run_id)
        if found is None:
            return None, [], None
        return found, history.buffered_records(read, found), _moved(read, query, found)

    run, buffered, moved = await store.read(look)
    if run is None:
        queries.refuse(claimed, "The workflow run was removed.")
        return None
    if moved is not None:
        queries.move(claimed, moved)
        return None
    after = 0
    if not task.whole and not buffered and _may_ask_kept(query, run, worker):
        after = run.sticky_sequence
    claimed.partial = after > 0
    last = run.last_sequence
    body: dict[str, Any] = claimed.members() | {
        "workflow_id": query.workflow_id,
        "run_id": query.run_id,
        "workflow_type": query.workflow_type,
        "payload_codec": query.codec,
        "workflow_arguments": query.workflow_arguments,
        "query_arguments": query.arguments,
        "run_status": shown_status(run),
        "last_history_sequence": last + len(buffered),
        "history_events": await history.events(
            store,
            run.run_id,
            after,
            last,
            buffered=buffered,
            foreign=not worker.knows_extensions,
        ),
        "history_export": None,
        "task_queue": query.task_queue,
    }
    if claimed.partial:
        body["history_after_sequence"] = after
    if buffered:
        body["buffered_after_sequence"] = last
    if query.kind == QUERY:
        body["query_name"] = query.name
    else:
        body["task_kind"] = query.kind
        body["update_name"] = query.name
        body["arguments"] = query.arguments
    return body


def _moved(read: Read, query: Query, run: Run) -> Query | None:
    """The query about the run that has taken the place of the one that it was asked about.

    Signals that were acknowledged before it was asked may have gone on to that one.
    """
    if not query.follows or run.continued_to_run_id is None:
        return None
    current = targets.find(read, query.namespace, query.workflow_id, None).run
    moved = about(read, current, query.kind, query.name, follows=True)
    moved.arguments = query.arguments
    return moved


def _may_ask_kept(query: Query, run: Run, worker: Worker) -> bool:
    """Whether the worker keeps a machine that can answer.

    While a task is leased its worker uses the machine. A validator is to see the updates before
    its own applied, which a machine that goes on must not be shown.
    """
    if STICKY_HISTORY not in worker.capabilities or worker.worker_id != run.sticky_worker:
        return False
    foresees = query.kind == UPDATE_VALIDATION and run.pending_updates
    return run.task_status != LEASED and not foresees
