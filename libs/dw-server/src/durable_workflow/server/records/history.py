"""History records, each encoded once, and buffered events and held results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from durable_workflow.server.engine.decision import Event
from durable_workflow.server.engine.state import BufferedEvent, KnownStep, Resolution, Run
from durable_workflow.server.records import large_strings
from durable_workflow.server.records.columns import text, value, values_from
from durable_workflow.server.records.history_rows import (
    MOST_EVENTS,
    SOUGHT,
    SOUGHT_OF_HOST,
    records_of,
    rows_of,
)
from durable_workflow.server.records.packing import unpacked
from durable_workflow.server.store.protocol import Read, RecallKey, Row, Tx

# So many events of a run that closes are packed anew, which takes half a millisecond at most, where
# they are no larger on the average: payloads are not written twice.
_SHORT_EVENTS: Final = 100
_SMALL_BYTES: Final = 1024
# Histories of open runs that are at hand have so many bytes at most.
_AT_HAND_BYTES: Final = 8192


class _Typed(msgspec.Struct):
    event_type: str


_type_of = msgspec.json.Decoder(_Typed).decode

_held_result_params = values_from(Resolution, "sequence")


def insert(tx: Tx, run: Run, events: Sequence[Event]) -> None:
    """Append records to the history of a run.

    A short one is packed when its run closes, which mostly is soon. To pack each of its rows before
    that takes longer than to write them as they are.
    """
    packs = tx.saves_space and (run.closed or not _is_short(run))
    sought = SOUGHT_OF_HOST if run.hosts_activity else SOUGHT
    tx.do_together("insert_event", (run.run_id, packs, sought), _cut(tx, events), _rows)
    _remember(tx, run, events)


def _rows(group: tuple[str, bool, frozenset[str]], events: Sequence[Event]) -> list[Row]:
    """The rows of what one unit appends to a history: of a report, and of the claim behind it."""
    run_id, packs, sought = group
    return [
        (run_id, row.sequence, row.event_type, row.record, row.events)
        for row in rows_of(events, sought=sought, packs=packs)
    ]


def _is_short(run: Run) -> bool:
    return run.history_bytes <= _AT_HAND_BYTES and run.last_sequence <= _SHORT_EVENTS


def _remember(tx: Tx, run: Run, events: Sequence[Event]) -> None:
    """Keep a short history at hand: the claim of its task and its end read all of it."""
    known: tuple[bytes, ...] | None = None
    if _is_short(run):
        known = () if events[0].sequence == 1 else tx.recall(_recall_key(run.run_id))
        if known is not None:
            known += tuple(event.record for event in events)
    tx.remember(_recall_key(run.run_id), known)


def forget(tx: Tx, run_id: str) -> None:
    """The history of an open run goes, or becomes another one."""
    tx.remember(_recall_key(run_id), None)


def _recall_key(run_id: str) -> RecallKey:
    return "history", run_id


def close(tx: Tx, run: Run, events: Sequence[Event]) -> None:
    """Append the last records to the history of a run that closes, and pack a short one anew.

    What is packed together takes half of what it took in the rows of its units. A long history
    stays as it is: to pack it would hold up the others.
    """
    count = run.last_sequence
    is_small = run.history_bytes <= count * _SMALL_BYTES
    if not _is_short(run) and (count > _SHORT_EVENTS or not is_small):
        insert(tx, run, events)
        return
    before: list[Event] = []
    if events[0].sequence > 1:
        before = _open_events(tx, run.run_id)
        tx.do("delete_open_history", run_id=run.run_id)
        forget(tx, run.run_id)
    tx.do_many(
        "insert_closed_history",
        [
            (run.run_id, row.sequence, row.events, row.record)
            for row in rows_of(
                _cut(tx, [*before, *events]), sought=frozenset(), packs=tx.saves_space
            )
        ],
    )


def _open_events(tx: Tx, run_id: str) -> list[Event]:
    known: tuple[bytes, ...] | None = tx.recall(_recall_key(run_id))
    if known is not None:
        return [Event(run_id, sequence, "", record) for sequence, record in enumerate(known, 1)]
    found = tx.all("open_history", run_id=run_id)
    return [Event(run_id, sequence, "", record) for sequence, record in _records_of(found)]


def between(read: Read, run_id: str, after: int, upto: int, most: int) -> list[bytes]:
    """Encoded records behind `after` up to `upto`, in order, at most `most`."""
    upto = min(upto, after + most)
    if after >= upto:
        return []
    known: tuple[bytes, ...] | None = read.recall(_recall_key(run_id))
    if known is not None:
        return list(known[after:upto])
    found = read.all(
        "history_after", run_id=run_id, after=after, bound=upto + MOST_EVENTS, most=most
    )
    records: list[bytes] = []
    for sequence, events, record in found:
        first = sequence - events + 1
        if first > upto:
            break
        some = records_of(events, record)
        records += some[max(after + 1 - first, 0) : upto + 1 - first]
    return [large_strings.whole(read, run_id, record) for record in records]


def newest(read: Read, run_id: str, after: int, types: Sequence[str], most: int) -> list[bytes]:
    """The newest records behind `after` whose type is among `types`, newest first.

    Args:
        types: Among `SOUGHT`, or `SOUGHT_OF_HOST` where the run hosts an activity: events of other
            types share rows, where they are not found by their type.
    Raises:
        ValueError: A type is among neither.
    """
    if not SOUGHT_OF_HOST.issuperset(types):
        raise ValueError(f"events are not kept to be found by these types: {[*types]}")
    found = read.all("recent_events", run_id=run_id, after=after, types=text(types), most=most)
    records = [large_strings.whole(read, run_id, unpacked(record)) for (record,) in found]
    packed = _records_of(read.all("closed_history", run_id=run_id))
    for sequence, kept in reversed(packed):
        if sequence <= after or len(records) == most:
            break
        record = large_strings.whole(read, run_id, kept)
        if _type_of(record).event_type in types:
            records.append(record)
    return records


def _cut(tx: Tx, events: Sequence[Event]) -> list[Event]:
    """Events as they are kept, without their large strings."""
    return [
        event
        if len(event.record) < large_strings.LARGE
        else msgspec.structs.replace(
            event, record=large_strings.cut(tx, event.run_id, event.record)
        )
        for event in events
    ]


def _records_of(rows: Sequence[Row]) -> list[tuple[int, bytes]]:
    return [
        (sequence, record)
        for last, events, kept in rows
        for sequence, record in enumerate(records_of(events, kept), last - events + 1)
    ]


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


def insert_held_results(tx: Tx, run_id: str, results: Sequence[Resolution]) -> None:
    """Hold results until their batch is complete."""
    tx.do_many(
        "insert_held_results",
        [(run_id, *_held_result_params(result)) for result in results],
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
