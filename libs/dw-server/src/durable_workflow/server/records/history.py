"""History records, each encoded once, and buffered events and held results."""

from __future__ import annotations

from collections.abc import Sequence

from durable_workflow.server.engine.decision import Event
from durable_workflow.server.engine.state import BufferedEvent, KnownStep, Resolution, Run
from durable_workflow.server.records.columns import text, value, values_from
from durable_workflow.server.records.packing import packed, unpacked
from durable_workflow.server.store.protocol import Read, Tx

_outcome_params = values_from(Resolution, "sequence")


def insert(tx: Tx, events: Sequence[Event]) -> None:
    """Append records to histories."""
    tx.do_many(
        "insert_event",
        [
            (event.run_id, event.sequence, event.event_type, packed(event.record))
            for event in events
        ],
    )


def between(read: Read, run_id: str, after: int, upto: int, most: int) -> list[bytes]:
    """Encoded records behind `after` up to `upto`, in order, at most `most`."""
    if after >= upto:
        return []
    found = read.all("history_after", run_id=run_id, after=after, upto=upto, most=most)
    return [unpacked(record) for (record,) in found]


def newest(read: Read, run_id: str, after: int, types: Sequence[str], most: int) -> list[bytes]:
    """The newest records behind `after` whose type is among `types`, newest first."""
    found = read.all("recent_events", run_id=run_id, after=after, types=text(types), most=most)
    return [unpacked(record) for (record,) in found]


def buffered_events(read: Read, run: Run) -> list[BufferedEvent]:
    """The buffered events of a run, oldest first; asks only where there are any."""
    if not run.buffered:
        return []
    rows = read.all("buffered_events", run_id=run.run_id)
    return [
        BufferedEvent(kind, ref, event_type, payload, command_id, value(context))
        for kind, ref, event_type, payload, command_id, context in rows
    ]


def insert_buffered_event(tx: Tx, run_id: str, event: BufferedEvent) -> None:
    """Buffer an event behind those that are there."""
    tx.do(
        "insert_buffered_event",
        run_id=run_id,
        kind=event.kind,
        ref=event.ref,
        event_type=event.event_type,
        payload=event.payload,
        command_id=event.command_id,
        context=text(event.context),
    )


def delete_buffered_events(tx: Tx, run_id: str) -> None:
    """Delete the buffered events of a run."""
    tx.do("delete_buffered_events", run_id=run_id)


def held_results(read: Read, run_id: str) -> list[Resolution]:
    """The held results of a run, in member order."""
    return [Resolution(*row) for row in read.all("held_results", run_id=run_id)]


def insert_held_results(tx: Tx, run_id: str, outcomes: Sequence[Resolution]) -> None:
    """Hold results until their batch is complete."""
    tx.do_many(
        "insert_held_results",
        [(run_id, *_outcome_params(outcome)) for outcome in outcomes],
    )


def delete_held_results(tx: Tx, run_id: str) -> None:
    """Delete the held results of a run."""
    tx.do("delete_held_results", run_id=run_id)


def batch_members(read: Read, run: Run) -> list[KnownStep]:
    """The members of the current batch, in order."""
    if not run.batch_size:
        return []
    rows = read.all("batch_members", run_id=run.run_id, first=run.batch_first)
    return [KnownStep(*row) for row in rows]
