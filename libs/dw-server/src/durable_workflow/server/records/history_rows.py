"""How the records of a history stand in rows: several small ones in one, packed together.

Records of one run repeat each other's ids and times, so a row of four takes less than two of them
alone. Large records have rows of their own, because nearly all of them is payload, and so do those
that are looked for by their type.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from durable_workflow._wire import names
from durable_workflow.server.engine.decision import Event
from durable_workflow.server.records.packing import LARGEST, packed, packed_together, unpacked

# The types that are looked for without reading a whole history.
SOUGHT: Final = frozenset(
    {
        names.ACTIVITY_FAILED,
        names.ACTIVITY_RETRY_SCHEDULED,
        names.ACTIVITY_TIMED_OUT,
        names.CHILD_RUN_CANCELLED,
        names.CHILD_RUN_FAILED,
        names.CHILD_RUN_TERMINATED,
        names.SIGNAL_NOT_APPLIED,
        names.UPDATE_COMPLETED,
        names.WORKFLOW_CANCELLED,
        names.WORKFLOW_FAILED,
        names.WORKFLOW_TERMINATED,
        names.WORKFLOW_TIMED_OUT,
    }
)

# Those that are looked for in the history of a run that hosts an activity.
SOUGHT_OF_HOST: Final = SOUGHT | {names.ACTIVITY_STARTED, names.ACTIVITY_HEARTBEAT_RECORDED}

# Whoever reads one record of a row unpacks all of it.
MOST_EVENTS: Final = 64
_MOST_BYTES: Final = 8192
_BETWEEN: Final = b"\n"
# To look for a byte by its number takes a tenth of what it takes as bytes.
_LINE_END: Final = _BETWEEN[0]


class HistoryRow(NamedTuple):
    """Records of a history that follow each other.

    Attributes:
        sequence: Of the last one.
        event_type: Of a single one; empty for several.
        events: How many there are.
        record: All of them, as they are kept.
    """

    sequence: int
    event_type: str
    events: int
    record: bytes


def rows_of(
    events: Iterable[Event], *, sought: frozenset[str] = SOUGHT, packs: bool = True
) -> list[HistoryRow]:
    """The rows for events of one run, in order.

    Args:
        sought: An event of one of these types gets a row of its own.
        packs: The rows are to be small.
    """
    rows: list[HistoryRow] = []
    together: list[Event] = []
    size = 0
    for event in events:
        alone = _is_alone(event.record) or event.event_type in sought
        size += len(event.record)
        if together and (
            alone
            or size > _MOST_BYTES
            or len(together) == MOST_EVENTS
            or event.sequence != together[-1].sequence + 1
        ):
            rows.append(_row(together, packs=packs))
            together, size = [], len(event.record)
        together.append(event)
        if alone:
            rows.append(_row(together, packs=packs))
            together, size = [], 0
    if together:
        rows.append(_row(together, packs=packs))
    return rows


def records_of(events: int, record: bytes) -> list[bytes]:
    """The records of a row."""
    text = unpacked(record)
    return [text] if events == 1 else text.split(_BETWEEN)


def _row(events: list[Event], *, packs: bool) -> HistoryRow:
    last = events[-1]
    if len(events) == 1:
        record = packed(last.record) if packs else last.record
        return HistoryRow(last.sequence, last.event_type, 1, record)
    text = _BETWEEN.join([event.record for event in events])
    record = packed_together(text) if packs else text
    return HistoryRow(last.sequence, "", len(events), record)


def _is_alone(record: bytes) -> bool:
    # We write no line ends, but a caller's JSON may be in a record as it came.
    return len(record) > LARGEST or _LINE_END in record
