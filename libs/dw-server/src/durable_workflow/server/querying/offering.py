"""Offering questions to workers: who may be asked, and what they are sent."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from durable_workflow.server.engine.state import LEASED, Run, shown_status
from durable_workflow.server.querying.board import QueryBoard
from durable_workflow.server.querying.posted import Asker, Claim
from durable_workflow.server.querying.question import QUERY, UPDATE_VALIDATION, Kind, Question
from durable_workflow.server.records import runs, workers
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.requests import FailQueryTask, PollTask
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import targets
from durable_workflow.server.store.protocol import Read, Store
from durable_workflow.server.views import history

_STICKY: Final = "sticky_history"
# What a worker says at registration that it can be asked.
_CAPABILITIES: Final = {QUERY: "query_tasks", UPDATE_VALIDATION: "update_validation"}


def about(read: Read, run: Run, kind: Kind, name: str, *, follows: bool) -> Question:
    """A question about a run, without arguments."""
    return Question(
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
    read: Read, question: Question, settings: ServiceSettings, pollers: Collection[str] = ()
) -> list[Worker]:
    """Live workers that could be asked, of whatever build.

    Args:
        pollers: Workers known to poll for questions, whatever they said when they registered.
    """
    capability = _CAPABILITIES[question.kind]
    return [
        worker
        for worker in workers.of_queue(read, question.namespace, question.task_queue)
        if worker.runtime != "php"
        and worker.is_live(read.now, settings.missed_heartbeats)
        and _knows(worker, question.workflow_type)
        and (
            capability in worker.capabilities
            or (question.kind == QUERY and worker.worker_id in pollers)
        )
    ]


def is_compatible(question: Question, worker: Worker) -> bool:
    """Whether a worker runs the build that the run is pinned to, if it is."""
    return question.build_id is None or question.build_id == worker.build_id


async def claim(
    store: Store, board: QueryBoard, asked: PollTask, worker: Worker
) -> dict[str, Any] | None:
    """The query task for a worker that polls; None where there is no question for it."""
    board.note_poll(worker.namespace, worker.task_queue, worker.worker_id)
    while True:
        claimed = board.claim(
            worker.namespace,
            worker.task_queue,
            worker_id=worker.worker_id,
            poll_request_id=asked.poll_request_id,
            asker=lambda question: _asker(question, worker),
        )
        if claimed is None:
            return None
        try:
            task = await _task(store, board, claimed, worker)
        except BaseException:
            board.free(claimed)
            raise
        if task is not None:
            return task


async def fail(
    store: Store,
    board: QueryBoard,
    namespace: str,
    request: FailQueryTask,
    settings: ServiceSettings,
) -> dict[str, Any]:
    """Take the reason why a worker gives no answer; another one may be asked.

    Raises:
        Refused: The question is not the caller's to answer.
    """
    question = board.question(namespace, request.owner)
    others: list[Asker] = []
    if question is not None:
        pollers = board.pollers(namespace, question.task_queue)
        live = await store.read(lambda read: capable_workers(read, question, settings, pollers))
        askers = (_asker(question, worker) for worker in live if worker.left_at is None)
        others = [asker for asker in askers if asker is not None]
    return board.fail(namespace, request, others)


def _asker(question: Question, worker: Worker) -> Asker | None:
    """A worker as a question sees it; None where it may not be given the question."""
    validates = question.kind == UPDATE_VALIDATION
    if validates and UPDATE_VALIDATION not in worker.capabilities:
        return None
    if not _knows(worker, question.workflow_type) or not is_compatible(question, worker):
        return None
    version = worker.fingerprints.get(question.workflow_type)
    return Asker(worker.worker_id, worker.session, version)


def _knows(worker: Worker, workflow_type: str) -> bool:
    return not worker.workflow_types or workflow_type in worker.workflow_types


async def _task(
    store: Store, board: QueryBoard, claimed: Claim, worker: Worker
) -> dict[str, Any] | None:
    """The query task that a worker gets: the run as it is now, with its history.

    Signals and updates that were acknowledged and wait for the run's leased task follow behind
    `buffered_after_sequence`, with the sequences that they would get now.

    The worker that kept the run's machine gets what that has not seen (`sticky_history`). If it
    has it no more it says so, and the question is offered again with the whole history.

    Returns:
        None where the run has continued as new, and the question went on to the next one.
    """
    posted = claimed.posted
    question = posted.question

    def look(read: Read) -> tuple[Run | None, list[bytes], Question | None]:
        found = runs.find(read, question.run_id)
        if found is None:
            return None, [], None
        return found, history.buffered_records(read, found), _moved(read, question, found)

    run, buffered, moved = await store.read(look)
    assert run is not None
    if moved is not None:
        board.move(claimed, moved)
        return None
    after = 0
    if not posted.whole and not buffered and _may_ask_kept(question, run, worker):
        after = run.sticky_sequence
    claimed.partial = after > 0
    last = run.last_sequence
    body: dict[str, Any] = claimed.members() | {
        "workflow_id": question.workflow_id,
        "run_id": question.run_id,
        "workflow_type": question.workflow_type,
        "payload_codec": question.codec,
        "workflow_arguments": question.workflow_arguments,
        "query_arguments": question.arguments,
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
        "task_queue": question.task_queue,
    }
    if claimed.partial:
        body["history_after_sequence"] = after
    if buffered:
        body["buffered_after_sequence"] = last
    if question.kind == QUERY:
        body["query_name"] = question.name
    else:
        body["task_kind"] = question.kind
        body["update_name"] = question.name
        body["arguments"] = question.arguments
    return body


def _moved(read: Read, question: Question, run: Run) -> Question | None:
    """The question about the run that has taken the place of the one that it was asked about.

    Signals that were acknowledged before it was asked may have gone on to that one.
    """
    if not question.follows or run.continued_to_run_id is None:
        return None
    current = targets.find(read, question.namespace, question.workflow_id, None).run
    moved = about(read, current, question.kind, question.name, follows=True)
    moved.arguments = question.arguments
    return moved


def _may_ask_kept(question: Question, run: Run, worker: Worker) -> bool:
    """Whether the worker keeps a machine that can answer.

    While a task is leased its worker uses the machine. A validator is to see the updates before
    its own applied, which a machine that goes on must not be shown.
    """
    if _STICKY not in worker.capabilities or worker.worker_id != run.sticky_worker:
        return False
    foresees = question.kind == UPDATE_VALIDATION and run.pending_updates
    return run.task_status != LEASED and not foresees
