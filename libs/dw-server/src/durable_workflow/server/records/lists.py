"""Runs as lists show them."""

from __future__ import annotations

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.records.columns import text, value
from durable_workflow.server.store.protocol import Read, Row


class ListedRun(msgspec.Struct, frozen=True):
    """A run of a namespace in a list."""

    workflow_id: str
    run_id: str
    workflow_type: str
    business_key: str | None
    task_queue: str
    status: str
    tasks_completed: int
    task_status: str | None
    started_at: int
    closed_at: int | None
    search_attributes: JsonObject


class NumberedRun(msgspec.Struct, frozen=True):
    """A run of a workflow id in a list."""

    run_id: str
    run_number: int
    workflow_type: str
    business_key: str | None
    task_queue: str
    status: str
    tasks_completed: int
    task_status: str | None
    started_at: int
    closed_at: int | None


def of_ids(read: Read, run_ids: list[str]) -> list[ListedRun]:
    """The runs of these ids, newest first."""
    found = read.all("listed_runs", run_ids=text(run_ids))
    return [_listed(row) for row in found]


def of_instance(read: Read, namespace: str, workflow_id: str) -> list[NumberedRun]:
    """All runs of a workflow id, first run first."""
    found = read.all("runs_of_instance", namespace=namespace, workflow_id=workflow_id)
    return [NumberedRun(*row) for row in found]


def _listed(row: Row) -> ListedRun:
    *fields, attributes = row
    return ListedRun(*[*fields, value(attributes)])
