"""Updates, from acceptance to outcome."""

from __future__ import annotations

import msgspec

from durable_workflow.server.engine.state import Update
from durable_workflow.server.records.columns import Params, text, value
from durable_workflow.server.store.protocol import Read, Row, Tx

_ARGUMENTS = Update.__struct_fields__.index("arguments")
_RESULT = Update.__struct_fields__.index("result")


def load(row: Row) -> Update:
    """An update of its row."""
    update = Update(*row)
    update.arguments = value(row[_ARGUMENTS])
    update.result = value(row[_RESULT])
    return update


def find(read: Read, update_id: str) -> Update | None:
    """One update, or None."""
    row = read.one("update_by_id", update_id=update_id)
    return None if row is None else load(row)


def by_request(
    read: Read, namespace: str, workflow_id: str, update_name: str, request_id: str
) -> Update | None:
    """The update that was asked for with this request id before."""
    row = read.one(
        "update_by_request",
        namespace=namespace,
        workflow_id=workflow_id,
        update_name=update_name,
        request_id=request_id,
    )
    return None if row is None else load(row)


def accepted_of_run(read: Read, run_id: str, most: int) -> list[Update]:
    """The accepted updates of a run that have no outcome, oldest first."""
    return [load(row) for row in read.all("accepted_updates", run_id=run_id, most=most)]


def insert(tx: Tx, update: Update) -> None:
    """Write an update that was accepted."""
    params: Params = msgspec.structs.asdict(update)
    params["arguments"], params["result"] = text(update.arguments), text(update.result)
    tx.do("insert_update", **params)


def save(tx: Tx, update: Update) -> None:
    """Write how an update stands."""
    tx.do(
        "save_update",
        update_id=update.update_id,
        run_id=update.run_id,
        status=update.status,
        applied_at=update.applied_at,
        rejected_at=update.rejected_at,
        closed_at=update.closed_at,
        workflow_sequence=update.workflow_sequence,
        result=text(update.result),
        failure_id=update.failure_id,
        failure_message=update.failure_message,
    )


def move(tx: Tx, run_id: str, to_run_id: str) -> None:
    """Have the accepted updates of a run go on with the next run."""
    tx.do("move_updates", run_id=run_id, to_run_id=to_run_id)


def end(tx: Tx, run_id: str, message: str) -> None:
    """End the accepted updates of a run that is over."""
    tx.do("end_updates", run_id=run_id, now=tx.now, message=message)
