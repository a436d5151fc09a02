"""Runs: the row that changes often, and the cold half."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Collection
from typing import Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import PastTask, Run, RunDetails
from durable_workflow.server.ids import paired
from durable_workflow.server.records import large_strings
from durable_workflow.server.records import search_attributes as attribute_records
from durable_workflow.server.records.columns import (
    Params,
    fields_from,
    text,
    value,
    values_from,
    values_of,
)
from durable_workflow.server.records.fairness import ReadyClass
from durable_workflow.server.records.packing import packed, unpacked
from durable_workflow.server.store.protocol import Key, Read, Row, Tx

_params = values_from(Run, "run_id")
# What changes only when a run ends, or later.
_CONTEXT = Run.__struct_fields__.index("task_context")
_END = ("status", "closed_reason", "closed_at", "continued_to_run_id", "archived_at")
# The namespace of runs that were removed: no caller can name it.
REMOVED: Final = ""
# So many bytes of a digest tell the sessions of one worker apart.
_SESSION: Final = 6
_CHANGES = (*(name for name in fields_from(Run, "status") if name not in _END), "run_id")
_changes = values_of(*_CHANGES)
_end = values_of(*_END, "run_id")
_past_task_params = values_from(PastTask, "task_id")


def load(row: Row) -> Run:
    """A run of its row."""
    run = Run(*row)
    run.warned = run.warned == 1
    run.holds = run.holds == 1
    run.task_ordinary = run.task_ordinary == 1
    run.updates_wait = run.updates_wait == 1
    context: bytes | None = row[_CONTEXT]
    run.task_context = None if context is None else unpacked(context).decode()
    return run


def find(read: Read, run_id: str) -> Run | None:
    """One run, or None where there is none, or it was removed and its rows are still going."""
    row = read.one("run_by_id", run_id=run_id)
    run = None if row is None else load(row)
    return None if run is None or run.namespace == REMOVED else run


def lock(tx: Tx, run_id: str) -> Run | None:
    """One run, locked with everything that belongs to it; or None."""
    tx.lock(Key.run(run_id))
    return find(tx, run_id)


def by_task(read: Read, namespace: str, task_id: str) -> Run | None:
    """The run whose open workflow task this is."""
    row = read.one("run_by_task", task_id=task_id, namespace=namespace)
    return None if row is None else load(row)


def of_past_task(read: Read, namespace: str, task_id: str) -> tuple[str, str] | None:
    """How a workflow task that is over ended, and its run."""
    row = read.one(
        "run_of_past_task", task_id=task_id, of_activity=paired(task_id), namespace=namespace
    )
    return None if row is None else (row[0], row[1])


def claimable(
    tx: Tx,
    namespace: str,
    task_queue: str,
    *,
    worker_id: str,
    build_id: str | None,
    types: list[str],
    of: ReadyClass,
    busy: Collection[str] = (),
) -> Run | None:
    """The run of a class whose ready task a worker should get next, where nobody holds it.

    Args:
        busy: Workers that tasks are not kept for now.
    """
    found = tx.take(
        "claimable_run",
        most=1,
        namespace=namespace,
        task_queue=task_queue,
        worker_id=worker_id,
        build_id=build_id,
        types=text(types),
        busy=text(list(busy)),
        priority=of.priority,
        **{"class": of.name},
        now=tx.now,
    )
    return load(found[0]) if found else None


def claimed_by_request(
    tx: Tx, namespace: str, task_queue: str, worker_id: str, poll_request_id: str
) -> Run | None:
    """The run whose task was handed out to this poll before."""
    row = tx.one(
        "run_claimed_by_request",
        namespace=namespace,
        task_queue=task_queue,
        worker_id=worker_id,
        poll_request_id=poll_request_id,
        now=tx.now,
    )
    return None if row is None else load(row)


def kept_for(read: Read, namespace: str, task_queue: str, worker_id: str) -> int:
    """How many ready workflow tasks of a queue are held back for a worker."""
    row = read.one(
        "runs_kept_for",
        namespace=namespace,
        task_queue=task_queue,
        worker_id=worker_id,
        now=read.now,
    )
    assert row is not None
    count: int = row[0]
    return count


def insert(tx: Tx, run: Run) -> None:
    """Write a new run."""
    tx.do_many("insert_run", [_with_packed_context(_params(run), _CONTEXT)])


def save(tx: Tx, run: Run) -> None:
    """Write everything of a run that may change."""
    changes = _with_packed_context(_changes(run), _CHANGES.index("task_context"))
    tx.do_many("save_run", [changes])
    if run.closed:
        tx.do_many("close_run", [_end(run)])


def _with_packed_context(values: Row, at: int) -> Row:
    context = values[at]
    if not isinstance(context, str):
        return values
    return (*values[:at], packed(context.encode()), *values[at + 1 :])


def is_reported(
    read: Read, namespace: str, task_id: str, worker_id: str, session: str, attempt: int
) -> bool:
    """Whether a session has reported this attempt of a workflow task, which ended with that."""
    row = read.one(
        "reported_workflow_task",
        task_id=task_id,
        of_activity=paired(task_id),
        namespace=namespace,
        worker_id=worker_id,
        session=session,
        kept_session=kept_session(session) or "",
        attempt=attempt,
    )
    return row is not None


def insert_past_task(tx: Tx, past: PastTask) -> None:
    """Remember a workflow task that is over."""
    kept = msgspec.structs.replace(past, lease_session=kept_session(past.lease_session))
    tx.do_many("insert_past_task", [_past_task_params(kept)])


@functools.lru_cache(maxsize=1024)
def kept_session(session: str | None) -> str | None:
    """A session as tasks that are over name it: it is only compared, so a digest is enough."""
    if not session:
        return None
    digest = hashlib.blake2s(session.encode(), digest_size=_SESSION).digest()
    return base64.b64encode(digest).decode()


def past_tasks(read: Read, run_id: str, *, after: str, most: int) -> list[PastTask]:
    """The workflow tasks of a run that are over, behind an id, in order, at most so many."""
    found = read.all("past_tasks_of_run", run_id=run_id, after=after, most=most)
    return [PastTask(*row) for row in found]


def details(read: Read, run_id: str) -> RunDetails:
    """The cold half of a run, which there must be."""
    row = read.one("run_details", run_id=run_id)
    assert row is not None
    found_id, arguments, key, memo, attributes, output, failure, continued_from, archive = row
    return RunDetails(
        found_id,
        large_strings.decoded(read, run_id, arguments),
        key,
        value(memo),
        value(attributes),
        large_strings.decoded(read, run_id, output),
        large_strings.decoded(read, run_id, failure),
        continued_from,
        value(archive),
    )


def arguments(read: Read, run_id: str) -> JsonObject | None:
    """What a run was started with."""
    found: JsonObject | None = value(encoded_arguments(read, run_id))
    return found


def encoded_arguments(read: Read, run_id: str) -> bytes | None:
    """What a run was started with, as JSON."""
    row = read.one("run_arguments", run_id=run_id)
    assert row is not None
    return large_strings.encoded(read, run_id, row[0])


def insert_details(tx: Tx, run: Run, details: RunDetails) -> None:
    """Write the cold half of a new run, and what it is found by."""
    params: Params = {
        "run_id": details.run_id,
        "arguments": large_strings.text(tx, run.run_id, details.arguments),
        "business_key": details.business_key,
        "memo": text(details.memo),
        "search_attributes": text(details.search_attributes),
        "output": large_strings.text(tx, run.run_id, details.output),
        "failure": large_strings.text(tx, run.run_id, details.failure),
        "continued_from_run_id": details.continued_from_run_id,
        "archive": text(details.archive),
        "folded": f"{run.workflow_id}\n{details.business_key or ''}".casefold(),
    }
    tx.do("insert_run_details", **params)
    if details.search_attributes:
        attribute_records.index(tx, run, details.search_attributes)


def save_search_attributes(tx: Tx, run: Run, attributes: JsonObject) -> None:
    """Write the merged search attributes of a run."""
    tx.do("save_search_attributes", run_id=run.run_id, search_attributes=text(attributes))
    tx.do("delete_run_attributes", run_id=run.run_id)
    attribute_records.index(tx, run, attributes)


def save_outcome(tx: Tx, run_id: str, output: object, failure: JsonObject | None) -> None:
    """Write how a run ended."""
    tx.do(
        "save_run_outcome",
        run_id=run_id,
        output=large_strings.text(tx, run_id, output),
        failure=large_strings.text(tx, run_id, failure),
    )


def save_archive(tx: Tx, run_id: str, archive: JsonObject) -> None:
    """Write who archived a run, and why."""
    tx.do("save_archive", run_id=run_id, archive=text(archive))
