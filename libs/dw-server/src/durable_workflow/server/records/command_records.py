"""Commands of callers to workflow ids, carried out or refused."""

from __future__ import annotations

from typing import Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.payloads import uris_of
from durable_workflow.server.records import external_payloads
from durable_workflow.server.records.columns import text, value
from durable_workflow.server.records.packing import packed, unpacked
from durable_workflow.server.store.protocol import Read, Row, Tx

# Of a command that came with nothing: unlike a command whose payload is found elsewhere.
NO_PAYLOAD: Final[JsonObject] = {}


class CommandRecord(msgspec.Struct, kw_only=True):
    """A command of a caller to a workflow id.

    Attributes:
        name: The operation, as recorded: ``start``, ``signal``, …
        metadata: The call's parameters that are no payload.
        payload: What the caller sent, where neither the run's history nor its arguments have it:
            an envelope, or `NO_PAYLOAD`. None where they do.
    """

    name: str
    workflow_id: str
    run_id: str
    sequence: int
    command_id: str
    target_name: str | None = None
    target_scope: str = "instance"
    request_id: str | None = None
    status: str = "accepted"
    outcome: str | None = None
    rejection_reason: str | None = None
    metadata: JsonObject = msgspec.field(default_factory=dict)
    payload: JsonObject | None = None


def insert(tx: Tx, namespace: str, command: CommandRecord, context: JsonObject) -> None:
    """Write a command with who asked for it."""
    tx.do(
        "insert_command",
        command_id=command.command_id,
        namespace=namespace,
        workflow_id=command.workflow_id,
        run_id=command.run_id,
        sequence=command.sequence,
        type=command.name,
        target_name=command.target_name,
        target_scope=command.target_scope,
        status=command.status,
        outcome=command.outcome,
        rejection_reason=command.rejection_reason,
        request_id=command.request_id,
        context=packed(msgspec.json.encode(context)),
        created_at=tx.now,
        payload=text(command.payload),
    )
    external_payloads.hold(tx, command.run_id, uris_of(command.payload))


def accepted(
    read: Read, namespace: str, workflow_id: str, name: str, target_name: str, request_id: str
) -> CommandRecord | None:
    """The command that was carried out with this request id, or None."""
    row = read.one(
        "accepted_command",
        namespace=namespace,
        workflow_id=workflow_id,
        type=name,
        target_name=target_name,
        request_id=request_id,
    )
    if row is None:
        return None
    run_id, sequence, command_id, scope, outcome = row
    return CommandRecord(
        name=name,
        workflow_id=workflow_id,
        run_id=run_id,
        sequence=sequence,
        command_id=command_id,
        target_name=target_name,
        target_scope=scope,
        request_id=request_id,
        outcome=outcome,
    )


class StoredCommand(msgspec.Struct, frozen=True):
    """A command as it was stored.

    Attributes:
        context: Who asked, through which request.
        created_at: When it was carried out or refused.
    """

    record: CommandRecord
    context: JsonObject
    created_at: int


def of_run(read: Read, run_id: str, *, after: int, most: int) -> list[StoredCommand]:
    """The commands about a run behind a number, in order, at most so many."""
    return [
        _load(row) for row in read.all("commands_of_run", run_id=run_id, after=after, most=most)
    ]


def context(read: Read, run_id: str, sequence: int) -> bytes | None:
    """Who asked for a command about a run, as JSON; None where it is not stored."""
    row = read.one("context_of_command", run_id=run_id, sequence=sequence)
    return None if row is None else unpacked(row[0])


def start_of_key(read: Read, namespace: str, workflow_id: str, key: str) -> StoredCommand | None:
    """The start of a workflow id that came with this idempotency key, or None."""
    row = read.one("start_of_key", namespace=namespace, workflow_id=workflow_id, request_id=key)
    return None if row is None else _load(row)


def _load(row: Row) -> StoredCommand:
    *columns, context, created_at, payload = row
    fields = dict(zip(_COLUMNS, columns, strict=True))
    record = CommandRecord(**fields, payload=value(payload))
    return StoredCommand(record, msgspec.json.decode(unpacked(context)), created_at)


_COLUMNS: Final = (
    "command_id",
    "workflow_id",
    "run_id",
    "sequence",
    "name",
    "target_name",
    "target_scope",
    "status",
    "outcome",
    "rejection_reason",
    "request_id",
)
