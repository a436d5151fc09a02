"""Questions about runs: whom to ask, what to send along, and what the answer means."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from durable_workflow.server.engine.state import LEASED, Run, as_object, shown_status
from durable_workflow.server.querying.board import Answered, Failed, Outcome, Posted
from durable_workflow.server.querying.question import QUERY, UPDATE_VALIDATION, Question
from durable_workflow.server.services import history, rows, targets, workers
from durable_workflow.server.services.decoding import decoded
from durable_workflow.server.services.payloads import envelope
from durable_workflow.server.services.refusals import Refused
from durable_workflow.server.services.replies import Reply
from durable_workflow.server.services.requests import (
    QueryWorkflow,
    UpdateWorkflow,
)
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.services.targets import Target
from durable_workflow.server.services.workers import Worker
from durable_workflow.server.store.protocol import Read, Store

_VALIDATION = "update_validation"
_STICKY = "sticky_history"
_UNAVAILABLE = "query_worker_unavailable"
_INCOMPATIBLE = "query_worker_incompatible"
_REFUSALS = ("rejected_unknown_query", "query_not_found", "invalid_query_arguments")


def prepare(
    read: Read,
    namespace: str,
    request: QueryWorkflow,
    settings: ServiceSettings,
    pollers: Collection[str],
) -> Question:
    """The question behind a query. Runs that have ended are asked about like others.

    Args:
        pollers: Workers known to poll for questions, whatever they said when they registered.
    Raises:
        Refused: There is no such workflow, or no worker that could answer.
    """
    target = targets.find(read, namespace, request.workflow_id, request.run_id)
    question = _question(read, target, QUERY, request.query_name)
    question.arguments = envelope(request.arguments)
    live = [
        worker
        for worker in _live_workers(read, target, settings)
        if "query_tasks" in worker.capabilities or worker.worker_id in pollers
    ]
    run = target.run
    if not live:
        text = (
            f"No live worker of task queue '{run.task_queue}' answers queries of workflow type "
            f"'{run.workflow_type}': start one that serves the type, or try again once it has "
            "registered."
        )
        raise _failure(target, request.query_name, _UNAVAILABLE, text)
    if not any(_is_compatible(question, worker) for worker in live):
        text = (
            f"No live worker of task queue '{run.task_queue}' runs build '{question.build_id}', "
            "which the run is pinned to."
        )
        raise _failure(target, request.query_name, _INCOMPATIBLE, text)
    return question


def prepare_validation(
    read: Read, namespace: str, request: UpdateWorkflow, settings: ServiceSettings
) -> Question | None:
    """The question whether an update may be accepted; None where nobody offers to say."""
    target = targets.find(read, namespace, request.workflow_id, request.run_id)
    if target.run.closed:
        return None
    question = _question(read, target, UPDATE_VALIDATION, request.update_name)
    question.arguments = envelope(request.arguments)
    question.capability = _VALIDATION
    for worker in _live_workers(read, target, settings):
        if _VALIDATION in worker.capabilities and _is_compatible(question, worker):
            return question
    return None


def suits(question: Question, worker: Worker) -> bool:
    """Whether a worker that polls may be given a question."""
    if question.kind == UPDATE_VALIDATION and _VALIDATION not in worker.capabilities:
        return False
    return _knows(worker, question.workflow_type) and _is_compatible(question, worker)


async def task(store: Store, posted: Posted, worker: Worker) -> dict[str, Any]:
    """The query task that a worker gets: the run as it is now, with its history.

    Signals and updates that were acknowledged and wait for the run's leased task follow behind
    `buffered_after_sequence`, with the sequences that they would get now.

    The worker that kept the run's machine gets what that has not seen (`sticky_history`). If it
    has it no more it says so, and the question is offered again with the whole history.
    """
    question = posted.question

    def look(read: Read) -> tuple[Run | None, list[bytes]]:
        found = rows.load_run(read, question.run_id)
        return found, [] if found is None else history.buffered_records(read, found)

    run, buffered = await store.read(look)
    assert run is not None
    after = 0
    if not posted.whole and not buffered and _may_ask_kept(question, run, worker):
        after = run.sticky_sequence
    posted.partial = after > 0
    last = run.last_sequence
    body: dict[str, Any] = posted.members() | {
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
    if posted.partial:
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


def answer(question: Question, scope: str, outcome: Outcome) -> Reply:
    """What the caller of a query is told."""
    body: dict[str, Any] = {
        "workflow_id": question.workflow_id,
        "run_id": question.run_id,
        "target_scope": scope,
        "query_name": question.name,
        "result": None,
    }
    if isinstance(outcome, Answered):
        opened = decoded(outcome.envelope)
        body["result"] = outcome.result if opened is None else opened
        body["result_envelope"] = outcome.envelope
        return Reply(body | {"reason": None})
    if isinstance(outcome, Failed):
        # What a worker says is its own; only some of its words have a meaning here.
        reason = outcome.reason if outcome.reason in _REFUSALS else "query_rejected"
        if reason == "invalid_query_arguments":
            body["validation_errors"] = {"input": [outcome.message]}
        return Reply(body | {"reason": outcome.reason, "message": outcome.message}, reason=reason)
    text = (
        "Timed out waiting for a worker to execute the workflow query."
        if outcome.claimed
        else "Timed out waiting for a worker to take the workflow query."
    )
    reason = "query_worker_timeout"
    return Reply(body | {"reason": reason, "message": text}, reason=reason)


def refusal_of(outcome: Outcome) -> tuple[str, str] | None:
    """Why an update must not be accepted: reason and message; None where nothing speaks against it.

    A worker that cannot say (it is slow, or cannot rebuild the state) does not hold an update up:
    it asks the validator again when it applies it.
    """
    if isinstance(outcome, Failed) and outcome.reason == "update_rejected":
        unknown = outcome.type == "UnknownUpdate"
        return ("unknown_update" if unknown else "update_rejected"), outcome.message
    said = as_object(outcome.result) if isinstance(outcome, Answered) else None
    if said is not None and said.get("accepted") is False:
        return "update_rejected", str(said.get("message") or "update rejected")
    return None


def _question(read: Read, target: Target, kind: Any, name: str) -> Question:
    run = target.run
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
        workflow_arguments=rows.load_arguments(read, run.run_id),
        arguments=None,
        build_id=run.compatibility,
    )


def _live_workers(read: Read, target: Target, settings: ServiceSettings) -> list[Worker]:
    run = target.run
    return [
        worker
        for worker in workers.of_queue(read, run.namespace, run.task_queue)
        if worker.runtime != "php"
        and worker.is_live(read.now, settings)
        and _knows(worker, run.workflow_type)
    ]


def _may_ask_kept(question: Question, run: Run, worker: Worker) -> bool:
    """Whether the worker keeps a machine that can answer.

    While a task is leased its worker uses the machine. A validator is to see the updates before
    its own applied, which a machine that goes on must not be shown.
    """
    if _STICKY not in worker.capabilities or worker.worker_id != run.sticky_worker:
        return False
    foresees = question.kind == UPDATE_VALIDATION and run.pending_updates
    return run.task_status != LEASED and not foresees


def _knows(worker: Worker, workflow_type: str) -> bool:
    return not worker.workflow_types or workflow_type in worker.workflow_types


def _is_compatible(question: Question, worker: Worker) -> bool:
    return question.build_id is None or question.build_id == worker.build_id


def _failure(target: Target, query_name: str, reason: str, message: str) -> Refused:
    return Refused(
        reason,
        message,
        extra={
            "workflow_id": target.run.workflow_id,
            "run_id": target.run.run_id,
            "target_scope": target.scope,
            "query_name": query_name,
            "result": None,
        },
    )
