"""Queries about runs: find workers to ask, and read their answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from durable_workflow._wire.json_values import dict_or_none
from durable_workflow.server.querying.offering import about, capable_workers, is_compatible
from durable_workflow.server.querying.query import QUERY, UPDATE_VALIDATION, Kind, Query
from durable_workflow.server.querying.query_task import Answered, Failed, Outcome
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    QueryWorkflow,
    UpdateWorkflow,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import targets
from durable_workflow.server.services.payloads import envelope
from durable_workflow.server.services.targets import Target
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views.decoding import decoded

_UNAVAILABLE = "query_worker_unavailable"
_INCOMPATIBLE = "query_worker_incompatible"
_REFUSALS = ("rejected_unknown_query", "query_not_found", "invalid_query_arguments")


def prepare(
    read: Read,
    namespace: str,
    request: QueryWorkflow,
    settings: ServiceSettings,
    pollers: Collection[str],
) -> Query:
    """The query to put to workers. Runs that have ended are asked about like others.

    Args:
        pollers: Workers known to poll for query tasks, whatever they said when they registered.
    Raises:
        Refused: There is no such workflow, or no worker that could answer.
    """
    target = targets.find(read, namespace, request.workflow_id, request.run_id)
    if target.run.hosts_activity:
        text = "A standalone activity answers no queries."
        raise _failure(target, request.query_name, "rejected_unknown_query", text)
    query = _query(read, target, QUERY, request.query_name)
    query.arguments = envelope(request.arguments)
    live = capable_workers(read, query, settings, pollers)
    run = target.run
    if not live:
        text = (
            f"No live worker of task queue '{run.task_queue}' answers queries of workflow type "
            f"'{run.workflow_type}': start one that serves the type, or try again once it has "
            "registered."
        )
        raise _failure(target, request.query_name, _UNAVAILABLE, text)
    if not any(is_compatible(query, worker) for worker in live):
        text = (
            f"No live worker of task queue '{run.task_queue}' runs build '{query.build_id}', "
            "which the run is pinned to."
        )
        raise _failure(target, request.query_name, _INCOMPATIBLE, text)
    return query


def prepare_validation(
    read: Read, namespace: str, request: UpdateWorkflow, settings: ServiceSettings
) -> Query | None:
    """The query whether an update may be accepted; None where nobody offers to say."""
    target = targets.find(read, namespace, request.workflow_id, request.run_id)
    if target.run.closed or target.run.hosts_activity:
        return None
    query = _query(read, target, UPDATE_VALIDATION, request.update_name)
    query.arguments = envelope(request.arguments)
    live = capable_workers(read, query, settings)
    return query if any(is_compatible(query, worker) for worker in live) else None


def answer(query: Query, scope: str, outcome: Outcome) -> Reply:
    """What the caller of a query is told."""
    body: dict[str, Any] = {
        "workflow_id": query.workflow_id,
        "run_id": query.run_id,
        "target_scope": scope,
        "query_name": query.name,
        "result": None,
    }
    if isinstance(outcome, Answered):
        opened = decoded(outcome.envelope)
        body["result"] = outcome.result if opened is None else opened
        body["result_envelope"] = outcome.envelope
        return Reply(body | {"reason": None})
    if isinstance(outcome, Failed):
        # A worker may send any reason; only some have a meaning here.
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

    A worker that cannot tell (it is slow, or cannot rebuild the state) does not hold an update up:
    the validator is called again when the update is applied.
    """
    if isinstance(outcome, Failed) and outcome.reason == "update_rejected":
        unknown = outcome.type == "UnknownUpdate"
        return ("unknown_update" if unknown else "update_rejected"), outcome.message
    said = dict_or_none(outcome.result) if isinstance(outcome, Answered) else None
    if said is not None and said.get("accepted") is False:
        return "update_rejected", str(said.get("message") or "update rejected")
    return None


def _query(read: Read, target: Target, kind: Kind, name: str) -> Query:
    return about(read, target.run, kind, name, follows=target.requested_run_id is None)


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
